"""Growing topics again at one place."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from deepfabric_core import Job, RunState, Stop, Topics, generate, load, load_topics
from deepfabric_core.errors import RunAborted
from deepfabric_core.events import Event
from deepfabric_core.run.event_sink import EventSink
from deepfabric_core.run.stages.regrow import regrow
from deepfabric_core.topics.model import fold

TEXT = """
llm: {provider: simulated}
topics: {prompt: Tea, depth: 2, degree: 3, mode: MODE}
generation: {system_prompt: You teach.}
output: {save_as: tea.jsonl}
"""


def job_of(mode: str = "tree", **overrides: object) -> Job:
    given = {key.replace("__", "."): value for key, value in overrides.items()}
    return Job(load(TEXT.replace("MODE", mode), source="here", overrides=given).config)


def grown(job: Job) -> Topics:
    asyncio.run(generate(Job(job.config, topic_only=True), emit=lambda _: None, stop=Stop()))
    return load_topics(job.topics)[0]


def again_at(job: Job, topics: Topics, topic_id: str, *, again: bool) -> tuple[Topics, RunState]:
    feed = EventSink(lambda _: None)
    regrowth = asyncio.run(regrow(job, topics, topic_id, again=again, emit=feed, stop=Stop()))
    return regrowth.edit(topics), feed.state


def names_below(topics: Topics, topic_id: str) -> set[str]:
    return {fold(topics.by_id[child].name) for child in topics.by_id[topic_id].children}


@pytest.mark.parametrize("mode", ["tree", "graph"])
def test_deeper_gives_every_leaf_below_its_subtopics(place: Path, mode: str) -> None:
    job = job_of(mode)
    before = grown(job)
    branch = before.by_id[before.root].children[0]
    leaves = len(before.own_children(before.by_id[branch]))
    after, state = again_at(job, before, branch, again=False)
    assert len(after) == len(before) + 3 * leaves
    assert (state.ending, state.calls) == ("complete", leaves)
    assert after.depth == 3


@pytest.mark.parametrize("mode", ["tree", "graph"])
def test_asking_again_gives_other_subtopics(place: Path, mode: str) -> None:
    job = job_of(mode)
    before = grown(job)
    branch = before.by_id[before.root].children[0]
    after, state = again_at(job, before, branch, again=True)
    assert state.calls == 1
    assert len(names_below(after, branch)) == 3
    assert not names_below(after, branch) & names_below(before, branch)


def test_where_nothing_can_be_had_the_topics_stay(place: Path) -> None:
    topics = grown(job_of())
    failing = job_of(llm__simulated__server_errors=1.0, topics__max_retries=0, topics__expansion_retries=0)
    told: list[Event] = []
    with pytest.raises(RunAborted, match="No subtopics could be grown"):
        asyncio.run(regrow(failing, topics, topics.root, again=True, emit=told.append, stop=Stop()))
