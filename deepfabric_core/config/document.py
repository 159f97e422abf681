"""A YAML mapping that remembers on which line each key stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from deepfabric_core.errors import ConfigError

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """The content of a YAML mapping and the line of every key in it (from 1)."""

    content: dict[str, Any]
    lines: Mapping[Path, int]
    source: str

    def line(self, path: Path) -> int | None:
        """The line on which `path` is written, or None."""
        return self.lines.get(path)

    def at(self, path: Path) -> str:
        """`file, line N` of a path, or of the nearest part of it that is written."""
        for length in range(len(path), 0, -1):
            if (line := self.lines.get(path[:length])) is not None:
                return f"{self.source}, line {line}"
        return self.source

    def get(self, path: Path) -> Any:
        """The value at a path, or None."""
        place: Any = self.content
        for part in path:
            if not isinstance(place, dict):
                return None
            place = place.get(part)
        return place


def dotted(path: Path) -> str:
    """A path as users write it: `topics.llm.model`, `generation.tools.custom[0]`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def parse_document(text: str, *, source: str) -> Document:
    """Read a YAML text whose top level is a mapping; an empty text is an empty mapping.

    Raises:
        ConfigError: the YAML is malformed, holds a key twice, or isn't a mapping.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except yaml.YAMLError as problem:
        raise ConfigError(_yaml_sentence(problem, source)) from problem
    except ValueError as problem:  # a date that doesn't exist, a number past all measure
        raise ConfigError(f"{source}: not valid YAML: {problem}; put such a value in quotes.") from problem
    except RecursionError as problem:
        raise ConfigError(f"{source}: it is nested too deeply to be a config.") from problem
    if content is None:
        content = {}
    if not isinstance(content, dict):
        raise ConfigError(f"{source}: a config is a mapping of sections (topics, generation, output), not this.")
    lines: dict[Path, int] = {}
    for path, line in _keys_below(root, (), set()):
        if path in lines:
            raise ConfigError(f"{source}, line {line}: {dotted(path)} is written twice; line {lines[path]} has it too.")
        lines[path] = line
    return Document(content, lines, source)


def _keys_below(node: yaml.Node | None, path: Path, seen: set[int]) -> Iterator[tuple[Path, int]]:
    """Each key where it is written: once, however many aliases lead to it, and also if they lead in a loop."""
    if node is None or id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*path, str(key.value))
            if key.value != "<<":
                yield here, key.start_mark.line + 1
                yield from _keys_below(value, here, seen)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _keys_below(item, (*path, index), seen)


def _yaml_sentence(problem: yaml.YAMLError, source: str) -> str:
    mark = getattr(problem, "problem_mark", None) or getattr(problem, "context_mark", None)
    reason = getattr(problem, "problem", None) or str(problem).splitlines()[0]
    where = f"{source}, line {mark.line + 1}, column {mark.column + 1}" if mark else source
    return f"{where}: not valid YAML: {reason}; check indentation, quotes and colons there."
