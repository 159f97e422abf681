"""Numbers that are told: all sessions of a run are in them, nothing asked for is left out, and one is not several."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import reduce as fold
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import deepfabric_core
from deepfabric_core import Job, RunState, Stop
from deepfabric_core.chat.messages import Reply, Request
from deepfabric_core.errors import FailureKind as Kind
from deepfabric_core.events import (
    CallAnswered,
    Event,
    ExpansionFailed,
    Resumed,
    RunFinished,
    RunStarted,
    SampleFinished,
    StageFinished,
    StageStarted,
    TopicExpanded,
)
from deepfabric_core.llm.model import ChatModel
from deepfabric_core.run.pipeline import generate
from deepfabric_core.run.state import reduce
from deepfabric_core.text.run_facts import cost, tokens
from deepfabric_core.text.run_summary import summary
from deepfabric_core.text.simple_view import SimpleView
from deepfabric_core.wording import are, counted, of_them_leaves, plural, were
from tests.core.conftest import Run, write_config

ONE_OF_SEVERAL = re.compile(
    r"(?<![\d,.])1 (?:more |finished |failed )?(?:samples|topics|calls|leaves|subtopics|replies|retries|attempts|lines"
    r"|failures|levels|paths|groups|sessions)\b"
)


def after(*events: Event) -> RunState:
    return fold(reduce, events, RunState())


def generated(place: Path, stop_at: int | None = None, **flags: bool) -> RunState:
    config = deepfabric_core.load((place / "config.yaml").read_text(encoding="utf-8"), source="here").config
    stop, made = Stop(), 0

    def emit(event: Event) -> None:
        nonlocal made
        made += isinstance(event, SampleFinished)
        if made == stop_at:
            stop.request()

    job = Job(config, checkpoint_path=place / "checkpoint", **flags)  # type: ignore[arg-type]
    return asyncio.run(deepfabric_core.generate(job, emit=emit, stop=stop))


# All sessions.


def test_after_a_resume_the_summary_counts_all_sessions(place: Path) -> None:
    write_config(place, llm={"simulated": {"latency": 0.01}}, output={"num_samples": 40, "batch_size": 2})
    first = generated(place, stop_at=10)
    second = generated(place, stop_at=12, resume=True)
    third = generated(place, resume=True)
    assert [state.ending for state in (first, second, third)] == ["stopped", "stopped", "complete"]
    calls = sum(state.calls for state in (first, second, third))
    assert third.calls_of_all_sessions == calls == 4 + 40
    assert third.usage_of_all_sessions.prompt_tokens == sum(s.prompt_tokens for s in (first, second, third))
    assert third.resumed is not None
    assert 0 < third.resumed.seconds < 60
    text = summary(third)
    assert f"Calls         {calls} in all sessions, {third.calls} in this one" in text
    assert f"{third.usage_of_all_sessions.completion_tokens:,} out in all sessions" in text
    assert re.search(r"Duration      \d+ s in all sessions, \d+ s in this one", text)


EARLIER = Resumed(40, {}, 0, 1000, 500, 1.5, calls=50, seconds=100.0)


def test_tokens_and_cost_are_those_of_all_sessions() -> None:
    state = after(EARLIER, CallAnswered("m", 10, 5, 0.25, 1.0))
    assert tokens(state) == "1,010 in, 505 out in all sessions"
    assert cost(state) == "$1.75"
    unpriced = after(Resumed(40, {}, 0, 1000, 500, None), CallAnswered("m", 10, 5, 0.25, 1.0))
    assert cost(unpriced) == "at least $0.25 (earlier sessions of unknown price)"
    assert cost(after(EARLIER, CallAnswered("m", 10, 5, None, 1.0))) == "at least $1.50 (1 call of unknown price)"


def test_a_session_that_makes_no_call_still_tells_what_was_spent() -> None:
    text = summary(after(RunStarted("a", "b", 0.0), EARLIER, RunFinished("complete", "", 5.0)))
    assert "Calls     50 in all sessions, 0 in this one" in text
    assert "Duration  1 min 45 s in all sessions, 5 s in this one" in text
    assert "Cost      $1.50" in text


def test_a_first_session_says_nothing_of_others() -> None:
    answered = CallAnswered("m", 1, 1, 0.1, 1.0)
    assert "session" not in summary(after(RunStarted("a", "b", 0.0), answered, RunFinished("complete", "", 5.0)))


# What is missing.


@pytest.mark.parametrize("mode", ["tree", "graph"])
@pytest.mark.parametrize("seed", range(4))
def test_topics_made_and_missing_are_those_asked_for(place: Path, mode: str, seed: int) -> None:
    write_config(
        place,
        llm={"simulated": {"malformed": 0.3, "server_errors": 0.1}, "seed": seed},
        topics={"mode": mode, "depth": 3, "degree": 3, "expansion_retries": 0, "max_retries": 5, "save_as": None},
        generation={"max_retries": 9},
    )
    config = deepfabric_core.load((place / "config.yaml").read_text(encoding="utf-8"), source="here").config
    state = asyncio.run(deepfabric_core.generate(Job(config, topic_only=True), emit=lambda _: None, stop=Stop()))
    progress = state.topics_progress
    assert progress.total == 3 + 9 + 27
    if state.ending != "aborted":
        assert progress.done + progress.failed == progress.total


class Terse:
    """Names fewer subtopics than it is asked for, each time."""

    name = "terse"

    async def complete(self, request: Request) -> Reply:
        wanted = max(1, len(request.subject.path) % 3)
        names = [f"{request.subject.path[-1]} {number}" for number in range(wanted)]
        return Reply(json.dumps({"subtopics": names}), "terse")

    async def close(self) -> None:
        """Nothing is open."""


@asynccontextmanager
async def terse(*_: object) -> AsyncIterator[ChatModel]:
    yield Terse()


@pytest.mark.parametrize("mode", ["tree", "graph"])
def test_where_a_model_names_too_few_what_would_have_been_below_is_missing_too(place: Path, mode: str) -> None:
    write_config(place, topics={"mode": mode, "depth": 3, "degree": 3, "expansion_retries": 0, "save_as": None})
    config = deepfabric_core.load((place / "config.yaml").read_text(encoding="utf-8"), source="here").config
    job = Job(config, topic_only=True)
    state = asyncio.run(generate(job, emit=lambda _: None, stop=Stop(), connect=terse))
    progress = state.topics_progress
    assert progress.done < progress.total == 39
    assert (progress.done + progress.failed, progress.left) == (39, 0)


@given(st.data())
def test_whatever_fails_all_topics_are_accounted_for(data: st.DataObject) -> None:
    """As the engine tells it: what would have been below a missing topic is missing too."""
    degree, depth = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 3))
    events: list[Event] = [StageStarted("topics", sum(degree**level for level in range(1, depth + 1)), 4, 0.0)]
    under = [sum(degree**level for level in range(depth - above)) for above in range(depth)]
    fringe: list[tuple[str, ...]] = [("root",)]
    while fringe:
        path = fringe.pop()
        above = len(path) - 1
        if above == depth:
            continue
        children = data.draw(st.integers(0, degree))
        missing = degree - children
        if children:
            names = tuple(str(number) for number in range(children))
            events.append(TopicExpanded(path, names, missing, missing * (under[above] - 1)))
            fringe += [(*path, name) for name in names]
        else:
            events.append(ExpansionFailed(path, Kind.TIMEOUT, "", degree * under[above]))
    progress = after(*events).topics_progress
    assert (progress.settled, progress.left) == (progress.total, 0)


def test_what_an_early_end_leaves_to_make_is_told() -> None:
    made = SampleFinished("id", ("root", "leaf"), 1, 1, "q", "a")
    growing = (StageStarted("topics", 12, 4, 0.0), TopicExpanded(("r",), ("a", "b", "c")), StageFinished("topics", 1.0))
    text = summary(after(*growing, StageStarted("samples", 9, 4, 1.0), made, RunFinished("stopped", "", 9.0)))
    assert "Samples       1 of 9 made" in text
    assert "Samples left  8 to make" in text
    assert "Topics left   9 to make" in text


# One is not several.


def test_a_word_follows_its_number() -> None:
    assert [counted(number, "leaf") for number in (0, 1, 2)] == ["0 leaves", "1 leaf", "2 leaves"]
    assert [counted(number, "missing reply") for number in (1, 1000)] == ["1 missing reply", "1,000 missing replies"]
    assert (plural("retry"), are(1), are(2), were(1), were(0)) == ("retries", "is", "are", "was", "were")
    assert [of_them_leaves(number) for number in (1, 2)] == ["1 of them a leaf", "2 of them leaves"]


def test_a_run_of_one_sample_says_nothing_of_samples(place: Path, deepfabric: Run) -> None:
    write_config(
        place,
        topics={"depth": 1, "degree": 1},
        output={"num_samples": 1, "batch_size": 1, "checkpoint": {"interval": 1}},
        llm={"simulated": {"malformed": 1.0}},
    )
    failed = deepfabric("generate", "config.yaml")
    write_config(place, topics={"depth": 1, "degree": 1}, output={"num_samples": 1, "batch_size": 1})
    commands = (
        ("validate", "config.yaml"),
        ("generate", "config.yaml", "--fresh"),
        ("topic", "inspect", "out/topics.jsonl"),
        ("visualize", "out/topics.jsonl", "--output", "picture.svg"),
    )
    told = [failed, *(deepfabric(*command) for command in commands)]
    text = "\n".join(done.stdout + done.stderr for done in told)
    assert "1 of 1 delivered" in text
    assert ONE_OF_SEVERAL.findall(text) == []


def test_a_single_failure_is_told_as_one(place: Path) -> None:
    stream = StringIO()
    with SimpleView(stream, lambda: 0.0) as view:
        for event in (
            StageStarted("topics", 1, 1, 0.0),
            TopicExpanded(("r",), ("a",)),
            ExpansionFailed(("r", "a"), Kind.TIMEOUT, "slow", 1),
        ):
            view(event)
    assert ONE_OF_SEVERAL.findall(stream.getvalue()) == []
    assert "1 subtopic\n" in stream.getvalue()
    assert "(1 topic missing)" in stream.getvalue()
