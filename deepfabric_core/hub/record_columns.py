"""Which columns records have, told by the records themselves, so that no value gets keys that stand in others alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from deepfabric_core.export.columns import INTEGER, JSON, NUMBER, TEXT, TRUTH, Column, Columns, ListOf, Plain, Struct

# Its elements may lack keys that others have: all trainers read messages like that.
_MESSAGES = "messages"
_MOST_FIELDS = 200
_DEEPEST = 8
_LARGEST = 2**63
_PLAIN: Mapping[type, Plain] = {bool: TRUTH, int: INTEGER, float: NUMBER, str: TEXT}


def columns_of(records: Iterable[Mapping[str, Any]]) -> Columns:
    """Return the columns of records, in the order in which their keys appear.

    An object is a struct where it has the same keys in each record; what differs from record to record is JSON.
    """
    values = _Values(0)
    for record in records:
        values.add(record)
    return {
        name: ListOf(of.items.column(any_keys=True)) if name == _MESSAGES and of.are_objects else of.column()
        for name, of in values.fields.items()
    }


class _Values:
    """The values of one place in the records: of which kinds they are, and what is below them."""

    def __init__(self, depth: int) -> None:
        self.fields: dict[str, _Values] = {}
        self._depth = depth
        self._kinds: set[Plain | type] = set()
        self._keys: frozenset[str] | None = None
        self._differ = False
        self._items: _Values | None = None

    @property
    def items(self) -> _Values:
        """What is in the lists among the values."""
        if self._items is None:
            self._items = _Values(self._depth + 1)
        return self._items

    @property
    def are_objects(self) -> bool:
        """Whether the values are lists of objects."""
        return self._kinds == {list} and self.items._kinds == {dict}  # noqa: SLF001 - of the same class

    def add(self, value: Any) -> None:
        """Add a value; a missing one says nothing."""
        if value is None or self._kinds == {JSON}:
            return
        if self._depth > _DEEPEST:
            self._kinds = {JSON}
        elif isinstance(value, Mapping):
            self._add_object(value)
        elif isinstance(value, list):
            self._kinds.add(list)
            for item in value:
                self.items.add(item)
        else:
            fits = not isinstance(value, int) or -_LARGEST <= value < _LARGEST
            self._kinds.add(_PLAIN.get(type(value), JSON) if fits else JSON)

    def _add_object(self, value: Mapping[str, Any]) -> None:
        self._kinds.add(dict)
        self._differ |= self._keys is not None and self._keys != value.keys()
        self._keys = frozenset(value)
        for name, part in value.items():
            if name in self.fields or len(self.fields) < _MOST_FIELDS or not self._depth:
                self.fields.setdefault(name, _Values(self._depth + 1)).add(part)

    def column(self, *, any_keys: bool = False) -> Column:
        """Return the column of these values; objects may differ in their keys if `any_keys`."""
        if not self._kinds:
            return TEXT
        if self._kinds == {dict}:
            is_struct = self.fields and len(self.fields) < _MOST_FIELDS and (any_keys or not self._differ)
            return Struct({name: of.column() for name, of in self.fields.items()}) if is_struct else JSON
        if self._kinds == {list}:
            return ListOf(self.items.column()) if self.items._kinds else ListOf(JSON)  # noqa: SLF001
        if self._kinds == {INTEGER, NUMBER}:
            return NUMBER
        (kind,) = self._kinds if len(self._kinds) == 1 else (JSON,)
        return kind if isinstance(kind, Plain) else JSON
