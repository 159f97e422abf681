"""Records of other tools that hold more than turns of text: they are shown as records of ours, and not edited."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from deepfabric_core.samples.foreign.our_record import OLDER_KEYS, record_of
from deepfabric_core.samples.foreign.places import foreign_conversation
from deepfabric_core.samples.foreign.reader import UnreadableRecordError
from deepfabric_core.samples.foreign.readers import read_foreign
from deepfabric_core.samples.reading import messages_of
from deepfabric_core.samples.records import Record

# Formats that nobody's own schema looks like by chance.
_CERTAIN = frozenset(("chatml", "harmony", "deepfabric", "sharegpt", "trl-preference"))
# The worse of two answers is shown beside the conversation.
_WORSE = frozenset(("rejected", "non_preferred_output"))


class OtherRecord(NamedTuple):
    """A record as ours, and the keys of the original that it was read from."""

    record: Record
    taken: frozenset[str]


def in_other_format(record: Mapping[str, Any]) -> OtherRecord | None:
    """Return what is shown in place of a record; None if it is shown as it stands."""
    if messages_of(record) is not None and OLDER_KEYS.isdisjoint(record):
        return None
    turns = foreign_conversation(record)
    try:
        sample, name = read_foreign(record)
    except UnreadableRecordError:
        return None
    own = record_of(sample, record, name)
    has_more = bool(record.get("history")) or (sample.worse is not None and name == "sharegpt") or _has_more(own)
    is_told = name in _CERTAIN or not _has_other_texts(record, sample.taken)
    return OtherRecord(own, sample.taken - _WORSE) if has_more or (turns is None and is_told) else None


def _has_other_texts(record: Mapping[str, Any], taken: frozenset[str]) -> bool:
    return any(isinstance(value, str) and value for name, value in record.items() if name not in taken)


def _has_more(record: Record) -> bool:
    """Whether a record has calls or reasoning."""
    return bool(record["reasoning"]["content"]) or any(
        message.get("tool_calls") or message.get("reasoning_content") for message in record["messages"]
    )
