"""The samples stage: one work item a sample, each on disk as soon as it is made."""

from __future__ import annotations

import json
import logging
import time
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from deepfabric_core.errors import FailureKind, ModelError
from deepfabric_core.events import FileWritten, SampleFailed, SampleFinished, StageFinished, StageStarted
from deepfabric_core.llm.keys import redact
from deepfabric_core.llm.model import ChatModel
from deepfabric_core.run.breaker import Breaker
from deepfabric_core.run.drive import Driven, drive
from deepfabric_core.run.feed import Feed
from deepfabric_core.run.job import Job
from deepfabric_core.run.window import run_window
from deepfabric_core.samples.plan import Plan, WorkItem
from deepfabric_core.samples.recipes import recipe_for
from deepfabric_core.samples.recipes.recipe import Brief
from deepfabric_core.samples.records import Making, Sample, with_metadata
from deepfabric_core.stop import Stop, Stopped
from deepfabric_core.store.files import replace_file
from deepfabric_core.store.journal import Journal, free_path

_log = logging.getLogger(__name__)

_REMEMBERED_QUESTIONS = 5
_REMEMBERED_CHARACTERS = 200
_SHOWN_CHARACTERS = 500


@dataclass
class Sampling:
    """Writes the samples of a plan into a journal, and the dataset from it."""

    job: Job
    plan: Plan
    model: ChatModel
    feed: Feed
    failures: list[dict[str, Any]] = field(default_factory=list)
    breaker: Breaker = field(default_factory=Breaker)
    _earlier: defaultdict[str, deque[str]] = field(
        default_factory=lambda: defaultdict(lambda: deque(maxlen=_REMEMBERED_QUESTIONS))
    )

    def __post_init__(self) -> None:
        self.recipe = recipe_for(self.job.config)
        self.journal = Journal(self.job.journal, len(self.plan))

    async def run(self, stop: Stop) -> None:
        """Make every sample of the plan, or all that can be had until a stop."""
        width = self.job.config.output.batch_size
        self.feed(StageStarted("samples", len(self.plan), width, time.time()))
        try:
            await run_window(self.plan, self._make, calls=width, stop=stop)
        finally:
            self.feed(StageFinished("samples", time.time()))

    def deliver(self) -> None:
        """Put the dataset in its place, in the order of the plan, with the list of what failed beside it."""
        self.journal.deliver(self.job.dataset)
        self.feed(FileWritten("dataset", str(self.job.dataset)))
        self._save_failures()

    def leave(self) -> None:
        """Leave the journal as it is, and say where."""
        self.journal.close()
        self.feed(FileWritten("journal", str(self.journal.path)))

    def keep_partial(self) -> None:
        """Keep what was finished beside the dataset's place; an older dataset stays as it is."""
        if not self.journal.written:
            self.journal.discard()
            return
        partial = free_path(self.job.beside("partial"))
        self.journal.deliver(partial)
        self.feed(FileWritten("partial dataset", str(partial)))

    def _save_failures(self) -> None:
        if self.failures:
            lines = (f"{json.dumps(line, ensure_ascii=False)}\n".encode() for line in self.failures)
            replace_file(self.job.failures, lines)
            self.feed(FileWritten("failures", str(self.job.failures)))
        else:
            self.job.failures.unlink(missing_ok=True)

    async def _make(self, item: WorkItem) -> Iterable[WorkItem]:
        brief = Brief(item.path, item.cycle, tuple(self._earlier.get(item.topic_id, ())))
        try:
            driven = await drive(self.recipe(brief), self.model, self.feed)
        except Stopped:
            return ()
        except ModelError as problem:
            self._failed(item, problem)
        except Exception as problem:  # noqa: BLE001 - one sample's bug must not cost the others
            _log.exception("a sample of %s failed", " > ".join(item.path))
            self._failed(item, ModelError(redact(f"{type(problem).__name__}: {problem}"), kind=FailureKind.INTERNAL))
        else:
            self._finished(item, driven)
        return ()

    def _finished(self, item: WorkItem, driven: Driven[Sample]) -> None:
        sample = driven.value
        making = Making(driven.model, driven.attempts, driven.usage, driven.simulated)
        self.journal.append(item, with_metadata(sample.record, item, making))
        self.breaker.succeeded()
        if self.plan.cycles > 1:
            self._earlier[item.topic_id].append(" ".join(sample.question.split())[:_REMEMBERED_CHARACTERS])
        shown = sample.question[:_SHOWN_CHARACTERS], sample.answer[:_SHOWN_CHARACTERS]
        self.feed(SampleFinished(item.topic_id, item.path, item.cycle, driven.attempts, *shown))

    def _failed(self, item: WorkItem, problem: ModelError) -> None:
        self.failures.append(
            {
                "topic_id": item.topic_id,
                "topic_path": list(item.path),
                "cycle": item.cycle,
                "kind": problem.kind.value,
                "error": str(problem),
            }
        )
        self.feed(SampleFailed(item.topic_id, item.path, item.cycle, problem.kind, str(problem)))
        self.breaker.failed(problem)
