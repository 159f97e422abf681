"""What calls are for: each counts for one purpose, during a run as in its files, and all together are the total."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import reduce as fold
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import deepfabric_core
from deepfabric_core import Job, RunState, Stop
from deepfabric_core.amounts import PURPOSES, Purpose, Spending, Spent, Usage, total, with_refused
from deepfabric_core.errors import FailureKind as Kind
from deepfabric_core.events import (
    CallAnswered,
    CallFailed,
    Event,
    Resumed,
    RunFinished,
    RunStarted,
    SampleFinished,
    SamplePutAside,
)
from deepfabric_core.quality.finding import Finding
from deepfabric_core.run.state import reduce
from deepfabric_core.samples.records import Record
from deepfabric_core.store.checkpoint_files import CheckpointFiles, Metadata, read_metadata, write_metadata
from deepfabric_core.store.usage_totals import spending_of, with_unsaved
from deepfabric_core.text.run_facts import cost
from deepfabric_core.text.run_summary import summary
from tests.core.conftest import write_config
from tests.model_servers import OLLAMA_OF_OLD, PLAIN_TEXT_ONLY, STRIPS_ALL, Imitation, ModelServer

COUNTS = st.integers(0, 10_000)
COSTS = st.none() | st.sampled_from([0.0, 0.000015, 0.25, 3.1])
ANSWERS = st.builds(CallAnswered, st.just("m"), COUNTS, COUNTS, COSTS, st.just(1.0), COUNTS, st.sampled_from(PURPOSES))
USAGES = st.builds(Usage, COUNTS, COUNTS, COSTS, COUNTS)
SPENT = st.builds(Spent, st.integers(1, 9), USAGES)
ASIDE = st.builds(SamplePutAside, st.just("id"), st.just(0), SPENT)
FAILED = st.builds(CallFailed, st.just(Kind.TIMEOUT), st.just(""), st.sampled_from([None, 1.0]))
EVENTS = st.lists(ANSWERS | ASIDE | FAILED, max_size=30)


def after(*events: Event) -> RunState:
    return fold(reduce, events, RunState())


def answered(purpose: Purpose, cost: float | None, cached: int = 0) -> CallAnswered:
    return CallAnswered("m", 100, 10, cost, 1.0, cached, purpose)


def assert_the_sum(spending: Spending, usage: Usage) -> None:
    found = total(spending).usage
    assert replace(found, cost=0.0) == replace(usage, cost=0.0)
    assert (found.cost or 0.0) == pytest.approx(usage.cost or 0.0)


@given(EVENTS, st.dictionaries(st.sampled_from(PURPOSES), SPENT))
def test_whatever_is_answered_or_refused_the_purposes_add_up_to_the_total(
    events: list[Event], before: dict[Purpose, Spent]
) -> None:
    sums = total(before)
    used = sums.usage
    numbers = used.prompt_tokens, used.completion_tokens, used.cost
    earlier = Resumed(1, {}, 0, *numbers, sums.attempts, cached_tokens=used.cached_tokens, spending=before)
    state = after(earlier, *events)
    assert_the_sum(state.spending, state.usage)
    assert_the_sum(state.spending_of_all_sessions, state.usage_of_all_sessions)
    assert total(state.spending).attempts == state.answered


@given(ANSWERS.filter(lambda call: call.purpose == "samples"), EVENTS)
def test_a_refused_sample_takes_what_it_cost_with_it(call: CallAnswered, events: list[Event]) -> None:
    one = after(call).spending["samples"]
    state, refused = after(*events, call), after(*events, call, SamplePutAside("id", 0, one))
    assert refused.spending["refused samples"] == state.spending.get("refused samples", Spent()) + one
    assert refused.spending["samples"].attempts == state.spending["samples"].attempts - 1


# Runs. What the events said is what the files say.


def ragged(record: Record) -> Finding | None:
    """Refuse every third sample, by its length."""
    if len(str(record)) % 3:
        return None
    return Finding("checks", "length", "its length can be divided by three", "make it longer or shorter")


def ran(place: Path, job: dict[str, Any] | None = None, **sections: Any) -> tuple[RunState, Metadata, Metadata]:
    """Return the state after a run, the metadata as saved, and as they are made anew from the logs alone."""
    write_config(place, **sections)
    config = deepfabric_core.load((place / "config.yaml").read_text(encoding="utf-8"), source="here").config
    asked = Job(config, checkpoint_path=place / "checkpoint", keep=True, **job or {})
    state = asyncio.run(deepfabric_core.generate(asked, emit=lambda _: None, stop=Stop()))
    files = asked.checkpoint_files()
    return state, read_metadata(files), with_unsaved(Metadata(), files)


def without_nothing(spending: Spending) -> dict[str, Spent]:
    return {purpose: spent for purpose, spent in spending.items() if spent.attempts}


FAULTY = {"provider": "simulated", "simulated": {"malformed": 0.2}, "seed": 3}
AGENT = {"tools": {"max_per_query": 3}, "scenario_seed": {"files": {"a.txt": "hello"}}}


@pytest.mark.parametrize(
    ("sections", "purposes"),
    [
        ({}, {"topics", "samples", "repairs"}),
        ({"quality": {"attempts": 30}}, {"topics", "samples", "repairs", "refused samples"}),
        (
            {"quality": {"attempts": 30, "judge": {"reply_retries": 3}}},
            {"topics", "samples", "repairs", "refused samples", "judge"},
        ),
        (
            {"quality": {"judge": {"reply_retries": 3}, "compare": "best_of 2"}},
            {"topics", "samples", "repairs", "refused samples", "judge"},
        ),
        ({"generation": AGENT}, {"topics", "samples", "repairs", "refused samples"}),
    ],
    ids=["plain", "checked", "judged", "best of two", "agents"],
)
def test_the_files_say_the_same_of_each_purpose_as_the_run_does(
    place: Path, sections: dict[str, Any], purposes: set[str]
) -> None:
    checks = {"checks": (ragged,)} if sections.get("quality", {}).get("attempts") else {}
    output = {"num_samples": 20, "batch_size": 4}
    state, saved, made_anew = ran(place, checks, llm=FAULTY, output=output, **sections)
    assert state.ending in ("complete", "incomplete")
    assert without_nothing(state.spending).keys() == purposes
    assert without_nothing(saved.spending) == without_nothing(state.spending)
    assert without_nothing(made_anew.spending) == without_nothing(state.spending)
    assert_the_sum(state.spending, state.usage)


@pytest.mark.parametrize(
    "server", [OLLAMA_OF_OLD, STRIPS_ALL, PLAIN_TEXT_ONLY], ids=["json mode", "words", "plain text"]
)
def test_replies_that_only_show_how_a_server_is_asked_are_in_the_files_too(
    place: Path, server: Imitation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "a-key-of-sixteen")
    topics = {"prompt": "Repairing bicycles", "depth": 1, "degree": 2}
    with ModelServer(server) as running:
        llm = {"provider": "openai", "model": "some-model", "base_url": running.base_url}
        state, saved, made_anew = ran(place, llm=llm, topics=topics, quality={"duplicates": "off"})
    assert state.answered == len(running.requests) - running.refused == total(made_anew.spending).attempts
    assert without_nothing(made_anew.spending) == without_nothing(state.spending) == without_nothing(saved.spending)
    assert total(state.spending).unpriced == state.answered, "nobody knows the price of that model"


def test_what_an_earlier_version_counted_counts_as_samples(place: Path) -> None:
    known = Metadata(calls=7, prompt_tokens=70, completion_tokens=7, cost=0.5)
    assert spending_of(known) == {"samples": Spent(7, Usage(70, 7, 0.5))}
    assert spending_of(replace(known, cost=None)) == {"samples": Spent(7, Usage(70, 7), unpriced=7)}
    assert spending_of(Metadata()) == {}


def test_metadata_keep_what_was_spent_by_purpose(tmp_path: Path) -> None:
    files = CheckpointFiles(tmp_path, "tea")
    spending: Spending = {"judge": Spent(2, Usage(5, 6, None, 3), 2), "topics": Spent(1, Usage(1, 1, 0.5))}
    write_metadata(files, Metadata(spending=spending, run_id="a"))
    assert read_metadata(files) == Metadata(spending=spending, run_id="a")


# What is said of it.


def told(*events: Event) -> str:
    models = RunStarted("openai/gpt-4o", "openai/gpt-4o", 0.0)
    return summary(after(models, *events, RunFinished("complete", "", 1.0)))


MADE = [SampleFinished("id", ("r", "l"), number, 1, "q", "a") for number in range(4)]


def test_the_summary_tells_what_the_money_was_spent_on() -> None:
    calls = [
        answered("topics", 0.1),
        answered("samples", 0.8, cached=40),
        answered("samples", 0.4),
        answered("judge", 0.3),
    ]
    refused = SamplePutAside("id", 0, Spent(1, Usage(100, 10, 0.4)))
    text = told(*calls, refused, *MADE)
    assert "Cost             $1.60" in text
    assert "Cost by stage    topics $0.10, samples $0.80, refused samples $0.40, judge $0.30" in text
    assert "Cost per sample  $0.40" in text
    assert "Cached tokens    40 of 400 prompt tokens came from the cache" in text


def test_a_run_that_spent_on_one_thing_alone_says_its_cost_once() -> None:
    text = told(answered("samples", 0.8), *MADE)
    assert "Cost by stage" not in text and "Cached" not in text


def test_a_purpose_of_unknown_price_is_said_to_be_unknown() -> None:
    text = told(answered("topics", 0.5), answered("samples", 0.25), answered("samples", None), answered("judge", None))
    assert "Cost           at least $0.75 (2 calls of unknown price)" in text
    assert "Cost by stage  topics $0.50, samples at least $0.25, judge unknown" in text
    assert "unknown" in told(answered("samples", None)) and "$" not in told(answered("samples", None))


@pytest.mark.parametrize(
    ("models", "why"),
    [
        (("simulated/a", "simulated/b"), "none (a simulated model)"),
        (("demo", "demo"), "none (the demo)"),
        (("local/m", "local/m"), "none (a local model)"),
        (("ray-vllm/m", "ray-vllm/m"), "none (a model on your own cluster)"),
        (("simulated/a", "ollama/b"), "none (the price is 0)"),
    ],
)
def test_what_costs_nothing_is_said_to_be_free(models: tuple[str, str], why: str) -> None:
    free = after(RunStarted(*models, 0.0), answered("topics", 0.0), answered("samples", 0.0), *MADE)
    assert cost(free) == why
    assert "$" not in summary(free)
    assert cost(reduce(free, answered("samples", None))) == "at least $0 (1 call of unknown price)"
    assert cost(after(RunStarted(*models, 0.0), answered("samples", None))) == "unknown"


def test_earlier_sessions_of_partly_unknown_price_are_told_of() -> None:
    before = Resumed(1, {}, 0, 10, 1, 0.5, spending={"samples": Spent(3, Usage(10, 1, 0.5), unpriced=1)})
    assert cost(after(before)) == "at least $0.50 (earlier sessions of unknown price)"


def test_what_is_refused_leaves_no_rest_by_rounding() -> None:
    spending: Spending = {"samples": Spent(1, Usage(1, 1, 0.1)) + Spent(1, Usage(1, 1, 0.2))}
    for price in (0.1, 0.2):
        spending = with_refused(spending, Spent(1, Usage(1, 1, price)))
    assert spending["samples"] == Spent(0, Usage(0, 0, 0.0))
