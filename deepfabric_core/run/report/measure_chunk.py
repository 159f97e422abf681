"""Add up a chunk of a dataset's file: its samples, and which lines are damaged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deepfabric_core.quality.candidate import Candidate
from deepfabric_core.quality.foreign_records import foreign_candidate
from deepfabric_core.quality.report.sums import Measures, ReportSums
from deepfabric_core.quality.sample_print import SamplePrint, print_of
from deepfabric_core.run.report.chunks import Chunk, lines_in
from deepfabric_core.samples.reading import metadata_of
from deepfabric_core.store.append_log import read_line

_NOT_JSON = "it isn't a JSON object"
_NO_TEXT = "it holds no text"
_SHOWN_DAMAGE = 20


@dataclass
class ChunkSums:
    """The sums over a chunk, the first of its lines that are no samples, with the reason for each, and prints.

    A print follows the number and the offset of its sample's line; it is None if the sample has no words.
    """

    sums: ReportSums = field(default_factory=ReportSums)
    damaged: int = 0
    damage: list[tuple[int, str]] = field(default_factory=list)
    prints: list[tuple[int, int, SamplePrint | None]] = field(default_factory=list)

    def add_damage(self, line: int, problem: str) -> None:
        """Count a line that is no sample."""
        self.damaged += 1
        if len(self.damage) < _SHOWN_DAMAGE:
            self.damage.append((line, problem))

    def merge(self, other: ChunkSums) -> None:
        """Add a chunk that comes later, without its prints."""
        self.sums.merge(other.sums)
        self.damaged += other.damaged
        self.damage = [*self.damage, *other.damage][:_SHOWN_DAMAGE]


def measure_chunk(path: Path, chunk: Chunk, measures: Measures) -> ChunkSums:
    """Add up the samples of a chunk.

    Raises:
        OSError: the file can't be read.
    """
    found = ChunkSums()
    for number, offset, line in lines_in(path, chunk):
        record = read_line(line)
        if record is None:
            found.add_damage(number, _NOT_JSON)
            continue
        candidate, metadata = sample_in(record)
        if candidate.whole.strip():
            found.sums.add(candidate, metadata, number, measures)
            found.prints.append((number, offset, print_of(candidate)))
        else:
            found.add_damage(number, _NO_TEXT)
    return found


def sample_in(record: Mapping[str, Any]) -> tuple[Candidate, Mapping[str, Any]]:
    """Return the candidate of a record, or of a line of our journal, and the metadata on how it was made."""
    sample, usage = record.get("sample"), record.get("usage")
    if not isinstance(sample, Mapping) or "topic_id" not in record or "cycle" not in record:
        return foreign_candidate(record), metadata_of(record)
    cost = usage.get("cost") if isinstance(usage, Mapping) else None
    return foreign_candidate(sample), {**metadata_of(sample), **record, "cost": cost}


def candidate_at(path: Path, offset: int) -> Candidate | None:
    """Return the candidate of the line that begins there, or None if there is none.

    Raises:
        OSError: the file can't be read.
    """
    with path.open("rb") as file:
        file.seek(offset)
        record = read_line(file.readline())
    return None if record is None else sample_in(record)[0]
