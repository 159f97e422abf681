"""Read the beginning of a GGUF file: whether the file is whole, and how long a context the model was trained with.

llama.cpp takes the whole process down when it is given a file that was cut off.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_MAGIC = b"GGUF"
# Older ones are not read here, nor those of machines with the other order of bytes: their number looks larger.
_VERSIONS = (2, 3)
_ALIGNMENT = 32

_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TEXT, _ARRAY = 8, 9

# The bytes of a block of so many weights, by the number of their type. Of others the size isn't checked.
_BLOCKS = {
    1: {0: 4, 1: 2, 30: 2},
    32: {2: 18, 3: 20, 6: 22, 7: 24, 8: 34, 9: 36},
    256: {10: 84, 11: 110, 12: 144, 13: 176, 14: 210, 15: 292},
}


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """What a file says of itself; `size` is how many bytes it has to have, 0 if that isn't known."""

    metadata: dict[str, Any]
    size: int

    @property
    def context_length(self) -> int | None:
        """The tokens of context with which the model was trained, or None if it isn't said."""
        said = self.metadata.get(f"{self.metadata.get('general.architecture')}.context_length")
        return said if isinstance(said, int) and said > 0 else None


def read_header(path: Path) -> GgufHeader:
    """Return what the beginning of a file says.

    Raises:
        OSError: it can't be read.
        ValueError: it isn't a GGUF file, or isn't whole; the message says which, to follow the file's name.
    """
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise ValueError("isn't a GGUF file, the format of llama.cpp's models")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            try:
                header = _Reader(content).header()
            except (struct.error, KeyError, OverflowError) as problem:
                raise ValueError("is cut off or damaged within its beginning; get it anew") from problem
            if len(content) < header.size:
                raise ValueError(f"is cut off: it has {len(content):,} of {header.size:,} bytes; get it anew")
    return header


@dataclass
class _Reader:
    """Reads one value after the other."""

    content: mmap.mmap
    place: int = len(_MAGIC)
    metadata: dict[str, Any] = field(default_factory=dict)

    def header(self) -> GgufHeader:
        if self._number("I") not in _VERSIONS:
            return GgufHeader({}, 0)
        tensors, pairs = self._number("Q"), self._number("Q")
        for _ in range(pairs):
            name = self._text()
            self.metadata[name] = self._value(self._number("I"))
        ends = max((self._end_of_tensor() for _ in range(tensors)), default=0)
        alignment = self.metadata.get("general.alignment", _ALIGNMENT)
        begins = -(-self.place // alignment) * alignment
        return GgufHeader(self.metadata, begins + ends)

    def _end_of_tensor(self) -> int:
        """Return where the weights of a tensor end, counted from the beginning of all weights."""
        self._text()
        weights = 1
        for _ in range(self._number("I")):
            weights *= self._number("Q")
        kind, begins = self._number("I"), int(self._number("Q"))
        return begins + sum(weights // each * sizes[kind] for each, sizes in _BLOCKS.items() if kind in sizes)

    def _number(self, code: str) -> Any:
        value = struct.unpack_from(f"<{code}", self.content, self.place)[0]
        self.place += struct.calcsize(f"<{code}")
        return value

    def _text(self) -> str:
        length = self._number("Q")
        if self.place + length > len(self.content):
            raise struct.error
        text = self.content[self.place : self.place + length].decode(errors="replace")
        self.place += length
        return text

    def _value(self, kind: int) -> Any:
        """Return a value; None for an array, which is passed over."""
        if kind == _TEXT:
            return self._text()
        if kind != _ARRAY:
            return self._number(_NUMBERS[kind])
        kind, count = self._number("I"), self._number("Q")
        if kind in _NUMBERS:
            self.place += struct.calcsize(f"<{_NUMBERS[kind]}") * count
        elif kind == _TEXT:
            self._pass_over_texts(count)
        else:
            for _ in range(count):
                self._value(kind)
        return None

    def _pass_over_texts(self, count: int) -> None:
        """Do that quickly: a model has some hundred thousand of them."""
        place, content, length = self.place, self.content, struct.Struct("<Q").unpack_from
        for _ in range(count):
            place += 8 + length(content, place)[0]
        self.place = place
