"""The recorded model: a run is done again from its trace, without a network and to the same dataset."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from deepfabric_core.chat.messages import Message, Reply, ReplySchema, Request, Subject
from deepfabric_core.config.llm import Llm
from deepfabric_core.errors import ConfigError, FailureKind, ModelError
from deepfabric_core.llm.connect import check
from deepfabric_core.llm.recorded import RecordedModel
from tests.core.commands import lines
from tests.core.conftest import Run, local_llm, write_config
from tests.core.run.stages.test_agent_runs import keeper
from tests.provider import Faults, LocalProvider

Sections = dict[str, dict[str, Any]]

COT = {"conversation": {"type": "cot", "reasoning_style": "freetext"}}
AGENT = {"tools": {"max_per_query": 4}, "scenario_seed": {"files": {"a.txt": "hello"}}}
TROUBLE = Faults(rate_limited=0.1, server_error=0.1, malformed=0.15, reset=0.05, retry_after=0.01)
RECORDED = {"provider": "recorded", "recorded": {"path": "calls.jsonl"}}


def sections(dataset: str, **own: Mapping[str, object]) -> Sections:
    """A config of a dataset of its own, with many retries."""
    topics = {"save_as": f"{dataset}.topics", "max_retries": 10, "expansion_retries": 10, **own.get("topics", {})}
    generation = {"max_retries": 10, "sample_retries": 5, **own.get("generation", {})}
    output = {"save_as": f"{dataset}.jsonl", "num_samples": 25, **own.get("output", {})}
    return {"topics": topics, "generation": generation, "output": output}


def record(place: Path, deepfabric: Run, server: LocalProvider, **own: Mapping[str, object]) -> None:
    config = write_config(place, llm=local_llm(server), **sections("live", **own))
    done = deepfabric("generate", config, "--trace", "calls.jsonl", OPENAI_API_KEY="k")
    assert done.returncode == 0, done.stdout + done.stderr


def replay(place: Path, deepfabric: Run, dataset: str, calls: int, **own: Mapping[str, object]) -> list[dict[str, Any]]:
    """The dataset that the trace gives, with so many calls at once."""
    config = write_config(place, llm=RECORDED, **sections(dataset, **own))
    done = deepfabric("generate", config, "--batch-size", str(calls))
    assert done.returncode == 0, done.stdout + done.stderr
    return lines(place / f"{dataset}.jsonl")


# ---- whole runs


@pytest.mark.parametrize(
    ("faults", "own"),
    [
        (TROUBLE, {}),
        (Faults(schema_violation=0.2, server_error=0.1), {"topics": {"mode": "graph"}, "generation": COT}),
        (Faults(reject_response_format="json_schema"), {"generation": COT}),
        (Faults(reject_response_format="any", malformed=0.1), {}),
        (Faults(server_error=0.1, rate_limited=0.1, retry_after=0.01), {"generation": AGENT}),
        (Faults(reject_tools=True), {"generation": AGENT, "output": {"num_samples": 9}}),
    ],
    ids=["a tree and cycles", "a graph and reasoning", "JSON mode", "no format", "agents", "agents without tools"],
)
def test_a_run_with_faults_is_done_again_to_the_same_dataset_however_many_calls_at_once(
    place: Path, deepfabric: Run, faults: Faults, own: Sections
) -> None:
    agent = keeper if "generation" in own and not faults.reject_response_format else None
    with LocalProvider(faults, agent=agent) as server:
        record(place, deepfabric, server, **own)
    for calls in (1, 16):  # the server is gone
        assert replay(place, deepfabric, f"again{calls}", calls, **own) == lines(place / "live.jsonl")
    assert (place / "again1.topics").exists()


def test_a_sample_that_failed_fails_again(place: Path, deepfabric: Run) -> None:
    with LocalProvider(Faults(server_error=0.3)) as server:
        own = {"generation": {"max_retries": 0, "sample_retries": 0}, "output": {"num_samples": 30}}
        config = write_config(place, llm=local_llm(server), **sections("live", **own))
        assert deepfabric("generate", config, "--trace", "calls.jsonl").returncode == 1
    config = write_config(place, llm=RECORDED, **sections("again", **own))
    assert deepfabric("generate", config).returncode == 1
    assert lines(place / "again.jsonl") == lines(place / "live.jsonl")
    failed = [
        {(line["topic_id"], line["cycle"]) for line in lines(place / f"{one}.failures.jsonl")}
        for one in ("live", "again")
    ]
    assert failed[0] == failed[1] != set()


def test_a_config_with_other_topics_gets_the_nearest_replies(
    place: Path, deepfabric: Run, provider: LocalProvider
) -> None:
    record(place, deepfabric, provider)
    own: Sections = {"topics": {"prompt": "Mending bicycles", "depth": 1, "degree": 2}, "output": {"num_samples": 6}}
    first, again = (replay(place, deepfabric, name, calls, **own) for name, calls in (("one", 1), ("other", 8)))
    assert first == again and len(first) == 6


def test_a_replay_costs_what_the_recording_says_and_needs_no_key(
    place: Path, deepfabric: Run, provider: LocalProvider
) -> None:
    record(place, deepfabric, provider)
    replay(place, deepfabric, "again", 4)
    usage = [record["metadata"]["usage"] for record in lines(place / "again.jsonl")]
    assert usage == [record["metadata"]["usage"] for record in lines(place / "live.jsonl")]
    assert not any(record["metadata"]["simulated"] for record in lines(place / "again.jsonl"))


def test_a_replay_can_be_recorded_in_turn(place: Path, deepfabric: Run, provider: LocalProvider) -> None:
    record(place, deepfabric, provider)
    config = write_config(place, llm=RECORDED, **sections("again"))
    assert deepfabric("generate", config, "--trace", "second.jsonl").returncode == 0
    replies = [
        sorted(line["reply"]["text"] for line in lines(place / name) if "reply" in line)
        for name in ("calls.jsonl", "second.jsonl")
    ]
    assert replies[0] == replies[1]


# ---- what is refused, before anything is spent


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "calls.jsonl: the trace in llm.recorded.path can't be read: no such file or directory"),
        ("", "calls.jsonl: it isn't a trace"),
        ('{"messages": []}\n', "calls.jsonl: it isn't a trace"),
        ('{"trace": 2, "started_at": 1}\n', "calls.jsonl, line 1: the trace has version 2, and only version 1"),
        ('{"trace": 1, "started_at": 1}\nnonsense\n', "calls.jsonl, line 2: it is damaged"),
        ('{"trace": 1, "started_at": 1}\n{"at": 1}\n', "calls.jsonl, line 2: it is damaged"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_at_once(
    place: Path, deepfabric: Run, content: str | None, said: str
) -> None:
    if content is not None:
        (place / "calls.jsonl").write_text(content)
    write_config(place, llm=RECORDED)
    for command in ("generate", "validate"):
        done = deepfabric(command, "config.yaml")
        assert done.returncode == 2 and said in done.stderr, done.stderr
    assert not (place / "out").exists() or not list((place / "out").iterdir())


def test_a_folder_is_no_trace(place: Path) -> None:
    (place / "calls.jsonl").mkdir()
    with pytest.raises(ConfigError, match=r"not a regular file"):
        check(Llm.model_validate(RECORDED))


def test_the_provider_needs_a_trace(place: Path, deepfabric: Run) -> None:
    write_config(place, llm={"provider": "recorded"})
    done = deepfabric("generate", "config.yaml")
    assert done.returncode == 2
    assert "provider recorded needs recorded.path, the trace to answer from" in done.stderr


# ---- single requests

EXCHANGE = ReplySchema("exchange", {"type": "object", "properties": {}})


def request(text: str, *path: str, schema: ReplySchema | None = EXCHANGE, variation: int = 0, **own: Any) -> Request:
    messages = (Message("system", "You teach."), Message("user", text))
    return Request(messages, 100, schema=schema, subject=Subject(path, variation), **own)


def line(text: str, reply: str | None, *path: str, **own: Any) -> dict[str, Any]:
    """A line of a trace; without a reply, the call failed."""
    messages = [{"role": "system", "content": "You teach."}, {"role": "user", "content": text}]
    answer = {"text": reply, "model": "m", "finish_reason": "stop"}
    return {
        "at": 1.0,
        "stage": "samples",
        "model": "openai/m",
        "request": {"messages": messages, "max_tokens": 100, "schema": "exchange"},
        "way": "json_schema",
        "subject": {"path": path, "variation": 0, "wanted": 1},
        "seconds": 0.1,
        "prompt_tokens": 5,
        "completion_tokens": 7,
        "cost": None,
        **({"error": {"kind": "server error", "message": "broken"}} if reply is None else {"reply": answer}),
        **own,
    }


BEGIN: dict[str, Any] = {"trace": 1, "started_at": 1.0}


def model(place: Path, *trace: dict[str, Any], torn: str = "") -> RecordedModel:
    text = "".join(json.dumps(one) + "\n" for one in (BEGIN, *trace)) + torn
    (place / "calls.jsonl").write_text(text)
    return RecordedModel(Llm.model_validate(RECORDED))


def texts(recorded: RecordedModel, *requests: Request) -> list[str]:
    async def ask() -> list[Reply]:
        return [await recorded.complete(one) for one in requests]

    return [reply.text for reply in asyncio.run(ask())]


def test_equal_requests_get_the_replies_in_their_order_and_then_the_last_again(place: Path) -> None:
    recorded = model(place, line("Tea?", "one", "Tea"), line("Tea?", None, "Tea"), line("Tea?", "two", "Tea"))
    assert texts(recorded, *[request("Tea?", "Tea")] * 4) == ["one", "two", "two", "two"]


def test_an_equal_request_is_found_before_one_about_the_same_subject(place: Path) -> None:
    recorded = model(place, line("Tea?", "of the first", "Tea"), line("More tea?", "of the second", "Tea"))
    assert texts(recorded, request("More tea?", "Tea"), request("Tea?", "Tea")) == ["of the second", "of the first"]


def test_the_same_subject_is_enough_whatever_else_the_prompt_says(place: Path) -> None:
    trace = [line("Tea? Not: a, b", "tea", "Tea"), line("Milk? Not: c", "milk", "Milk")]
    asked = [request("Milk? Not: b", "Milk"), request("Tea?", "Tea"), request("Tea? Not: b, a", "Tea")]
    assert texts(model(place, *trace), *asked) == ["milk", "tea", "tea"]


def test_another_variation_is_another_subject(place: Path) -> None:
    second = {"subject": {"path": ["Tea"], "variation": 1, "wanted": 1}}
    recorded = model(place, line("Tea, 1", "first", "Tea"), line("Tea, 2", "second", "Tea", **second))
    assert texts(recorded, request("Tea?", "Tea", variation=1), request("Tea?", "Tea")) == ["second", "first"]


def test_an_unknown_subject_gets_the_reply_to_the_nearest_words_always_the_same(place: Path) -> None:
    trace = [
        line("Ask about green tea from Japan", "japan", "Tea", "Green"),
        line("Ask about black tea from Assam", "assam", "Tea", "Black"),
        line("Ask about coffee from Kenya", "kenya", "Coffee"),
    ]
    asked = [request("Ask about coffee beans from Kenya", "Beans"), request("Something on black tea", "Other")]
    assert texts(model(place, *trace), *asked) == ["kenya", "assam"]
    assert texts(model(place, *trace), *reversed(asked)) == ["assam", "kenya"]


def test_what_is_asked_again_in_another_run_gets_the_next_reply_of_the_nearest(place: Path) -> None:
    recorded = model(place, line("On tea", "nonsense", "Tea"), line("On tea", "good", "Tea"), line("Milk", "m", "Milk"))
    assert texts(recorded, *[request("About tea", "Other tea")] * 2) == ["nonsense", "good"]


def test_a_request_of_a_kind_that_was_never_recorded_is_refused_in_one_sentence(place: Path) -> None:
    other = ReplySchema("record", {"type": "object"})
    with pytest.raises(
        ModelError, match=r"^recorded/gpt-4o: calls.jsonl: the trace has no reply to such a request; "
    ) as e:
        texts(model(place, line("Tea?", "tea", "Tea")), request("Tea?", "Tea", schema=other))
    assert e.value.kind is FailureKind.BAD_REQUEST
    with pytest.raises(ModelError, match=r"no reply"):
        texts(model(place), request("Tea?", "Tea"))


def test_what_only_failed_fails_and_gets_no_other_reply(place: Path) -> None:
    recorded = model(place, line("Tea?", None, "Tea"), line("Milk?", "milk", "Milk"))
    with pytest.raises(ModelError, match=r"the recorded call failed for good"):
        texts(recorded, request("Tea?", "Tea"))


def test_an_incomplete_last_line_is_ignored(place: Path) -> None:
    assert texts(model(place, line("Tea?", "tea", "Tea"), torn='{"at": 1, "sta'), request("Tea?", "Tea")) == ["tea"]


def test_a_session_that_does_something_again_replaces_what_an_earlier_one_made_of_it(place: Path) -> None:
    """A killed run may have lost a reply that its trace has, and a failed sample may have been tried again."""
    lost, kept = line("Tea?", "lost", "Tea"), line("Milk?", "kept", "Milk")
    recorded = model(place, lost, kept, BEGIN, line("Tea?", "made again", "Tea"))
    assert texts(recorded, request("Tea?", "Tea"), request("Milk?", "Milk")) == ["made again", "kept"]


def test_a_session_that_goes_on_with_a_conversation_keeps_its_beginning(place: Path) -> None:
    again = {"because": "invalid JSON"}
    recorded = model(place, line("Tea?", "nonsense", "Tea"), BEGIN, line("Tea? Mind!", "good", "Tea", **again))
    asked = [request("Tea?", "Tea"), request("Tea? Mind!", "Tea", because=FailureKind.INVALID_JSON)]
    assert texts(recorded, *asked) == ["nonsense", "good"]


def test_a_reply_by_a_forced_tool_call_serves_every_way_of_asking(place: Path) -> None:
    sent = {"messages": line("Tea?", "", "Tea")["request"]["messages"], "max_tokens": 1, "schema": "exchange"}
    sent |= {"tools": ["exchange"], "tool_choice": "exchange"}
    calls = [{"id": "1", "name": "exchange", "arguments": "{}"}]
    called = {"text": "", "model": "m", "finish_reason": "tool_calls", "tool_calls": calls}
    recorded = model(place, line("Tea?", "", "Tea", way="tool", request=sent) | {"reply": called})
    assert texts(recorded, request("Tea?", "Tea")) == ["{}"]


def test_ten_thousand_calls_are_loaded_and_searched_quickly(place: Path) -> None:
    trace = [
        line(f"Ask about tea number {number} of hill {number % 97}", str(number), f"{number}")
        for number in range(10_000)
    ]
    recorded = model(place, *trace)
    asked = [
        request(f"Ask on tea number {number} of hill {number % 97}", "elsewhere", str(number)) for number in range(300)
    ]
    assert texts(recorded, *asked) == [str(number) for number in range(300)]
