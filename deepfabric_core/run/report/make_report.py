"""Make the report on a dataset, with what stands beside it: its topics, and the samples that were rejected.

Memory doesn't depend on the length of the texts: a sample takes about a kilobyte, for its print and its topic's count.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deepfabric_core import __version__
from deepfabric_core.quality.report.difference import difference
from deepfabric_core.quality.report.document import Findings, document
from deepfabric_core.quality.report.rejections import Rejections
from deepfabric_core.quality.report.review_counts import review_counts
from deepfabric_core.run.report.measures import known_checks
from deepfabric_core.run.report.read_dataset import DatasetReading, size_of
from deepfabric_core.run.report.token_counter import token_counter
from deepfabric_core.store.append_log import whole_lines
from deepfabric_core.store.record_files.lines import with_record_a_line
from deepfabric_core.store.rejected_log import rejected_path
from deepfabric_core.store.review_log import read_reviews, reviews_path
from deepfabric_core.store.topics_file import load_topics
from deepfabric_core.topics.model import TopicPath

# Called with the share of the work that is done, 0 to 1.
Progress = Callable[[float], None]
Paths = dict[str, TopicPath]


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """What to report on: a dataset, and if given, an older one to compare with and the topics it was made for.

    Without `topics`, a topics file of the dataset's name beside it is used, as are rejected samples and reviews.
    `dataset` may also be a journal; `made_up` says that a simulated model made its samples, which a journal doesn't.
    """

    dataset: Path
    against: Path | None = None
    topics: Path | None = None
    made_up: bool = False


def make_report(request: ReportRequest, progress: Progress = lambda _: None) -> dict[str, Any]:
    """Return the report, as the JSON object that `deepfabric_core.quality.report.document` describes.

    Raises:
        ConfigError: a file can't be read.
    """
    with with_record_a_line(request.dataset) as dataset, ExitStack() as stack:
        against = stack.enter_context(with_record_a_line(request.against)) if request.against else None
        return _made(request, dataset, against, progress)


def _made(request: ReportRequest, dataset: Path, against: Path | None, progress: Progress) -> dict[str, Any]:
    """Return the report; both datasets are given as files with a record a line."""
    done, total = 0, sum(map(size_of, filter(None, (dataset, against)))) or 1

    def bytes_read(number: int) -> None:
        nonlocal done
        done += number
        progress(min(1.0, done / total))

    paths = _topic_paths(request)
    older = _read(against, request.against, paths, bytes_read) if against and request.against else None
    own = _read(dataset, request.dataset, paths, bytes_read, older)
    if request.made_up:
        own.whole.sums.making.made_up(own.whole.sums.samples)
    counter = token_counter()
    findings = Findings(
        file=_file_facts(own),
        tokens={"counted_by": counter.name, "exact": counter.is_exact},
        leaves=None if paths is None else list(paths.values()),
        duplicates=own.copies.as_object(own.path, own.path),
        rejected=_rejected(request),
        reviews=_reviews(request, dataset),
        checks=known_checks(),
        difference=_difference(own, older) if older else None,
    )
    made = {"deepfabric": __version__, "made_at": datetime.now(UTC).isoformat(timespec="seconds")}
    return {**made, **document(own.whole.sums, findings)}


def _read(
    path: Path,
    named: Path,
    paths: Paths | None,
    bytes_read: Callable[[int], None],
    older: DatasetReading | None = None,
) -> DatasetReading:
    reading = DatasetReading(path, older, named)
    reading.read(bytes_read)
    reading.whole.sums.topics.resolve(paths or {})
    return reading


def _difference(own: DatasetReading, older: DatasetReading) -> dict[str, Any]:
    shared = own.shared.as_object(older.path, own.path)
    return {"dataset": str(older.named), **difference(own.whole.sums, older.whole.sums), "shared": shared}


def _topic_paths(request: ReportRequest) -> Paths | None:
    """Return the paths of the leaves by their ids; None if no topics file is given and none is beside the dataset."""
    stem = f"{request.dataset.stem}_topics"
    beside = (request.dataset.with_name(f"{stem}{ending}") for ending in (".jsonl", ".json"))
    path = request.topics or next((place for place in beside if place.is_file()), None)
    return None if path is None else {topic.id: way for topic, way in load_topics(path)[0].leaves}


def _rejected(request: ReportRequest) -> dict[str, Any] | None:
    """Return the sums over the rejected samples; None if there is no file of them."""
    beside = rejected_path(request.dataset)
    if not beside.is_file():
        return None
    rejections = Rejections()
    for number, line in enumerate(whole_lines(beside), 1):
        rejections.add(line, number)
    return rejections.as_object()


def _reviews(request: ReportRequest, dataset: Path) -> dict[str, Any] | None:
    """Return what people said of the samples; None if there is no file of reviews."""
    beside = reviews_path(request.dataset)
    if not beside.is_file():
        return None
    return review_counts(whole_lines(dataset), read_reviews(beside))


def _file_facts(reading: DatasetReading) -> dict[str, Any]:
    return {
        "name": reading.named.name,
        "path": str(reading.named),
        "bytes": size_of(reading.path),
        "damaged": reading.whole.damaged,
        "damage": [{"line": line, "problem": problem} for line, problem in reading.whole.damage],
    }
