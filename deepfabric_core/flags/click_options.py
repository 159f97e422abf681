"""Make click options of the table of flags, for every command that takes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from deepfabric_core.flags.options import OPTIONS, Option

_TYPES: dict[str, click.ParamType[Any]] = {
    "text": click.STRING,
    "integer": click.INT,
    "number": click.FLOAT,
    "path": click.Path(),
    "switch": click.BOOL,
}


def with_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add all options of the table to a command."""
    for option in reversed(OPTIONS):
        command = _as_click(option)(command)
    return command


def with_budget_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the table that set the budget to a command."""
    for option in reversed(OPTIONS):
        if any(key.startswith("budget.") for key in option.keys):
            command = _as_click(option)(command)
    return command


_PREVIEW, _LARGEST_PREVIEW = "5", 1000

# Flags that say what is to be made, though no key of the config does.
_ABOUT_THE_JOB = frozenset({"topics_load", "topic_only", "checkpoint_path", "debug"})


def with_config_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say what is to be made; the values of all others are None."""
    for option in reversed(OPTIONS):
        if option.keys or option.name in _ABOUT_THE_JOB:
            command = _as_click(option)(command)
    return command


def with_preview(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option that makes a few real samples before an estimate; alone it means five."""
    return click.option(
        "--preview",
        type=click.IntRange(1, _LARGEST_PREVIEW),
        is_flag=False,
        flag_value=_PREVIEW,
        metavar="[N]",
        help=f"Make N real samples first, {_PREVIEW} by default, which are kept and count towards the run.",
    )(command)


def with_all_names(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of some options with None for each other option of the table."""
    return {**{option.name: None for option in OPTIONS}, **values}


def _as_click(option: Option) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    if option.kind == "switch":
        return click.option(option.flag, option.name, is_flag=True, default=None, help=option.help)
    kind = click.Choice(option.choices) if option.choices else _TYPES[option.kind]
    shown = option.default is not None
    return click.option(
        option.flag, option.name, type=kind, default=option.default, show_default=shown, help=option.help
    )
