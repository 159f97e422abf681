"""Find a format by its name: ours, one that an installed package brings, or a Jinja template."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from deepfabric_core.config.exports import ENTRY_POINTS, TEMPLATES
from deepfabric_core.errors import ConfigError
from deepfabric_core.export.formats import BUILT_IN
from deepfabric_core.export.formats.format import Format, Reasoning

_MAKES_ROWS = ".json"


def find_format(name: str) -> Format:
    """Return the format of that name, or that of a Jinja template.

    Raises:
        ConfigError: there is none, or it can't be loaded.
    """
    if name in BUILT_IN:
        return BUILT_IN[name]
    if name.endswith(TEMPLATES):
        return _of_template(Path(name))
    brought = _brought()
    if name not in brought:
        known = ", ".join([*BUILT_IN, *brought])
        raise ConfigError(f"There is no format {name}; there are {known}, and any Jinja template (.jinja).")
    return _of_package(name, brought[name])


def formats() -> dict[str, str]:
    """Return the formats' names with what they are for: ours, and those that installed packages bring."""
    ours = {name: one.what for name, one in BUILT_IN.items()}
    return {**{name: f"brought by {one.value.partition(':')[0]}" for name, one in _brought().items()}, **ours}


def _brought() -> Mapping[str, EntryPoint]:
    return {one.name: one for one in entry_points(group=ENTRY_POINTS)}


def _of_template(path: Path) -> Format:
    from deepfabric_core.export.chat_template import ChatTemplate
    from deepfabric_core.export.formats.template import template_format
    from deepfabric_core.store.files import read_text

    template = ChatTemplate(read_text(path, what="template"), str(path))
    return template_format(path.name.partition(".")[0], template, makes_rows=_MAKES_ROWS in path.suffixes)


def _of_package(name: str, point: EntryPoint) -> Format:
    from deepfabric_core.export.formats.template import function_format

    try:
        function = point.load()
    except Exception as problem:
        raise ConfigError(f"The format {name} ({point.value}) can't be loaded: {problem}.") from problem
    if isinstance(function, Format):
        return function
    if not callable(function):
        raise ConfigError(f"The format {name} ({point.value}) is neither a function nor a Format.")
    return function_format(name, function)


def reasoning_for(chosen: Format, wanted: str | None) -> Reasoning:
    """Return where a format puts reasoning.

    Raises:
        ConfigError: the format has no such place.
    """
    if wanted is None:
        return chosen.default_reasoning
    found = next((place for place in chosen.reasoning if place == wanted), None)
    if found is None:
        raise ConfigError(f"{chosen.name} has no place {wanted} for reasoning; it has {', '.join(chosen.reasoning)}.")
    return found
