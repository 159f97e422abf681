"""Find out where in a YAML text the cursor is, by indentation only, so that the text may be unfinished."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

KeyPath = tuple[str | int, ...]

_DASH = re.compile(r" *-(?: +|$)")
# A key in quotes, or one that doesn't begin like a value; its colon is followed by a space or the line's end.
_QUOTED = r"""\"(?:[^"\\]|\\.)*\"|'(?:[^']|'')*'"""
_UNQUOTED = r"""(?![-?][ ]|[\s"'#\[\]{},&*!|>%@`])(?:[^:#]|:(?![ ]|$)|(?<![ ])#)+"""
_KEY = re.compile(rf"[ ]*(?P<key>{_QUOTED}|{_UNQUOTED}):(?:[ ]+|$)")
_TAGS = re.compile(r"(?:[&!]\S*\s*)*")
_BLOCK = re.compile(r"[|>][-+0-9]*\s*(?:#.*)?$")
_COMMENT = re.compile(r"(?:^|\s)#")
_DEEPEST = 100
_CLOSING = {'"': re.compile(r"""(?:[^"\\]|\\.)*\""""), "'": re.compile(r"(?:[^']|'')*'(?!')")}


@dataclass(frozen=True, slots=True)
class YamlCursor:
    """What is typed from offset `start` of the text to the cursor: a key of the section at `path`, or that key's value.

    `siblings` are the keys that the section has already; `bare` says that no colon follows the key yet.
    """

    path: KeyPath
    typed: str
    start: int
    is_value: bool
    bare: bool = True
    siblings: frozenset[str] = frozenset()


def cursor_at(text: str, cursor: int) -> YamlCursor | None:
    """Return the cursor's place; None where neither a key nor a value can begin: comments, running text, flow style."""
    above = text[:cursor].count("\n")
    start = text.rfind("\n", 0, cursor) + 1
    lines = text.split("\n")
    outline = _Outline()
    for line in lines[:above]:
        outline.read(line)
    below = next(filter(str.strip, lines[above + 1 :]), "")
    found = outline.at(lines[above], cursor - start, below)
    for line in lines[above + 1 :]:
        outline.read(line)
    if found is None or (found.key is None and found.bare and _takes(found.column, lines[above + 1 :])):
        return None
    return outline.finished(found, start)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A key or a list item that is open at some line; `empty` says that nothing follows it on its own line."""

    column: int
    part: str | int
    empty: bool = True

    @property
    def is_item(self) -> bool:
        return isinstance(self.part, int)


@dataclass(frozen=True, slots=True)
class _FoundKey:
    """What the cursor's line says about the cursor's place."""

    parent: KeyPath
    column: int
    typed: str
    key: str | None = None
    bare: bool = True


@dataclass(slots=True)
class _Scalar:
    """A text of several lines, which ends at a line that isn't indented beyond `column`, or with its closing quote."""

    column: int
    quote: str


