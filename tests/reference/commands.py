"""The commands of the command line and of the notebook, with their flags."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator

import click

from deepfabric_core.cli.app import app
from deepfabric_core.flags.options import OPTIONS
from deepfabric_nb.magic.commands import COMMANDS
from tests.reference.markdown import code, table

_TABLE = {option.name for option in OPTIONS}


def command_line() -> Iterator[str]:
    """All commands of `deepfabric`."""
    yield "## Command line\n"
    yield "`deepfabric --help` lists the commands, and each of them has `--help`.\n"
    context = click.Context(app, info_name="deepfabric")
    for name in app.list_commands(context):
        command = app.get_command(context, name)
        assert command
        yield from _command(f"deepfabric {name}", command)


def notebook() -> Iterator[str]:
    """All commands of the magic."""
    yield "## Notebook\n"
    yield "After `%load_ext deepfabric_nb`. Above YAML in a cell it is `%%deepfabric`.\n"
    for name, command in COMMANDS.items():
        yield from _command(f"%deepfabric {name}", command)


def _command(name: str, command: click.Command) -> Iterator[str]:
    if isinstance(command, click.Group):
        for below in command.commands.values():
            yield from _command(f"{name} {below.name}", below)
        return
    yield f"### {name}\n"
    yield code(" ".join((name, *(_argument(each) for each in command.params if isinstance(each, click.Argument)))))
    yield f"{inspect.cleandoc(command.help or '')}\n"
    options = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
    own = [each for each in options if each.name not in _TABLE]
    if name.startswith("%") and len(options) - len(own) == len(OPTIONS):
        yield "It takes the flags of `deepfabric generate`" + (" and:\n" if own else ".\n")
        options = own
    if options:
        keys = {option.name: option.keys[0] for option in OPTIONS if option.keys}
        rows = [(_flag(each), keys.get(each.name or ""), _meaning(each)) for each in options]
        if any(key for _, key, _ in rows):
            yield table(
                ("flag", "key", "meaning"), ((flag, f"`{key}`" if key else "", what) for flag, key, what in rows)
            )
        else:
            yield table(("flag", "meaning"), ((flag, what) for flag, _, what in rows))


def _argument(argument: click.Argument) -> str:
    name = argument.metavar or (argument.name or "").upper()
    return name if argument.required or name.startswith("[") else f"[{name}]"


def _flag(option: click.Option) -> str:
    choices = " or ".join(option.type.choices) if isinstance(option.type, click.Choice) else ""
    takes = "" if option.is_flag else option.metavar or choices or option.type.name.split()[0].upper()
    return _spelled((*option.opts, *option.secondary_opts), takes)


def _spelled(spellings: Iterable[str], takes: str) -> str:
    return f"{', '.join(f'`{each}`' for each in spellings)} {takes}".strip()


def _meaning(option: click.Option) -> str:
    """What it is for, and what holds without it, where help says so."""
    default = f" Default: {option.default}." if option.show_default and not option.is_flag else ""
    return f"{option.help or ''}{default}"
