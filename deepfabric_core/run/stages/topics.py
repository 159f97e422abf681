"""The topics stage: grow topics with a model, or load them from a file."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from deepfabric_core.chat.messages import Spent
from deepfabric_core.chat.rejected_calls import RejectedCalls
from deepfabric_core.config.fingerprint import fingerprint, part_of_topics
from deepfabric_core.config.secret_keys import redactor
from deepfabric_core.errors import ModelError, RunAborted
from deepfabric_core.events import (
    ExpansionFailed,
    FileWritten,
    Notice,
    StageFinished,
    StageStarted,
    TopicExpanded,
    TopicsReady,
)
from deepfabric_core.llm.model import ChatModel
from deepfabric_core.run.checkpoint.checkpoint import Checkpoint
from deepfabric_core.run.event_sink import EventSink
from deepfabric_core.run.job import Job, topics_file
from deepfabric_core.run.stages.circuit_breaker import CircuitBreaker
from deepfabric_core.run.stages.failure_isolation import attempt
from deepfabric_core.run.stages.pool import run_window
from deepfabric_core.run.stages.recipe_runner import run_recipe
from deepfabric_core.stop import Stop, Stopped
from deepfabric_core.store.keyed_hash import keyed_hash
from deepfabric_core.store.step_log import StepKey, StepLog
from deepfabric_core.store.topics_file import load_topics
from deepfabric_core.topics.grow import Child, Expansion, Growth, expand, grown_names
from deepfabric_core.topics.model import Topics, topic_id
from deepfabric_core.topics.rewordings import GrownNames
from deepfabric_core.topics.spread import SpreadLeaves


def refusing_rewordings(job: Job) -> GrownNames | None:
    """Return what refuses names that only reword others; None if duplicates are wanted."""
    if job.config.quality.duplicates is None:
        return None
    return grown_names(job.config.topics, job.config.topics.language)


def loaded(job: Job, sink: EventSink) -> Topics | None:
    """Return the topics that the job loads, or None if they are to be grown."""
    if job.topics_load is None:
        return None
    topics, notices = load_topics(job.topics_load)
    for notice in notices:
        sink(Notice(notice))
    sink(TopicsReady(topics.mode, len(topics), len(topics.leaves), source=str(job.topics_load)))
    return topics


async def grow(
    job: Job, model: ChatModel, sink: EventSink, stop: Stop, checkpoint: Checkpoint, *, refuse_rewordings: bool = False
) -> Topics:
    """Grow topics and save them as they grow; what a checkpoint holds of an earlier run isn't requested again.

    For a preview only the topics grow that its samples need; they aren't saved, except in the checkpoint.

    Raises:
        RunAborted: the root could not be expanded, or every further expansion would fail.
    """
    growing = _Growing(job, model, sink, checkpoint, refuse_rewordings)
    settings = job.config.topics
    sink(StageStarted("topics", growing.total, settings.max_concurrent, time.time()))
    try:
        await run_window(growing.begin(), growing.expand, calls=settings.max_concurrent, stop=stop)
    finally:
        growing.save()
        sink(StageFinished("topics", time.time()))
    topics = growing.topics(stopped=stop.requested)
    sink(TopicsReady(topics.mode, len(topics), len(topics.leaves)))
    return topics


@dataclass
class _Growing:
    job: Job
    model: ChatModel
    sink: EventSink
    checkpoint: Checkpoint
    refuse_rewordings: bool = False
    failures: list[dict[str, Any]] = field(default_factory=list)
    breaker: CircuitBreaker = field(default_factory=CircuitBreaker)

    def __post_init__(self) -> None:
        self.secrets = redactor(self.job.config, os.environ)
        self.known = self.checkpoint.expansions()
        config = part_of_topics(fingerprint(self.job.config, keyed_hash))
        self.steps = StepLog(self.checkpoint.steps(), config, self._is_unfinished, self.secrets.exactly)
        settings = self.job.config.topics
        self.growth = Growth(settings, grown_names(settings) if self.refuse_rewordings else None)
        self.file = topics_file(self.job)
        self.chosen = None if self.job.preview is None else SpreadLeaves(self.job.preview)

    @property
    def total(self) -> int:
        """How many topics are to grow, without the root."""
        settings = self.job.config.topics
        if self.job.preview is None:
            return self.growth.total
        return sum(settings.degree * min(self.job.preview, settings.degree**level) for level in range(settings.depth))

    def topics(self, *, stopped: bool) -> Topics:
        """Return the topics; for a preview with no other leaves than those of its samples.

        Raises:
            RunAborted: there is none of these, though the growth wasn't stopped.
        """
        topics = self.growth.topics()
        if self.chosen is None:
            return topics
        chosen = self.chosen.only(topics, self.job.config.topics.depth)
        if chosen is None and stopped:
            return topics
        if chosen is None:
            raise RunAborted("No topic grew to its last level, so there is nothing to make a preview of.")
        return chosen

    def begin(self) -> list[Expansion]:
        """Return the root or, if a part of the tree is known, the topics at its edge that are to be expanded."""
        to_do, fringe = self.growth.start(), []
        if self.chosen is not None:
            self.chosen.divide(None, [one.id for one in to_do])
        while to_do:
            expansion = to_do.pop()
            children = self.known.of(expansion.path)
            if children is None:
                fringe.append(expansion)
            else:
                to_do.extend(reversed(self._added(expansion, children)))
        return fringe

    async def expand(self, expansion: Expansion) -> Iterable[Expansion]:
        settings, steps = self.job.config.topics, self.steps.of(expansion.path)
        rejected = RejectedCalls(self.secrets)
        try:
            work = run_recipe(
                expand(expansion, settings, grown=self.growth.grown),
                self.model,
                self.sink,
                steps=steps,
                rejected=rejected,
            )
            driven = await attempt(work, expansion.path, self.secrets)
        except Stopped:
            return ()
        except ModelError as problem:
            if not problem.kind.hopeless:
                steps.over()
            self._failed(expansion, problem, rejected)
            return ()
        self.checkpoint.failures.add_repaired("topics", rejected.calls)
        self.breaker.succeeded()
        self.known.add(expansion.path, driven.value, driven.rest or Spent(driven.attempts, driven.usage))
        below = self._added(expansion, driven.value)
        self.checkpoint.item_settled()
        if self.chosen is None:
            self.file.save_now_and_then(self.growth.topics)
        return below

    def _is_unfinished(self, key: StepKey) -> bool:
        path = tuple(part for part in key if isinstance(part, str))
        return path == key and self.known.of(path) is None

    def _added(self, expansion: Expansion, children: tuple[Child, ...]) -> list[Expansion]:
        lost_before = self.growth.missing
        to_expand = self.growth.add(expansion, children)
        missing = self.job.config.topics.degree - len(children)
        below = self.growth.missing - lost_before - missing
        self.sink(TopicExpanded(expansion.path, tuple(child.name for child in children), missing, below))
        if self.chosen is None:
            return to_expand
        mode = self.job.config.topics.mode
        self.chosen.divide(expansion.id, [topic_id(mode, (*expansion.path, child.name)) for child in children])
        return [one for one in to_expand if self.chosen.needs(one.id)]

    def _failed(self, expansion: Expansion, problem: ModelError, rejected: RejectedCalls) -> None:
        lost = self.growth.fail(expansion)
        if not problem.kind.hopeless:
            self.checkpoint.failures.add_repaired("topics", rejected.calls, given_up=True)
        self.sink(ExpansionFailed(expansion.path, problem.kind, str(problem), lost, *rejected.last))
        self.failures.append(self._as_line(expansion, problem))
        if len(expansion.path) == 1:
            raise RunAborted(f"No topics could be grown: {problem}")
        self.breaker.failed(problem)

    def _as_line(self, expansion: Expansion, problem: ModelError) -> dict[str, Any]:
        if self.job.config.topics.mode == "tree":
            return {"node_path": list(expansion.path), "error": str(problem), "timestamp": time.time()}
        attempts = 1 + self.job.config.topics.max_retries
        return {"node_id": expansion.id, "attempts": attempts, "last_error": str(problem), "timestamp": time.time()}

    def save(self) -> None:
        """Write the topics that have grown. If the root failed there are none, and an older file isn't changed."""
        topics = self.growth.topics()
        if len(topics) > 1 and self.chosen is None:
            self.file.save(topics)
            self.sink(FileWritten("topics", str(self.file.path)))
            if self.file.save_failures(self.failures):
                self.sink(FileWritten("failed topics", str(self.file.failures_path)))
        calls = self.checkpoint.failures
        if calls.has_repaired and calls.save(self.job.failures) and self.job.topic_only:
            self.sink(FileWritten("failures", str(self.job.failures)))
