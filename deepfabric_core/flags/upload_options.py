"""The flags of an upload, which the commands to upload and the notebook magics share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click


def refuse(variable: str) -> Callable[[click.Context, click.Parameter, str | None], None]:
    """Return what refuses a secret that is given by a flag."""

    def callback(_: click.Context, parameter: click.Parameter, value: str | None) -> None:
        if value is not None:
            flag = parameter.opts[0]
            raise click.UsageError(
                f"{flag} isn't taken, since a command's words can be read by others and stay in the shell's history; "
                f"set {variable} in the environment instead."
            )

    return callback


def with_upload_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the flags to a command."""
    for decorate in reversed(_OPTIONS):
        command = decorate(command)
    return command


_OPTIONS: tuple[Callable[[Callable[..., Any]], Callable[..., Any]], ...] = (
    click.option("--tags", multiple=True, metavar="TAG", help="A tag of the dataset. May be repeated."),
    click.option("--description", metavar="TEXT", help="What the card says first."),
    click.option("--license", metavar="ID", help="The licence, such as cc-by-4.0."),
    click.option(
        "--config",
        "configs",
        multiple=True,
        metavar="FORMAT",
        help="A format of deepfabric export that stands beside the samples, such as trl. May be repeated.",
    ),
    click.option("--split", metavar="SHARES", help="Divide it, as in train=0.9,test=0.1."),
    click.option("--by", type=click.Choice(("topic", "source", "random")), help="What stays together on one side."),
    click.option("--hold-out", multiple=True, metavar="TOPIC", help="A topic that goes to test. May be repeated."),
    click.option(
        "--public/--private", "public", default=None, help="Let everybody see it; by default nobody else can."
    ),
    click.option("--dry-run", is_flag=True, help="Show the card and the files, and upload nothing."),
    click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks."),
)


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that flags give, by the names that a config has for them."""
    found = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
    public = found.pop("public", None)
    if public is not None:
        found["private"] = not public
    return {name: value for name, value in found.items() if value not in (None, [])}