@dataclass(slots=True)
class _Outline:
    """What the lines so far contain: the open entries, the keys of each section, and the columns of the keys."""

    stack: list[_Entry] = field(default_factory=list)
    keys: dict[KeyPath, set[str]] = field(default_factory=dict)
    columns: dict[KeyPath, int] = field(default_factory=dict)
    items: dict[KeyPath, int] = field(default_factory=dict)
    scalar: _Scalar | None = None

    def read(self, line: str) -> None:
        """Process a whole line."""
        if not line.strip() or self._in_scalar(line) or line.lstrip().startswith("#"):
            return
        position = self._enter_items(line)
        if key := _KEY.match(line, position):
            self._enter_key(key, line)
        elif position > _indent(line):
            self._enter_value(line[position:])

    def at(self, line: str, column: int, below: str) -> _FoundKey | None:
        """Return what the cursor's line says; its list items and its finished key are processed, too."""
        before, after = line[:column], line[column:].strip()
        if not before.strip() and after:
            self.read(line)
            return None
        inside = self._in_scalar(line) if after or before.strip() else self._deeper(before) or self._deeper(below)
        if inside or _COMMENT.search(before):
            return None
        position = self._enter_items(before) if not before.endswith("-") else _indent(before)
        written = _KEY.match(line, position)
        found = self._value(before, position, after) or self._key(before, position, after)
        if written:
            self._enter_key(written, line, known=written.end() <= column)
        return found

    def finished(self, found: _FoundKey, start: int) -> YamlCursor | None:
        """Return the place after the lines below were read: a key has to be in the same column as its siblings."""
        offset = start + found.column
        if found.key is not None:
            return YamlCursor((*found.parent, found.key), found.typed, offset, is_value=True)
        if found.typed.startswith("!"):
            return YamlCursor(found.parent, found.typed, offset, is_value=True)
        if self.columns.get(found.parent, found.column) != found.column:
            return None
        siblings = frozenset(self.keys.get(found.parent, ()))
        return YamlCursor(found.parent, found.typed, offset, is_value=False, bare=found.bare, siblings=siblings)

    def _value(self, before: str, position: int, after: str) -> _FoundKey | None:
        key = _KEY.match(before, position)
        if not key or before.endswith(":") or (after and not after.startswith("#")):
            return None
        parent = self._parent(key.start("key"))
        return None if parent is None else _FoundKey(parent, key.end(), before[key.end() :], _name(key))

    def _key(self, before: str, position: int, after: str) -> _FoundKey | None:
        typed = before[position:]
        if not re.fullmatch(r"[\w-]*|!.*", typed) or (after and not re.match(r":(?: |$)", after)):
            return None
        parent = self._parent(position)
        return None if parent is None else _FoundKey(parent, position, typed, bare=not after)

    def _owners(self, column: int) -> list[_Entry]:
        return [entry for entry in self.stack if entry.column < column]

    def _parent(self, column: int) -> KeyPath | None:
        """Return the section that a key in this column belongs to; None after a value, which contains no keys."""
        owners = self._owners(column)
        return None if owners and not owners[-1].empty else tuple(entry.part for entry in owners)

    def _enter_items(self, line: str) -> int:
        """Process the dashes at the beginning of a line, and return the column after them."""
        position = _indent(line)
        while (dash := _DASH.match(line, position)) and len(self.stack) < _DEEPEST:
            column = dash.end(0) - len(dash.group().lstrip(" "))
            self.stack = [e for e in self.stack if e.column < column or (e.column == column and not e.is_item)]
            path = tuple(entry.part for entry in self.stack)
            self.items[path] = self.items.get(path, -1) + 1
            self.stack.append(_Entry(column, self.items[path]))
            position = dash.end()
        return position

    def _enter_key(self, key: re.Match[str], line: str, *, known: bool = True) -> None:
        column = key.start("key")
        parent = self._parent(column)
        if parent is None:
            return
        self.stack = [*self._owners(column), _Entry(column, _name(key))]
        if known:
            self.keys.setdefault(parent, set()).add(_name(key))
            self.columns.setdefault(parent, column)
        self._enter_value(line[key.end() :])

    def _enter_value(self, text: str) -> None:
        """Note what follows the last key or dash."""
        value = text[_TAGS.match(text).end() :]  # type: ignore[union-attr]
        if not value or value.startswith("#"):
            return
        last = self.stack.pop()
        self.stack.append(_Entry(last.column, last.part, empty=False))
        if _BLOCK.match(value):
            self.scalar = _Scalar(last.column, "")
        elif value[0] in _CLOSING and not _CLOSING[value[0]].match(value, 1):
            self.scalar = _Scalar(last.column, value[0])

    def _in_scalar(self, line: str) -> bool:
        """Return whether a line that isn't blank belongs to a text of several lines."""
        inside = self._deeper(line)
        if not inside or (self.scalar and self.scalar.quote and _CLOSING[self.scalar.quote].match(line)):
            self.scalar = None
        return inside

    def _deeper(self, line: str) -> bool:
        return self.scalar is not None and _indent(line) > self.scalar.column


def _takes(column: int, below: list[str]) -> bool:
    """Return whether lines below would become children of a new key in a column."""
    line = next((line for line in below if line.strip() and not line.lstrip().startswith("#")), "")
    return _indent(line) > column or (_indent(line) == column and _DASH.match(line) is not None)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _name(key: re.Match[str]) -> str:
    return key["key"].rstrip().strip("\"'")
