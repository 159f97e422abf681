"""Events of the samples stage of another process's run, reconstructed from its files."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from deepfabric_core.amounts import Purpose, Spending, Usage
from deepfabric_core.errors import FailureKind
from deepfabric_core.events import (
    CallAnswered,
    Resumed,
    SampleFailed,
    SampleFinished,
    SampleRejected,
    StageFinished,
    StageStarted,
)
from deepfabric_core.run.checkpoint.plan import plan_in
from deepfabric_core.run.event_sink import EventSink
from deepfabric_core.run.job import Job
from deepfabric_core.samples.reading import JournalLine, key_of, question_and_answer
from deepfabric_core.store.append_log import read_line, whole_lines
from deepfabric_core.store.checkpoint_files import Metadata
from deepfabric_core.store.failure_log import SampleKey, of_samples, shown_last_call
from deepfabric_core.store.rejected_log import REVIEW
from deepfabric_core.store.tail import Tail
from deepfabric_core.store.usage_totals import spending_of, with_rejected, with_sample, with_spending
from deepfabric_core.topics.model import Topics

_SAMPLE = b', "sample": '
_SHOWN_CHARACTERS = 500


class JournalEvents:
    """Emits the event of each line of a journal, and of the failures beside it, as the run did."""

    def __init__(
        self,
        job: Job,
        sink: EventSink,
        topics: Topics | None,
        journal: Tail,
        rejected: Tail,
        failures: Tail | None = None,
    ) -> None:
        self._total = job.samples_wanted(topics)
        self._plan = plan_in(job, job.unfinished_files(), topics) if topics else None
        self._paths = {topic.id: path for topic, path in topics.leaves} if topics else {}
        self._window = job.config.output.batch_size
        self._sink, self._journal, self._rejected, self._failures = sink, journal, rejected, failures
        self._made: set[SampleKey] = set()

    def begin(self, known: Metadata, *, until: int | None, failures: bool = True) -> None:
        """Begin the stage with what was made before.

        Args:
            known: the checkpoint's metadata, whose totals cover the samples up to its `samples_bytes`.
            until: the byte offset in the journal up to which samples were made before; None for all of them.
            failures: whether to count the listed failures, too.
        """
        listed = of_samples(self._failures.objects()) if self._failures else ()
        failed = {_key(line): _kind(line) for line in listed if self._is_asked_for(line)}
        before = _Before(known, spending_of(known))
        for begin, line in self._journal.lines(until):
            head = _head(line)
            if head is not None and self._is_asked_for(head):
                failed.pop(_key(head), None)
                before.add(head, paid=begin >= known.samples_bytes)
                self._made.add(_key(head))
        for begin, line in self._rejected.lines(None if until is None else known.rejected_bytes):
            head = _head(line)
            if head is not None:
                before.add_rejected(head, paid=begin >= known.rejected_bytes)
        self._made -= before.without_sample
        kinds = Counter(failed.values() if failures else ())
        if before.samples or before.rejected or kinds or before.spending or known.failed_expansions:
            self._sink(before.resumed(kinds))
        self._start(before.samples, kinds.total())

    def begin_with(self, dataset: Path) -> None:
        """Begin the stage with the samples of a finished dataset."""
        self._start(sum(1 for _ in whole_lines(dataset)), 0)

    def _start(self, done: int, failed: int) -> None:
        self._sink(StageStarted("samples", self._total, self._window, time.time(), done, failed))

    def go_on(self) -> None:
        """Emit events for what is new."""
        for line in self._journal.objects():
            if self._is_asked_for(line):
                self._tell_sample(line)
        for line in self._rejected.objects():
            self._tell_rejected(line)
        if self._failures:
            self.tell_failures(of_samples(self._failures.objects()))

    def tell_failures(self, listed: Iterable[JournalLine]) -> None:
        """Emit the event of each line of a list of failures."""
        for line in listed:
            if self._is_asked_for(line):
                path, message = tuple(line.get("topic_path") or ()), str(line.get("error", ""))
                shown = shown_last_call(line)
                self._sink(SampleFailed(line["topic_id"], path, line["cycle"], _kind(line), message, *shown))

    def finish(self) -> None:
        """Emit the event for the end of the stage."""
        self._sink(StageFinished("samples", time.time()))

    def _is_asked_for(self, line: JournalLine) -> bool:
        key = key_of(line)
        return key is not None and (self._plan is None or self._plan.index_of(*key) is not None)

    def _tell_call(self, line: JournalLine, purpose: Purpose) -> None:
        used = Usage.of(line)
        tokens = used.prompt_tokens, used.completion_tokens
        self._sink(CallAnswered(line.get("model", ""), *tokens, used.cost, 0.0, used.cached_tokens, purpose))

    def _tell_rejected(self, line: JournalLine) -> None:
        if line.get("gate") == REVIEW:  # it took nothing more, and is a sample until there is another one
            return
        self._tell_call(line, "refused samples")
        shown = (text[:_SHOWN_CHARACTERS] for text in question_and_answer(line.get("sample") or {}))
        place = str(line.get("topic_id")), tuple(line.get("topic_path") or ()), line.get("cycle", 0)
        check, reason, evidence = (str(line.get(name, "")) for name in ("check", "reason", "evidence"))
        self._sink(SampleRejected(*place, check, reason, "again", evidence, *shown))

    def _tell_sample(self, line: JournalLine) -> None:
        record = line.get("sample") or {}
        question, answer = (text[:_SHOWN_CHARACTERS] for text in question_and_answer(record))
        self._tell_call(line, "samples")
        if _key(line) in self._made:  # it was made again after a review
            return
        self._made.add(_key(line))
        path = self._paths.get(line["topic_id"]) or tuple((record.get("metadata") or {}).get("topic_path") or ())
        attempts = line.get("attempts", 1)
        self._sink(SampleFinished(line["topic_id"], path, line["cycle"], attempts, question, answer))


@dataclass
class _Before:
    """What was made and paid before the run was followed."""

    known: Metadata
    spending: Spending
    rejected: Counter[str] = field(default_factory=Counter)
    kept: int = 0
    _made: Counter[SampleKey] = field(default_factory=Counter)
    _reviewed: Counter[SampleKey] = field(default_factory=Counter)

    @property
    def samples(self) -> int:
        """How many samples there are, without those that are made again after a review."""
        return len(self._made) - len(self.without_sample)

    @property
    def without_sample(self) -> set[SampleKey]:
        """The work items of which people rejected each sample."""
        return {key for key, times in self._reviewed.items() if times >= self._made[key] > 0}

    def add(self, head: JournalLine, *, paid: bool) -> None:
        self._made[_key(head)] += 1
        if "kept" in head:
            self.kept += 1
            self.rejected[str(head["kept"])] += 1
        if paid:
            self.spending = with_sample(self.spending, head)

    def add_rejected(self, head: JournalLine, *, paid: bool) -> None:
        self.rejected[str(head.get("check"))] += 1
        if head.get("gate") == REVIEW and (key := key_of(head)):
            self._reviewed[key] += 1
        if paid:
            self.spending = with_rejected(self.spending, head)

    def resumed(self, kinds: Mapping[FailureKind, int]) -> Resumed:
        known = with_spending(self.known, self.spending)
        return Resumed(
            self.samples,
            dict(kinds),
            known.failed_expansions,
            known.prompt_tokens,
            known.completion_tokens,
            known.cost,
            known.calls,
            known.seconds,
            dict(self.rejected),
            self.kept,
            known.cached_tokens,
            self.spending,
        )


def _head(line: bytes) -> JournalLine | None:
    """Return the part of a journal's line before the sample. Parsing the sample of every line would take too long."""
    end = line.find(_SAMPLE)
    return read_line(line[:end] + b"}") if end >= 0 else None


def _key(line: JournalLine) -> tuple[str, int]:
    return line["topic_id"], line["cycle"]


def _kind(line: JournalLine) -> FailureKind:
    with suppress(ValueError):
        return FailureKind(str(line.get("kind")))
    return FailureKind.INTERNAL
