"""The built-in tools: read, write, list and delete files that exist in memory only, separate for each sample."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from deepfabric_core.chat.tools import Tool, ToolResult, text_of
from deepfabric_core.errors import ConfigError
from deepfabric_core.tools.executor import ToolSession

FILE_BYTES = 1 << 20
SESSION_BYTES = 16 << 20
SESSION_FILES = 1000
PATH_CHARACTERS = 1024
PART_CHARACTERS = 255

_SHOWN_CHARACTERS = 100


def _tool(name: str, description: str, **arguments: str) -> Tool:
    properties = {argument: {"type": "string", "description": text} for argument, text in arguments.items()}
    return Tool(name, description, {"type": "object", "properties": properties, "required": list(arguments)})


BUILT_IN: Mapping[str, Tool] = {
    tool.name: tool
    for tool in (
        _tool("read_file", "Read content from a file", file_path="Path to the file to read"),
        _tool(
            "write_file",
            "Write content to a file",
            file_path="Path to the file to write",
            content="Content to write to the file",
        ),
        _tool("list_files", "List all files in the current session"),
        _tool("delete_file", "Delete a file", file_path="Path to the file to delete"),
    )
}


class VirtualFiles:
    """Carries out the built-in tools. Each session begins with `files`; `only` names the tools offered (empty: all)."""

    def __init__(self, files: Mapping[str, str], only: Collection[str] = ()) -> None:
        if unknown := [name for name in only if name not in BUILT_IN]:
            raise ConfigError(
                f"generation.tools.components.builtin: there is no built-in tool {unknown[0]}; "
                f"there are {', '.join(BUILT_IN)}."
            )
        self._tools = {name: tool for name, tool in BUILT_IN.items() if name in only or not only}
        self._seed = _seed(files)

    @property
    def tools(self) -> tuple[Tool, ...]:
        """The tools that are offered."""
        return tuple(self._tools.values())

    def session(self, key: str) -> FileSession:  # noqa: ARG002 - all samples begin alike
        """Return a session that begins with the initial files."""
        return FileSession(self._seed, self._tools)

    async def close(self) -> None:
        """Do nothing: there is nothing to close."""


@dataclass(frozen=True, slots=True)
class _Seed:
    """The files that all sessions begin with; `size` is their total in bytes."""

    files: Mapping[str, str]
    size: int


class _Refused(Exception):
    """A call is refused; it is answered with an error."""

    def __init__(self, error: str, text: str) -> None:
        super().__init__(f"{error}: {text}")
        self.error = error


class FileSession(ToolSession):
    """The files of one sample: the initial ones, and the changes to them; None marks a deleted file."""

    def __init__(self, seed: _Seed, tools: Mapping[str, Tool]) -> None:
        self._seed = seed
        self._tools = tools
        self._changed: dict[str, str | None] = {}
        self._count = len(seed.files)
        self._size = seed.size

    async def call(self, name: str, arguments: Mapping[str, Any]) -> ToolResult:
        """Carry out a call; if it can't be done, the result says why."""
        try:
            self._check(name, arguments)
            return ToolResult(self._actions[name](**arguments))
        except _Refused as refusal:
            return ToolResult(str(refusal), refusal.error)

    async def close(self) -> None:
        """Discard the changes."""
        self._changed, self._count, self._size = {}, len(self._seed.files), self._seed.size

    @property
    def _actions(self) -> Mapping[str, Callable[..., str]]:
        return {
            "read_file": self._read,
            "write_file": self._write,
            "list_files": self._list,
            "delete_file": self._delete,
        }

    def _check(self, name: str, arguments: Mapping[str, Any]) -> None:
        if name not in self._tools:
            raise _Refused("InvalidArguments", f"there is no tool {_shown(name)}; there are {', '.join(self._tools)}")
        wanted = self._tools[name].parameters["required"]
        if set(arguments) != set(wanted) or not all(isinstance(value, str) for value in arguments.values()):
            said = f"the arguments {' and '.join(wanted)}, as text" if wanted else "no arguments"
            raise _Refused("InvalidArguments", f"{name} takes {said}")

    def _read(self, file_path: str) -> str:
        return self._there(_path(file_path))

    def _list(self) -> str:
        deleted = {path for path, content in self._changed.items() if content is None}
        return json.dumps(sorted((self._seed.files.keys() | self._changed.keys()) - deleted), ensure_ascii=False)

    def _write(self, file_path: str, content: str) -> str:
        path, size = _path(file_path), _size(content)
        before = self._content(path)
        after = self._size + size - (0 if before is None else _size(before))
        if after > SESSION_BYTES:
            raise _Refused("IOError", f"no space left: all files together may hold {SESSION_BYTES} bytes")
        if before is None and self._count >= SESSION_FILES:
            raise _Refused("IOError", f"no space left: there may be {SESSION_FILES} files")
        self._count += before is None
        self._size = after
        self._changed[path] = content
        return f"Wrote {size} bytes to {path}"

    def _delete(self, file_path: str) -> str:
        path = _path(file_path)
        self._size -= _size(self._there(path))
        self._count -= 1
        if path in self._seed.files:
            self._changed[path] = None
        else:
            del self._changed[path]
        return f"Deleted {path}"

    def _content(self, path: str) -> str | None:
        return self._changed[path] if path in self._changed else self._seed.files.get(path)

    def _there(self, path: str) -> str:
        content = self._content(path)
        if content is None:
            advice = "; list_files shows what there is" if "list_files" in self._tools else ""
            raise _Refused("FileNotFound", f"no file {_shown(path)}{advice}")
        return content


