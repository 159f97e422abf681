"""Read what a run has made so far, failed or rejected, without changing its files, even while it is running."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from deepfabric_core.chat.tools import text_of
from deepfabric_core.errors import ConfigError
from deepfabric_core.run.checkpoint.plan import saved_plan
from deepfabric_core.run.job import Job, plan_of
from deepfabric_core.samples.plan import Plan
from deepfabric_core.samples.reading import JournalLine, key_of, line_of, path_of
from deepfabric_core.samples.reviews import sample_id, standing
from deepfabric_core.store.append_log import whole_lines
from deepfabric_core.store.checkpoint_files import CheckpointFiles, Metadata, read_metadata
from deepfabric_core.store.failure_log import of_samples
from deepfabric_core.store.rejected_log import reviewed_samples
from deepfabric_core.store.review_log import reviews_of
from deepfabric_core.store.topics_file import load_topics

PlaceOf = Callable[[str, int], int | None]


@dataclass(frozen=True, slots=True)
class Results:
    """The samples and failures, in the order of the plan, or of arrival while topics are still growing.

    A sample is a journal's line with the topic's `path`; unknown values are None. `wanted` is None while it depends on
    topics that are still growing; `metadata` is None without a checkpoint. `rejected` are the samples that weren't
    accepted, in the order of their rejection. A sample that people rejected is among the samples until a resume begins
    to make it again; then it is among the rejected.
    """

    samples: Sequence[JournalLine]
    failures: Sequence[JournalLine]
    wanted: int | None
    metadata: Metadata | None = None
    rejected: Sequence[JournalLine] = ()


def results(job: Job) -> Results:
    """Return what the checkpoint of a job holds or, without a checkpoint, what the job has delivered.

    Raises:
        ConfigError: a file is there and can't be read.
    """
    with gc_paused():
        return _kept(job, job.checkpoint_files()) or _delivered(job)


@contextmanager
def gc_paused() -> Iterator[None]:
    """Disable the garbage collector while many permanent objects are created, since it would double the time."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def _kept(job: Job, place: CheckpointFiles) -> Results | None:
    """Return what a checkpoint holds; None without a checkpoint, or if it is deleted at this moment."""
    if not place.exists:
        return None
    try:
        known = read_metadata(place)
        places = job.all_checkpoints()
        lines = (line for one in places for line in whole_lines(one.samples))
        samples = _standing([line for line in lines if isinstance(line.get("sample"), dict)], job)
        failures = [line for one in places for line in of_samples(whole_lines(one.failures))]
        rejected = tuple(line for one in places for line in _rejected(one.rejected))
        plan = saved_plan(job, place, known)
    except ConfigError:
        if place.exists:
            raise
        return None
    if known.samples_done and not any(one.samples.exists() for one in places):
        return None
    return Results(*_in_order(samples, failures, plan), _wanted(job, plan), known, rejected)


def _standing(samples: list[JournalLine], job: Job) -> list[JournalLine]:
    """Return the samples without those that people rejected and that a resume has begun to make again."""
    taken_up = reviewed_samples(job.checkpoint_files().rejected)
    if not taken_up:
        return samples
    out = taken_up & reviews_of(job.dataset).rejected().keys()
    found = ((number, key_of(line) or number, line["sample"]) for number, line in enumerate(samples))
    return [samples[number] for number in sorted(standing(found, lambda one: sample_id(one) in out).accepted.values())]


def _delivered(job: Job) -> Results:
    plan = None
    with suppress(ConfigError):  # the dataset is enough
        plan = plan_of(job, load_topics(job.topics_load or job.topics)[0])
    samples = [line_of(record) for record in whole_lines(job.dataset)]
    failures = list(of_samples(whole_lines(job.failures)))
    return Results(samples, failures, _wanted(job, plan), rejected=_rejected(job.rejected))


def _rejected(path: Path) -> tuple[JournalLine, ...]:
    lines = (line for line in whole_lines(path) if isinstance(line.get("sample"), dict))
    return tuple({**line, "path": tuple(map(text_of, line.get("topic_path") or ()))} for line in lines)


def _wanted(job: Job, plan: Plan | None) -> int | None:
    asked = job.config.output.num_samples
    return len(plan) if plan else asked if isinstance(asked, int) else None


def _in_order(
    samples: Iterable[JournalLine], failures: Iterable[JournalLine], plan: Plan | None
) -> tuple[list[JournalLine], list[JournalLine]]:
    """Keep the first line of each sample, and the last line of each failure unless the sample was made after all."""
    place_of = plan.index_of if plan else _arrival()
    made: dict[int, JournalLine] = {}
    for place, line in _placed(samples, place_of):
        made.setdefault(place, line)
    failed = dict(_placed(failures, place_of))
    paths = {topic.id: tuple(map(text_of, path)) for topic, path in plan.topics.leaves} if plan else {}
    return (
        [_with_path(made[place], paths) for place in sorted(made)],
        [failed[place] for place in sorted(failed.keys() - made.keys())],
    )


def _arrival() -> PlaceOf:
    """Return a function that numbers keys in the order in which they are first asked for."""
    places: dict[tuple[str, int], int] = {}
    return lambda topic_id, cycle: places.setdefault((topic_id, cycle), len(places))


def _placed(lines: Iterable[JournalLine], place_of: PlaceOf) -> Iterator[tuple[int, JournalLine]]:
    """Yield each line with its place; lines without a place are left out."""
    for line in lines:
        key = key_of(line)
        place = key and place_of(*key)
        if place is not None:
            yield place, line


def _with_path(line: JournalLine, paths: Mapping[str, tuple[str, ...]]) -> JournalLine:
    return {**line, "path": paths.get(line["topic_id"]) or path_of(line["sample"])}
