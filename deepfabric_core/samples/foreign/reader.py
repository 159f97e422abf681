"""What a reader of a format is, and what it finds in a record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Raw = Mapping[str, Any]
Message = dict[str, Any]


class UnreadableRecordError(ValueError):
    """A record can't be read as a conversation; the message says why, and completes "line 3: ..."."""


@dataclass(frozen=True, slots=True)
class ForeignSample:
    """A conversation that was read: its messages and tools as our records have them.

    `taken` are the keys of the record that were understood, and `rest` is what of them was not. `reasoning` is what the
    record holds of it beside its messages. `worse` is a worse answer to the same prompt: all messages of it; `good`
    says whether the answer is labelled as good.
    """

    messages: Sequence[Message]
    taken: frozenset[str]
    tools: Sequence[Raw] = ()
    reasoning: Any = None
    worse: Sequence[Message] | None = None
    good: bool | None = None
    rest: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads one format. `matches` says whether a record looks like it; `read` raises UnreadableRecordError."""

    name: str
    what: str
    matches: Callable[[Raw], bool]
    read: Callable[[Raw], ForeignSample]
