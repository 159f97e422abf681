"""Notice a parameter that has one type in some records and another one in others, which columns can't hold."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from deepfabric_core.export.check.parameter_schemas import Schema, field_of, has_several_types, item_of, parameters_of
from deepfabric_core.export.conversation import Conversation


class ParameterTypes:
    """The records in which each parameter of each tool has a type; a parameter's place is such as `search.filter.a`."""

    def __init__(self) -> None:
        self._seen: dict[str, dict[str, array[int]]] = defaultdict(lambda: defaultdict(lambda: array("I")))

    def see(self, number: int, conversation: Conversation) -> None:
        """Take up the types in a record."""
        for turn in conversation.turns:
            for call in turn.calls:
                if isinstance(call.arguments, Mapping):
                    parameters = parameters_of(call.name, conversation.tools)
                    for place, kind in _kinds(call.arguments, call.name, parameters):
                        numbers = self._seen[place][kind]
                        if not numbers or numbers[-1] != number:
                            numbers.append(number)

    def mixed(self) -> Iterator[tuple[str, list[int]]]:
        """Yield each parameter with several types, and the records in which it has another one than in most."""
        for place, kinds in self._seen.items():
            usual = max(kinds, key=lambda kind: len(kinds[kind]))
            others = sorted({number for kind, numbers in kinds.items() if kind != usual for number in numbers})
            if others:
                yield place, others


def _kinds(value: Any, place: str, schema: Schema | None) -> Iterator[tuple[str, str]]:
    """Yield the type of each value in it with its place; where a schema names several types, none."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _kind_of(part, f"{place}.{name}", field_of(schema, str(name)))
    else:
        for part in value:
            yield from _kind_of(part, f"{place}[]", item_of(schema))


def _kind_of(value: Any, place: str, schema: Schema | None) -> Iterator[tuple[str, str]]:
    if value is None or has_several_types(schema):
        return
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    yield place, "number" if is_number else type(value).__name__
    if isinstance(value, Mapping | list):
        yield from _kinds(value, place, schema)
