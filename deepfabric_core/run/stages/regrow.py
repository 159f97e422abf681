"""Grow topics again at one place: more levels, or other topics instead of the present ones."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from deepfabric_core.config.secret_keys import redactor
from deepfabric_core.errors import ModelError, RunAborted
from deepfabric_core.events import (
    Emit,
    Ending,
    ExpansionFailed,
    RunFinished,
    RunStarted,
    StageFinished,
    StageStarted,
    TopicExpanded,
    TopicsReady,
)
from deepfabric_core.llm.connect import CallPolicy, connect
from deepfabric_core.llm.model import ChatModel
from deepfabric_core.llm.ray_serving import serving
from deepfabric_core.run.budget import budget_of_regrowth
from deepfabric_core.run.event_sink import EventSink
from deepfabric_core.run.job import Job
from deepfabric_core.run.stages.failure_isolation import attempt
from deepfabric_core.run.stages.pool import run_window
from deepfabric_core.run.stages.recipe_runner import run_recipe
from deepfabric_core.run.stages.topics import refusing_rewordings
from deepfabric_core.stop import Stop, Stopped
from deepfabric_core.topics.edit import add, replace_children
from deepfabric_core.topics.grow import Expansion, expand
from deepfabric_core.topics.model import TopicPath, Topics
from deepfabric_core.topics.rewordings import GrownNames
from deepfabric_core.wording import counted


@dataclass(slots=True)
class Regrowth:
    """New children of topics, by the parents' ids; `edit` inserts them. `grown` refuses rewordings, if there is one."""

    again: bool
    grown: GrownNames | None = None
    children: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def edit(self, topics: Topics) -> Topics:
        """Return the topics with the new children."""
        for topic_id, names in self.children.items():
            if topic_id in topics.by_id:
                topics = (replace_children if self.again else add)(topics, topic_id, names)
        return topics


async def regrow(job: Job, topics: Topics, topic_id: str, *, again: bool, emit: Emit, stop: Stop) -> Regrowth:
    """Ask a model for children: of every leaf at or below a topic or, if `again`, other children of the topic itself.

    Raises:
        RunAborted: no child could be made.
    """
    sink, settings = EventSink(emit), job.config.topics
    targets = _targets(topics, topic_id, again=again)
    regrowth = Regrowth(again, refusing_rewordings(job))

    async def one(target: tuple[str, TopicPath]) -> Iterable[tuple[str, TopicPath]]:
        await _expanded(target, topics, regrowth, job, model, sink)
        return ()

    sink(RunStarted(settings.llm.name, settings.llm.name, time.time()))
    sink(StageStarted("topics", len(targets) * settings.degree, settings.max_concurrent, time.time()))
    limits = job.config.generation.rate_limit
    with budget_of_regrowth(job, sink, stop) as budget:
        policy = CallPolicy(settings.max_concurrent, settings.max_retries, limits, "topics", budget=budget)
        async with (
            serving([settings.llm], job.config.run, sink, stop),
            connect(settings.llm, policy, sink, stop) as model,
        ):
            await run_window(targets, one, calls=settings.max_concurrent, stop=stop)
    sink(StageFinished("topics", time.time()))
    return _ended(regrowth, topics, sink, stop, budget.reached if budget else "")


def _targets(topics: Topics, topic_id: str, *, again: bool) -> list[tuple[str, TopicPath]]:
    paths = {topic.id: path for topic, path in topics.walk()}
    if again:
        return [(topic_id, paths[topic_id])]
    at, found = [topic_id], []
    while at:
        here = topics.by_id[at.pop()]
        below = topics.own_children(here)
        found.extend([] if here.children else [(here.id, paths[here.id])])
        at.extend(reversed(below))
    return found


async def _expanded(
    target: tuple[str, TopicPath], topics: Topics, regrowth: Regrowth, job: Job, model: ChatModel, sink: EventSink
) -> None:
    topic_id, path = target
    had = tuple(topics.by_id[child].name for child in topics.by_id[topic_id].children)
    try:
        work = run_recipe(expand(Expansion(topic_id, path), job.config.topics, had, grown=regrowth.grown), model, sink)
        driven = await attempt(work, path, redactor(job.config, os.environ))
    except Stopped:
        return
    except ModelError as problem:
        sink(ExpansionFailed(path, problem.kind, str(problem), job.config.topics.degree))
        return
    regrowth.children[topic_id] = names = tuple(child.name for child in driven.value)
    sink(TopicExpanded(path, names, job.config.topics.degree - len(names)))


def _ended(regrowth: Regrowth, topics: Topics, sink: EventSink, stop: Stop, reached: str) -> Regrowth:
    state = sink.state
    if reached and not regrowth.children:
        raise RunAborted(f"No subtopics could be grown: {reached}.")
    if not regrowth.children and not stop.requested:
        problem = state.last_failure.message if state.last_failure else "the model named none"
        raise RunAborted(f"No subtopics could be grown: {problem}")
    grown = regrowth.edit(topics)
    sink(TopicsReady(grown.mode, len(grown), len(grown.leaves)))
    missing = f"{counted(state.failed_expansions, 'topic')} could not be expanded" if state.failed_expansions else ""
    ending: Ending = "budget" if reached else "stopped" if stop.requested else "incomplete" if missing else "complete"
    sink(RunFinished(ending, reached or missing, time.time()))
    return regrowth
