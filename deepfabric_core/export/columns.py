"""The columns of a format: which types the values in its rows have, for files that keep types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Plain:
    """A text, a truth value, a number, or any JSON value: the last never gets keys that stand in other rows alone.

    An integer has 64 bits.
    """

    kind: Literal["text", "truth", "integer", "number", "json"]


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of values of one type."""

    item: Column


@dataclass(frozen=True, slots=True)
class Struct:
    """An object with known keys, each of which may be missing."""

    fields: Mapping[str, Column]


Column = Plain | ListOf | Struct
Columns = Mapping[str, Column]

TEXT, TRUTH, JSON = Plain("text"), Plain("truth"), Plain("json")
INTEGER, NUMBER = Plain("integer"), Plain("number")
