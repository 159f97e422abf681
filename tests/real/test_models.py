"""What must hold with any model, however small: a run ends, and what it accepts is what was asked for."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import pytest
from _pytest.mark import ParameterSet

from deepfabric_core.errors import FailureKind
from tests.real.figures import Row, Runner

# Of prompts; no reply may repeat so many of their words in a row.
ECHOES = re.compile(
    r"topic path, from general|reply as a json object|a user's question that stands by itself"
    r"|what the (?:user asks|assistant answers), in|in your own words",
    re.IGNORECASE,
)
PLACEHOLDERS = re.compile(r"\W*(?:\.\.\.|question|answer|string|text|name of a subtopic|topic_?\d*)\W*", re.IGNORECASE)
SCHEMA = re.compile(r'"(?:type|properties|required)"\s*:')
OTHER_DOMAINS = re.compile(r"bread|cooking|loaf|bicycle", re.IGNORECASE)
# Sampling is chance, so these leave room: the table says what was reached.
LEAST_ON_TOPIC = 0.5
MOST, HALF = 8, 6


def only_asked(way: str) -> ParameterSet:
    """A way that the server doesn't enforce, which takes such a model many calls in vain."""
    return pytest.param(way, marks=pytest.mark.slow)


def is_wanted(text: str) -> bool:
    """Whether a text is one that somebody could want in a dataset."""
    letters = sum(map(str.isalnum, text))
    spoilt = ECHOES.search(text) or PLACEHOLDERS.fullmatch(text) or SCHEMA.search(text)
    return letters >= 1 and not spoilt


def check_run(row: Row) -> None:
    """It ended by itself with a reason, and all that was refused has one of ours."""
    assert row.code in (0, 1), row.said
    assert "Traceback" not in row.said
    assert r"\S" not in row.said
    kinds = {kind.value for kind in FailureKind}
    for call in row.rejected:
        assert call["kind"] in kinds and call["error"], call
        assert r"\S" not in call["error"]


def check_topics(row: Row) -> None:
    check_run(row)
    for line in row.lines:
        *above, name = line["path"]
        assert is_wanted(name), line
        assert " > " not in name and name not in above
        assert not OTHER_DOMAINS.search(name), line


def check_samples(row: Row) -> None:
    check_run(row)
    questions = [record["question"].casefold() for record in row.lines]
    assert len(set(questions)) == len(questions), "no question is asked twice"
    for record in row.lines:
        assert is_wanted(record["question"]), record["question"]
        assert is_wanted(record["final_answer"]), record["final_answer"]
        assert record["question"] != record["final_answer"]


def check_agent(record: dict[str, Any]) -> None:
    roles = [message["role"] for message in record["messages"]]
    assert roles[-1] == "assistant" and "tool" in roles
    assert all(before != "tool" or after in ("tool", "assistant") for before, after in pairwise(roles))


@pytest.mark.parametrize("way", ["auto", *map(only_asked, ("json_object", "prompt", "plain_text"))])
def test_topics_of_a_small_model(small: Runner, rows: list[Row], way: str) -> None:
    row = small.topics(way)
    rows.append(row)
    check_topics(row)


def test_samples_on_a_server_that_refuses_the_first_way(older: Runner, rows: list[Row]) -> None:
    row = older.samples("auto", "basic", 2)
    rows.append(row)
    check_samples(row)
    assert row.lines, row.said
    assert "takes no JSON Schema" in row.said and "given up" not in row.said


def test_samples_with_the_schema_enforced(small: Runner, rows: list[Row]) -> None:
    row = small.samples("auto", "basic")
    rows.append(row)
    check_samples(row)
    assert len(row.lines) >= MOST, row.said
    assert row.on_topic >= LEAST_ON_TOPIC * len(row.lines)


@pytest.mark.slow
def test_reasoning_with_the_schema_enforced(small: Runner, rows: list[Row]) -> None:
    row = small.samples("auto", "reasoning")
    rows.append(row)
    check_samples(row)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["json_object", "prompt"])
def test_samples_where_json_is_only_asked_for(small: Runner, rows: list[Row], way: str) -> None:
    row = small.samples(way, "basic")
    rows.append(row)
    check_samples(row)


def test_samples_in_plain_text(small: Runner, rows: list[Row]) -> None:
    row = small.samples("plain_text", "basic")
    rows.append(row)
    check_samples(row)
    assert len(row.lines) >= HALF, row.said


@pytest.mark.slow
def test_agents_of_a_small_model(small: Runner, rows: list[Row]) -> None:
    row = small.samples("auto", "agent")
    rows.append(row)
    check_run(row)
    for record in row.lines:
        check_agent(record)


def test_a_model_that_was_not_trained_to_chat(base: Runner, rows: list[Row]) -> None:
    topics, samples = base.topics("auto"), base.samples("auto", "basic", 1)
    rows.extend([topics, samples])
    check_topics(topics)
    check_samples(samples)