def _seed(files: Mapping[str, str]) -> _Seed:
    """Check the files of a config against the same limits as files that a tool writes."""
    seed: dict[str, str] = {}
    size = 0
    for path, text in files.items():
        where = f"scenario_seed.files, {_shown(path)}"
        try:
            name, content = _path(path), text_of(text)
            size += _size(content)
        except _Refused as refusal:
            raise ConfigError(f"{where}: {refusal}.") from refusal
        if name in seed:
            raise ConfigError(f"{where}: another file there has the same path {_shown(name)}; rename or remove one.")
        seed[name] = content
    if size > SESSION_BYTES or len(seed) > SESSION_FILES:
        raise ConfigError(
            f"scenario_seed.files: {len(seed)} files of {size} bytes are too much; "
            f"there may be {SESSION_FILES}, of {SESSION_BYTES} bytes together."
        )
    return _Seed(seed, size)


def _path(text: str) -> str:
    """Return the normalized path: relative, without `.` and empty parts."""
    parts = [part for part in text[: PATH_CHARACTERS + 1].split("/") if part not in ("", ".")]
    wrong = ""
    if len(text) > PATH_CHARACTERS or any(len(part) > PART_CHARACTERS for part in parts):
        wrong = f"is too long: {PATH_CHARACTERS} characters, and {PART_CHARACTERS} from / to /, are allowed"
    elif text.startswith("/"):
        wrong = "is absolute: write it relative to the session's folder"
    elif ".." in parts:
        wrong = "leads out by `..`: write it relative to the session's folder"
    elif "\0" in text or text_of(text) != text:
        wrong = "holds characters that no path may have"
    elif not parts:
        wrong = "names no file"
    if wrong:
        raise _Refused("InvalidArguments", f"the path {_shown(text)} {wrong}")
    return "/".join(parts)


def _size(content: str) -> int:
    """Return the size of a text in UTF-8 bytes; a text that is far too long is refused without encoding it."""
    try:
        size = len(content) if len(content) > FILE_BYTES or content.isascii() else len(content.encode())
    except UnicodeEncodeError as problem:
        raise _Refused("InvalidArguments", "the content holds half a character, which no text file can") from problem
    if size > FILE_BYTES:
        raise _Refused("IOError", f"the file is too large: it may hold {FILE_BYTES} bytes")
    return size


def _shown(text: str) -> str:
    shown = repr(text[:_SHOWN_CHARACTERS])
    return shown if len(text) <= _SHOWN_CHARACTERS else f"{shown}..."
