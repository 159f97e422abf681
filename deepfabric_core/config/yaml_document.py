"""Parse a YAML mapping and remember the line of each key, for error messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from deepfabric_core.config.yaml_reader import Loader, Variables
from deepfabric_core.errors import ConfigError

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """The content of a YAML mapping and the line of every key in it (from 1).

    `words` are the values that are written as yes, no, on or off.
    """

    content: dict[str, Any]
    lines: Mapping[KeyPath, int]
    source: str
    words: Mapping[KeyPath, str] = field(default_factory=dict)

    def line(self, path: KeyPath) -> int | None:
        """Return the line on which `path` is written, or None."""
        return self.lines.get(path)

    def at(self, path: KeyPath) -> str:
        """Return `file, line N` of a path, or of its longest prefix that is written."""
        for length in range(len(path), 0, -1):
            if (line := self.lines.get(path[:length])) is not None:
                return f"{self.source}, line {line}"
        return self.source

    def get(self, path: KeyPath) -> Any:
        """Return the value at a path, or None."""
        place: Any = self.content
        for part in path:
            if not isinstance(place, dict):
                return None
            place = place.get(part)
        return place


def dotted(path: KeyPath) -> str:
    """Return a path as users write it: `topics.llm.model`, `generation.tools.custom[0]`."""
    text = ""
    for part in path:
        name = f"[{part}]" if isinstance(part, int) else part or '""'
        text += f".{name}" if text and not isinstance(part, int) else name
    return text


def parse_document(text: str, *, source: str, variables: Variables | None = None) -> Document:
    """Read a YAML text whose top level is a mapping; an empty text is an empty mapping.

    Raises:
        ConfigError: the YAML is malformed, holds a key twice or a variable without a value, or isn't a mapping.
    """
    try:
        written, content = _read(text, source, variables)
    except yaml.YAMLError as problem:
        raise ConfigError(_yaml_sentence(problem, source, text)) from problem
    except ValueError as problem:  # a date that doesn't exist, or a number that is too large
        raise ConfigError(f"{source}: not valid YAML: {problem}; put such a value in quotes.") from problem
    except RecursionError as problem:
        raise ConfigError(f"{source}: it is nested too deeply to be a config.") from problem
    if content is None:
        content = {}
    if not isinstance(content, dict):
        raise ConfigError(f"{source}: a config is a mapping of sections (topics, generation, output), not this.")
    lines: dict[KeyPath, int] = {}
    words: dict[KeyPath, str] = {}
    for path, key, value in written:
        if key is not None:
            line = key.start_mark.line + 1
            if path in lines:
                raise ConfigError(
                    f"{source}, line {line}: {dotted(path)} is written twice; line {lines[path]} has it too."
                )
            lines[path] = line
        if _is_word(value):
            words[path] = value.value
    return Document(content, lines, source, words)


_Written = tuple[KeyPath, yaml.ScalarNode | None, yaml.Node]


def _read(text: str, source: str, variables: Variables | None) -> tuple[list[_Written], Any]:
    """Return the keys and values with their positions, and the content (which also holds merged keys)."""
    loader = Loader(text, source, variables)
    try:
        root = loader.root()
        written = list(_written_below(root, (), set()))
        return written, None if root is None else loader.construct_document(root)
    finally:
        loader.dispose()


def _written_below(node: yaml.Node | None, path: KeyPath, seen: set[int]) -> Iterator[_Written]:
    """Yield each key with its value, and each list item: once, however many aliases point to it."""
    if node is None or id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*path, str(key.value))
            if key.value != "<<":
                yield here, key, value
                yield from _written_below(value, here, seen)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield (*path, index), None, item
            yield from _written_below(item, (*path, index), seen)


def _is_word(node: yaml.Node) -> bool:
    """Return whether a node is yes, no, on or off, which are booleans in YAML 1.1 and strings in YAML 1.2."""
    return node.tag == "tag:yaml.org,2002:bool" and node.value.lower() not in ("true", "false")


def as_yaml(content: Mapping[str, Any]) -> str:
    """Return a mapping of plain values as YAML that reads back as the same; texts of several lines as block scalars."""
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


class _Dumper(yaml.SafeDumper):
    """Writes safe YAML in which texts of several lines are readable block scalars."""

    def text(self, text: str) -> yaml.ScalarNode:
        odd = any(mark in text for mark in "\x85\u2028\u2029")  # a YAML reader would change these line ends
        return self.represent_scalar("tag:yaml.org,2002:str", text, style='"' if odd else "|" if "\n" in text else None)


_Dumper.add_representer(str, _Dumper.text)


_OPENED = ("while parsing a flow mapping", "while parsing a flow sequence", "while scanning a quoted")


def _yaml_sentence(problem: yaml.YAMLError, source: str, text: str) -> str:
    reason = getattr(problem, "problem", None) or str(problem).splitlines()[0]
    mark = getattr(problem, "problem_mark", None) or getattr(problem, "context_mark", None)
    advice = "indent by spaces, not by tabs" if "'\\t'" in reason else "check indentation, quotes and colons there"
    if isinstance(problem, yaml.MarkedYAMLError) and (mark_of_opening := _never_closed(problem, text)):
        mark, advice = mark_of_opening, "close it"
        reason = f"this {text.splitlines()[mark.line][mark.column]} has no counterpart"
    where = f"{source}, line {mark.line + 1}, column {mark.column + 1}" if mark else source
    return f"{where}: not valid YAML: {reason}; {advice}."


def _never_closed(problem: yaml.MarkedYAMLError, text: str) -> yaml.Mark | None:
    """Return where the bracket or quote stands that was found open on a later line, which isn't a part of it."""
    opening, found = problem.context_mark, problem.problem_mark
    if opening is None or found is None or not str(problem.context).startswith(_OPENED):
        return None
    if "stream end" in str(problem.problem) or "end of stream" in str(problem.problem):
        return opening
    lines = text.splitlines()
    is_left = found.line > opening.line and _indent(lines[found.line]) <= _indent(lines[opening.line])
    return opening if is_left else None


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
