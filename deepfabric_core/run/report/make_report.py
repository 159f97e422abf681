"""Make the report on a dataset, with what stands beside it: its topics, and the samples that were rejected.

Memory doesn't depend on the length of the texts. Each sample takes some hundred bytes of its topic's count and, with
near-duplicates looked for, its print.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deepfabric_core import __version__
from deepfabric_core.errors import ConfigError
from deepfabric_core.quality.report.difference import difference
from deepfabric_core.quality.report.document import Findings, document
from deepfabric_core.quality.report.rejections import Rejections
from deepfabric_core.run.report.chunks import chunks_of
from deepfabric_core.run.report.measure_chunk import ChunkSums
from deepfabric_core.run.report.token_counter import token_counter
from deepfabric_core.run.report.workers import measured, number_of_workers
from deepfabric_core.store.append_log import whole_lines
from deepfabric_core.store.files import reason
from deepfabric_core.store.topics_file import load_topics
from deepfabric_core.topics.model import TopicPath

# Called with the share of the work that is done, 0 to 1.
Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """What to report on: a dataset, and if given, an older one to compare with and the topics it was made for.

    Without `topics`, a topics file of the dataset's name beside it is used.
    """

    dataset: Path
    against: Path | None = None
    topics: Path | None = None


def make_report(request: ReportRequest, progress: Progress = lambda _: None) -> dict[str, Any]:
    """Return the report, as the JSON object that `deepfabric_core.quality.report.document` describes.

    Raises:
        ConfigError: a file can't be read.
    """
    shares = _Shares([request.dataset, *([request.against] if request.against else [])], progress)
    own = _measured(request.dataset, shares)
    paths = _topic_paths(request)
    own.sums.topics.resolve(paths or {})
    older = None
    if request.against:
        older = _measured(request.against, shares)
        older.sums.topics.resolve(paths or {})
    counter = token_counter()
    findings = Findings(
        file=_file_facts(request.dataset, own),
        tokens={"counted_by": counter.name, "exact": counter.is_exact},
        leaves=None if paths is None else list(paths.values()),
        rejected=_rejected(request.dataset),
        difference=None if older is None else {"dataset": str(request.against), **difference(own.sums, older.sums)},
    )
    made = {"deepfabric": __version__, "made_at": datetime.now(UTC).isoformat(timespec="seconds")}
    return {**made, **document(own.sums, findings)}


class _Shares:
    """Tells how much of all files has been read."""

    def __init__(self, files: list[Path], progress: Progress) -> None:
        self._progress = progress
        self._read = 0
        self._total = sum(map(_size, files))

    def add(self, size: int) -> None:
        self._read += size
        self._progress(self._read / self._total if self._total else 1.0)


def _size(path: Path) -> int:
    try:
        if not path.is_file():
            kind = "it is a folder" if path.is_dir() else "there is no such file"
            raise ConfigError(f"{path}: the dataset can't be read: {kind}.")
        return path.stat().st_size
    except OSError as problem:
        raise ConfigError(f"{path}: the dataset can't be read: {reason(problem)}.") from problem


def _measured(path: Path, shares: _Shares) -> ChunkSums:
    whole = ChunkSums()
    try:
        chunks = list(chunks_of(path))
        for chunk, sums in zip(
            chunks, measured(path, chunks, workers=number_of_workers(path.stat().st_size)), strict=True
        ):
            whole.merge(sums)
            shares.add(chunk.end - chunk.begin)
    except OSError as problem:
        raise ConfigError(f"{path}: the dataset can't be read: {reason(problem)}.") from problem
    if whole.damaged and not whole.sums.samples:
        line, problem_there = whole.damage[0]
        raise ConfigError(f"{path} is no dataset: line {line}: {problem_there}; a dataset has a JSON object a line.")
    return whole


def _topic_paths(request: ReportRequest) -> dict[str, TopicPath] | None:
    """Return the paths of the leaves by their ids; None if no topics file is given and none is beside the dataset."""
    stem = request.dataset.with_name(f"{request.dataset.stem}_topics")
    beside = (stem.with_name(f"{stem.name}{ending}") for ending in (".jsonl", ".json"))
    path = request.topics or next((place for place in beside if place.is_file()), None)
    if path is None:
        return None
    return {topic.id: way for topic, way in load_topics(path)[0].leaves}


def _rejected(dataset: Path) -> dict[str, Any] | None:
    """Return the sums over the rejected samples beside a dataset; None if there is no such file."""
    path = dataset.with_name(f"{dataset.stem}.rejected.jsonl")
    if not path.is_file():
        return None
    rejections = Rejections()
    for number, line in enumerate(whole_lines(path), 1):
        rejections.add(line, number)
    return rejections.as_object()


def _file_facts(path: Path, own: ChunkSums) -> dict[str, Any]:
    return {
        "name": path.name,
        "path": str(path),
        "bytes": _size(path),
        "damaged": own.damaged,
        "damage": [{"line": line, "problem": problem} for line, problem in own.damage],
    }
