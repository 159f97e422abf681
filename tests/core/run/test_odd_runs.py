"""A provider that answers oddly costs retries and then single topics or samples, and never the run."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from deepfabric_core import Job, RunState, Stop, load
from deepfabric_core.chat.messages import Reply, Request
from deepfabric_core.errors import FailureKind, RunAborted
from deepfabric_core.events import Event, SampleFailed
from deepfabric_core.run.checkpoint.checkpoint import Checkpoint
from deepfabric_core.run.event_sink import EventSink
from deepfabric_core.run.stages.samples import Sampling
from deepfabric_core.run.stages.topics import grow
from deepfabric_core.samples.plan import Plan
from deepfabric_core.topics.model import Topics
from tests.core.commands import lines
from tests.core.conftest import Run, write_config
from tests.core.llm.clients.test_odd_replies import DIGITS, NAN, YEAR, answer, completion
from tests.raw_server import RawServer

# None of them can be used; what is retried is asked for again at once.
ODD = (
    answer(b'{"choices": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    answer(completion(choices={"a": 1})),
    answer(DIGITS),
    answer({"error": {"message": [{"loc": 5}, ["No."]]}}, 500),
    answer({"error": {"message": "No."}}, 503, Retry_After=YEAR),
    answer({"error": {"message": "No."}}, 429, Retry_After=YEAR),
    answer({"error": {"message": "No."}}, 429, Retry_After="nan", X_Ratelimit_Reset="inf", X_Ratelimit_Remaining="0"),
    answer(completion(message={"content": {"subtopics": 5}})),
    answer(b"\xff\xfe\x00", Content_Type="text/html; charset=x"),
    b"no HTTP\r\n\r\n",
)
USAGES: tuple[object, ...] = (
    "text",
    {"prompt_tokens": {}},
    [1],
    {"prompt_tokens": 12.5},
    {"prompt_tokens": NAN, "completion_tokens": -1},
)
LIMITS = {"base_delay": 0.01, "max_delay": 0.02}
LAZY = {"max_retries": 8, "max_concurrent": 2}
QUICK = {"max_retries": 1, "max_concurrent": 2}


@pytest.fixture
def server() -> Iterator[RawServer]:
    with RawServer() as running:
        yield running


def wanted(body: bytes) -> Any:
    """What a good model answers."""
    asked = json.loads(body)
    if "subtopics" not in json.dumps(asked["messages"]):
        return {"question": "What is it?", "answer": "A part."}
    return {"subtopics": [f"Part {number} of {len(body)}" for number in range(3)]}


def good(body: bytes, usage: object = None) -> bytes:
    return answer(completion(message={"content": json.dumps(wanted(body))}, usage=usage))


def odd_at_first() -> Callable[[bytes], bytes]:
    """An odd answer to whatever is asked for the first time, and a good one with odd usage when it is asked again."""
    odd, usages = cycle(ODD), cycle(USAGES)
    asked: set[bytes] = set()

    def answered(body: bytes) -> bytes:
        if body in asked:
            return good(body, next(usages))
        asked.add(body)
        return next(odd)

    return answered


def config(place: Path, server: RawServer, client: str = "direct", **sections: Mapping[str, object]) -> str:
    llm = {"provider": "openai", "model": "gpt-4o", "base_url": server.base_url, "client": client}
    generation = {"rate_limit": LIMITS, "sample_retries": 1, **sections.pop("generation", {})}
    quality = {"duplicates": "off"}  # the server says the same each time
    return write_config(place, llm=llm, generation=generation, quality=quality, **sections)


def unbroken(err: str) -> None:
    assert "Traceback" not in err
    assert "unexpected" not in err
    assert "Warning" not in err and "WARNING" not in err


@pytest.mark.parametrize("client", ["direct", "litellm"])
def test_odd_answers_between_good_ones_cost_retries_and_nothing_else(
    place: Path, deepfabric: Run, server: RawServer, client: str
) -> None:
    server.answer_to = odd_at_first()
    done = deepfabric("generate", config(place, server, client, topics=LAZY, output={"batch_size": 2}))
    unbroken(done.stderr)
    records = lines(place / "out/dataset.jsonl")
    if client == "direct":  # litellm refuses some of the usages itself
        assert done.returncode == 0, done.stderr
        assert len(records) == 9
    for record in records:
        assert all(type(tokens) is int and tokens >= 0 for tokens in record["metadata"]["usage"].values())


@pytest.mark.slow
@pytest.mark.parametrize(("client", "number"), [*(("direct", number) for number in range(len(ODD))), ("litellm", 0)])
def test_topics_that_are_only_answered_oddly_end_the_run_in_one_sentence(
    place: Path, deepfabric: Run, server: RawServer, client: str, number: int
) -> None:
    overloaded = answer({"error": {"message": "No."}}, 500)  # a mere 429 is waited for, up to 15 minutes
    server.answer_to = lambda _: ODD[number] if server.asked < 20 else overloaded
    done = deepfabric("generate", config(place, server, client, topics=QUICK))
    unbroken(done.stderr)
    assert done.returncode == 1
    assert "No topics could be grown: " in done.stdout
    assert server.asked >= 2


def test_samples_that_are_only_answered_oddly_fail_with_their_kinds_and_the_others_are_delivered(
    place: Path, deepfabric: Run, server: RawServer
) -> None:
    server.answer_to = good
    generation = {"rate_limit": LIMITS | {"max_retries": 1}}
    name = config(place, server, topics=QUICK, generation=generation, output={"batch_size": 2})
    assert deepfabric("generate", name, "--topic-only").returncode == 0
    unlucky = lines(place / "out/topics.jsonl")[4]["path"][-1]
    odd = cycle(ODD[:4])
    server.answer_to = lambda body: next(odd) if unlucky in body.decode() else good(body)
    done = deepfabric("generate", name, "--topics-load", "out/topics.jsonl")
    unbroken(done.stderr)
    assert done.returncode == 1
    failed = [line for line in lines(place / "out/dataset.failures.jsonl") if "topic_id" in line]
    assert [line["kind"] for line in failed] == ["server error"] * len(failed)
    assert failed and len(failed) + len(lines(place / "out/dataset.jsonl")) == 9


def test_nan_never_reaches_a_dataset(place: Path, deepfabric: Run, server: RawServer) -> None:
    numbers = cycle(("NaN", "-Infinity", "1e999", "[" * 100_000, "12.5"))
    server.answer_to = lambda _: answer(completion(message={"content": f'{{"score": {next(numbers)}}}'}))
    (place / "topics.jsonl").write_text('{"path": ["Tea", "Green"]}\n', encoding="utf-8")
    schema = {"type": "object", "properties": {"score": {"type": "number"}}, "required": ["score"]}
    generation = {"output_schema": schema, "sample_retries": 4}
    name = config(place, server, generation=generation, output={"format": "custom", "num_samples": 1})
    done = deepfabric("generate", name, "--topics-load", "topics.jsonl")
    unbroken(done.stderr)
    assert done.returncode == 0, done.stderr
    assert (place / "out/dataset.jsonl").read_text(encoding="utf-8") == '{"score": 12.5}\n'
    assert server.asked == 5


# --- A bug of ours ---

TEXT = """
llm: {provider: simulated}
topics: {prompt: Tea, depth: 2, degree: 3}
generation: {system_prompt: You teach.}
output: {save_as: tea.jsonl}
"""
JOB = Job(load(TEXT, source="here").config)


class Broken:
    """A model that answers well, apart from a bug that shows at some topic."""

    name = "openai/broken"

    def __init__(self, at: str) -> None:
        self.at = at

    async def complete(self, request: Request) -> Reply:
        """Answer one request."""
        if request.subject.path[-1] == self.at:
            raise TypeError("a bug of 100 < 200")
        names = [f"{request.subject.path[-1]}, part {number}" for number in range(3)]
        question = {"question": "What is it?", "answer": "Tea."}
        return Reply(json.dumps(question if len(request.subject.path) > 2 else {"subtopics": names}), "m")

    async def close(self) -> None:
        """Nothing is open."""


def grown(at: str, watch: Callable[[Event], None] = lambda _: None) -> tuple[Topics, RunState]:
    feed = EventSink(watch)
    with checkpoint_of(feed) as checkpoint:
        topics = asyncio.run(grow(JOB, Broken(at), feed, Stop(), checkpoint))
    return topics, feed.state


@contextmanager
def checkpoint_of(feed: EventSink) -> Iterator[Checkpoint]:
    """One that nobody asked for, in the working folder."""
    checkpoint = Checkpoint(JOB, feed, JOB.journal_files(), None)
    yield checkpoint
    checkpoint.close()


def test_a_bug_in_one_expansion_costs_only_that_one(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    topics, state = grown("Tea, part 1")
    assert len(topics) == 1 + 3 + 2 * 3
    assert state.failed_expansions == 1
    (line,) = lines(place / "tea_topics_failed.jsonl")
    assert line["failed_generation"]["error"] == "TypeError: a bug of 100 < 200"
    assert capfd.readouterr().err == ""


def test_the_traceback_of_a_bug_is_there_for_whoever_asks_for_it(place: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    grown("Tea, part 1")
    assert "the work on Tea > Tea, part 1 failed" in caplog.text
    assert "Traceback (most recent call last)" in caplog.text


def test_a_bug_at_the_root_is_named_as_the_reason(place: Path) -> None:
    with pytest.raises(RunAborted, match="No topics could be grown: TypeError: a bug"):
        grown("Tea")


def test_a_bug_in_one_sample_costs_only_that_one(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    topics, _ = grown("nowhere")
    events: list[Event] = []
    feed = EventSink(events.append)
    with checkpoint_of(feed) as checkpoint:
        sampling = Sampling(JOB, Plan(topics, 9), Broken("Tea, part 1, part 1"), feed, checkpoint)
        asyncio.run(sampling.run(Stop()))
        sampling.deliver()
    failed = [event for event in events if isinstance(event, SampleFailed)]
    assert [event.kind for event in failed] == [FailureKind.INTERNAL]
    assert len(lines(place / "tea.jsonl")) == 8
    assert capfd.readouterr().err == ""


def test_a_screen_that_breaks_shows_no_traceback(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def broken(event: Event) -> None:
        raise KeyError(event)

    topics, _ = grown("nowhere", broken)
    assert len(topics) == 13
    assert capfd.readouterr().err == ""
