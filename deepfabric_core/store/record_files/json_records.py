"""Records in JSON: one a line, in one array, or one object after the other; none is read before its turn."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import chain
from typing import IO, Any

from deepfabric_core.samples.foreign.readers import reader_of
from deepfabric_core.store.record_files.found import FoundRecord

_BOM = b"\xef\xbb\xbf"
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CHUNK = 1 << 20
# An error this close to the end of what was read may come from what wasn't read yet.
_NEAR = 64
_SPACE = re.compile(r"[\s,]*")
# Under these names one object holds all records.
_WRAPPERS = ("data", "rows", "records", "examples", "samples", "items", "instances", "train", "validation", "test")


def _nothing(_: str) -> None:
    """Stand for what JSON doesn't have, as NaN."""


_decoder = json.JSONDecoder(parse_constant=_nothing)


def read_json(file: IO[bytes]) -> Iterator[FoundRecord]:
    """Yield the records of a file, whichever way they stand in it.

    Raises:
        OSError: it can't be read.
    """
    head = _first_line(file)
    is_stream = _is_stream(head.removeprefix(_BOM).strip())
    yield from _Stream(file, head).records() if is_stream else _lines(file, head)


def is_one_a_line(file: IO[bytes]) -> bool:
    """Whether a file has a record a line."""
    stripped = _first_line(file).removeprefix(_BOM).strip()
    return not _is_stream(stripped) and not _is_wrapper(stripped)


def _is_stream(stripped: bytes) -> bool:
    """Whether a file whose first line is this is an array, or objects over several lines."""
    return stripped[:1] == b"[" or (stripped[:1] == b"{" and stripped[-1:] in b"{[,:")


def _is_wrapper(stripped: bytes) -> bool:
    """Whether a line is an object that holds all records."""
    if not any(f'"{name}"'.encode() in stripped for name in _WRAPPERS):
        return False
    try:
        value = _decoder.decode(stripped.decode())
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and bool(_held(value))


def _first_line(file: IO[bytes]) -> bytes:
    """Return what a file begins with, up to the end of the first line that isn't empty, or a piece of a long one."""
    head = b""
    while line := file.readline(_CHUNK):
        head += line
        if line.removeprefix(_BOM).strip():
            break
    return head


def _lines(file: IO[bytes], head: bytes) -> Iterator[FoundRecord]:
    number = head.count(b"\n", 0, -1) + 1
    # The head may be a piece of its line.
    first = head if head.endswith(b"\n") else head + file.readline()
    for at, line in enumerate(chain([first.removeprefix(_BOM)], file), number):
        yield from _in_line(at, line)


def _in_line(number: int, line: bytes) -> Iterator[FoundRecord]:
    if not line.strip():
        return
    place = f"line {number}"
    try:
        value = _decoder.decode(line.decode().strip())
    except UnicodeDecodeError as problem:
        said = "it is UTF-16" if line.startswith(_UTF_16) else f"it isn't UTF-8 text (byte {problem.start})"
        yield FoundRecord(place, None, f"{said}; save the file as UTF-8")
    except json.JSONDecodeError as problem:
        said = f"it isn't JSON: {problem.msg} at column {problem.colno}"
        is_of_old = b"\r" in line.strip()
        yield FoundRecord(
            place, None, "its lines end in carriage returns; save it with line feeds" if is_of_old else said
        )
    except (ValueError, RecursionError):
        yield FoundRecord(place, None, "it is JSON nested too deep, or with too long a number")
    else:
        yield from _found(place, value)


def _found(place: str, value: Any) -> Iterator[FoundRecord]:
    """Yield a record, or those that an object holds as a list; one that is JSON within a text is read, too."""
    if isinstance(value, str):
        with suppress(ValueError, RecursionError):
            value = _decoder.decode(value)
    if not isinstance(value, dict):
        yield FoundRecord(place, None, "it is no JSON object")
    elif held := _held(value):
        for number, one in enumerate(held, 1):
            inner = f"record {number}"
            yield from (
                [FoundRecord(inner, one)]
                if isinstance(one, dict)
                else [FoundRecord(inner, None, "it is no JSON object")]
            )
    else:
        yield FoundRecord(place, value)


def _held(value: Mapping[str, Any]) -> list[Any]:
    lists = [value[name] for name in _WRAPPERS if isinstance(value.get(name), list)]
    whole = [one for some in lists for one in some]
    return whole if whole and isinstance(whole[0], dict) and reader_of(value) is None else []


class _Stream:
    """The values in a file, of an array or one after the other; as much is in memory as the longest one takes."""

    def __init__(self, file: IO[bytes], head: bytes) -> None:
        self._file = file
        self._decode = codecs.getincrementaldecoder("utf-8")("replace")
        self._text = self._decode.decode(head.removeprefix(_BOM))
        self._at = 0
        self._is_whole = False

    def records(self) -> Iterator[FoundRecord]:
        """Yield them; what follows a value that can't be read isn't read."""
        self._skip()
        is_array = self._next_is("[")
        self._at += is_array
        number = 0
        while self._skip() and not (is_array and self._next_is("]")):
            number += 1
            place = f"record {number}"
            try:
                value = self._value()
            except json.JSONDecodeError as problem:
                yield FoundRecord(place, None, f"it isn't JSON: {problem.msg}; nothing after it was read")
                return
            except (ValueError, RecursionError):
                said = "it is JSON nested too deep, or with too long a number; nothing after it was read"
                yield FoundRecord(place, None, said)
                return
            yield from _found(place, value)
        if is_array and not self._next_is("]"):
            yield FoundRecord(f"record {number + 1}", None, "it isn't JSON: the file ends within its array")

    def _next_is(self, sign: str) -> bool:
        return self._text.startswith(sign, self._at)

    def _skip(self) -> bool:
        """Go to the next value; return whether there may be one."""
        while True:
            space = _SPACE.match(self._text, self._at)
            self._at = space.end() if space else self._at
            if self._at < len(self._text) or not self._more():
                return self._at < len(self._text)

    def _value(self) -> Any:
        wanted = _CHUNK
        while True:
            try:
                value, end = _decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as problem:
                if self._is_whole or not self._may_go_on(problem):
                    raise
                while self._more() and len(self._text) < wanted:
                    pass
                wanted *= 2
                continue
            self._at = end
            return value

    def _may_go_on(self, problem: json.JSONDecodeError) -> bool:
        """Whether more of the file may mend what can't be read yet."""
        return problem.msg.startswith("Unterminated string") or problem.pos >= len(self._text) - _NEAR

    def _more(self) -> bool:
        """Read more; return whether there was any."""
        piece = self._file.read(_CHUNK)
        self._is_whole = not piece
        self._text = self._text[self._at :] + self._decode.decode(piece, final=self._is_whole)
        self._at = 0
        return not self._is_whole
