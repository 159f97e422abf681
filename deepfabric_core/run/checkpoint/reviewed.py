"""Tell which samples of a checkpoint were rejected in review and have to be made again, without changing its files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from deepfabric_core.samples.reading import JournalLine, key_of
from deepfabric_core.samples.records import Record
from deepfabric_core.samples.reviews import Standing, sample_id, standing
from deepfabric_core.store.append_log import whole_lines
from deepfabric_core.store.checkpoint_files import CheckpointFiles
from deepfabric_core.store.failure_log import SampleKey
from deepfabric_core.store.review_log import reviews_of


def to_make_again(files: CheckpointFiles, dataset: Path) -> set[SampleKey]:
    """Return the work items of a checkpoint whose samples people rejected, and that have no other sample yet.

    Raises:
        ConfigError: a file can't be read.
    """
    found = reviewed_standing(files, dataset)
    return set() if found is None else set(found.rejected)


def reviewed_standing(files: CheckpointFiles, dataset: Path) -> Standing[SampleKey] | None:
    """Return which lines of a checkpoint's journal stand, by their numbers from 0; None if people rejected nothing.

    Raises:
        ConfigError: a file can't be read.
    """
    rejected = reviews_of(dataset).rejected()
    if not rejected:
        return None
    return standing(_samples(whole_lines(files.samples)), lambda record: sample_id(record) in rejected)


def _samples(lines: Iterable[JournalLine]) -> Iterator[tuple[int, SampleKey, Record]]:
    for number, line in enumerate(lines):
        key, record = key_of(line), line.get("sample")
        if key is not None and isinstance(record, dict):
            yield number, key, record
