"""Candidates of records in any tool's format: what gates, reports and comparisons see of them.

Lines of our journal count too. A shape that isn't known is read as a record of the user's own schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deepfabric_core.quality.candidate import Candidate, candidate_of
from deepfabric_core.samples.foreign.our_record import is_ours, record_of
from deepfabric_core.samples.foreign.reader import ForeignSample, UnreadableRecordError
from deepfabric_core.samples.foreign.readers import read_foreign
from deepfabric_core.samples.foreign.turns import text_of

# What may stand beside a question and its answer without making it a record of another schema.
_ASIDE = frozenset(("id", "uuid", "source", "category", "metadata", "topic", "topic_path"))
_COLUMNS = "columns"
_DEEPEST = 20

Record = Mapping[str, Any]


def foreign_candidate(record: Record) -> Candidate:
    """Return the candidate that a record of any dataset makes; one without texts has an empty `whole`."""
    record = _without_line(record)
    if is_ours(record):
        return candidate_of(record)
    try:
        sample, name = read_foreign(record)
    except UnreadableRecordError:
        return candidate_of(_bounded(record))
    if name == _COLUMNS and _has_other_texts(record, sample):
        return candidate_of(_bounded(record))
    own = candidate_of(record_of(sample, record, name))
    return Candidate(own.question, own.answer, own.reasoning, own.path, record=record)


def _without_line(record: Record) -> Record:
    """Return the sample of a line of our journal; any other record is returned as it is."""
    sample = record.get("sample")
    return sample if isinstance(sample, Mapping) and "topic_id" in record and "cycle" in record else record


def _has_other_texts(record: Record, sample: ForeignSample) -> bool:
    return any(_has_text(value) for key, value in record.items() if key not in sample.taken and key not in _ASIDE)


def _has_text(value: Any) -> bool:
    try:
        return isinstance(value, str | list | Mapping) and bool(text_of(value).strip())
    except UnreadableRecordError:
        return True


def _bounded(record: Record) -> Record:
    """Return a record without what is nested deeper than a record of people's making."""
    return {key: _cut(value, 1) for key, value in record.items()}


def _cut(value: Any, depth: int) -> Any:
    if depth > _DEEPEST:
        return None
    if isinstance(value, Mapping):
        return {key: _cut(part, depth + 1) for key, part in value.items()}
    return [_cut(part, depth + 1) for part in value] if isinstance(value, list) else value
