"""Samples that a judge scores: at an endpoint of its own, with what it says in the metadata."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.answers import Json, text_of
from tests.core.commands import lines, start, wait_for
from tests.core.conftest import local_llm, write_config
from tests.core.run.test_accepted_samples import ended
from tests.flawed_replies import FlawedReplies, Shares
from tests.model_servers import Imitation, ModelServer, error
from tests.provider import Faults, LocalProvider


def verdict(body: Json) -> str:
    """A judge that gives 1 to answers with an even number of words in the first sentence, and 5 to the others.

    It names the second sample as the better one, wherever that stands.
    """
    asked = "\n".join(map(text_of, body["messages"]))
    properties = body["response_format"]["json_schema"]["schema"]["properties"]
    score = 5 if len(re.sub(r"\W+", "", asked)) % 2 else 1
    return json.dumps({name: _filled(part, score) for name, part in properties.items()})


def _filled(part: Json, score: int) -> Any:
    if part.get("type") == "object" or "properties" in part:
        return {name: _filled(below, score) for name, below in part["properties"].items()}
    if "enum" in part:
        return part["enum"][-1] if isinstance(part["enum"][0], str) else score
    return score if part.get("type") in ("integer", "number") else "It could say more about this."


@pytest.fixture
def judge() -> Iterator[LocalProvider]:
    with LocalProvider(Faults(latency=0.01), verdict) as server:
        yield server


@pytest.fixture
def writer() -> Iterator[LocalProvider]:
    with LocalProvider(Faults(latency=0.01), FlawedReplies(Shares(0, 0, 0, 0, 0))) as server:
        yield server


def judged_config(place: Path, writer: LocalProvider, judge: LocalProvider | ModelServer, **quality: Any) -> None:
    write_config(
        place,
        llm=local_llm(writer),
        output={"num_samples": 20, "batch_size": 8},
        quality={"judge": {"llm": {"base_url": judge.base_url, "model": "gpt-4o-mini"}}, "attempts": 20, **quality},
    )


def test_a_judge_has_its_own_endpoint_and_only_good_samples_are_accepted(
    place: Path, writer: LocalProvider, judge: LocalProvider
) -> None:
    judged_config(place, writer, judge)
    said = ended(start(place))
    records = lines(place / "out/dataset.jsonl")
    rejected = lines(place / "out/dataset.rejected.jsonl")
    assert [record["metadata"]["judge"]["score"] for record in records] == [5.0] * 20
    assert all(record["metadata"]["judge"]["reasons"]["clarity"] for record in records)
    assert {line["gate"] for line in rejected} == {"judge"}
    assert judge.counts.answered >= 20 + len(rejected), "each sample was judged"
    assert all("gpt-4o-mini" in body["model"] for body in judge.requests)
    assert all("gpt-4o-mini" not in body["model"] for body in writer.requests)
    assert f"{writer.counts.answered + judge.counts.answered:,}" in said, "all calls are counted"


def test_a_judge_that_fails_fails_no_sample_and_that_is_told(place: Path, writer: LocalProvider) -> None:
    with LocalProvider(Faults(server_error=1.0)) as broken:
        judged_config(place, writer, broken)
        write = place / "config.yaml"
        write.write_text(write.read_text().replace("attempts: 20", "attempts: 0"))
        said = ended(start(place, "--num-samples", "3"))
    assert "Unjudged samples" in said and "3 samples" in said
    records = lines(place / "out/dataset.jsonl")
    assert [record["metadata"]["judge"]["judged"] for record in records] == [False] * 3
    assert all(record["metadata"]["judge"]["unjudged"] for record in records)


def test_the_best_of_several_samples_is_taken_and_the_others_are_kept_apart(
    place: Path, writer: LocalProvider, judge: LocalProvider
) -> None:
    judged_config(place, writer, judge, compare="best_of 3")
    ended(start(place, "--num-samples", "5", "--min-score", "1"))
    assert len(lines(place / "out/dataset.jsonl")) == 5
    rejected = lines(place / "out/dataset.rejected.jsonl")
    assert [line["check"] for line in rejected] == ["not chosen"] * 10
    compared = [body for body in judge.requests if "preference" in json.dumps(body["response_format"]).casefold()]
    assert len(compared) % 2 == 0


def test_after_a_kill_no_sample_that_was_made_is_paid_again(
    place: Path, writer: LocalProvider, judge: LocalProvider
) -> None:
    judge.faults = Faults(latency=0.5)
    judged_config(place, writer, judge, on_exhausted="keep", attempts=0)
    process = start(place, "--resume")
    wait_for(writer, 12)
    process.kill()
    process.communicate()
    judge.faults = Faults()
    ended(start(place, "--resume"))
    assert len(lines(place / "out/dataset.jsonl")) == 20
    topics, in_flight = 4, 8
    assert writer.counts.answered <= topics + 20 + in_flight


def test_a_judge_that_nobody_lets_in_ends_the_run_instead_of_accepting_everything(
    place: Path, writer: LocalProvider
) -> None:
    with ModelServer(Imitation(lambda _: error(401, "Incorrect API key provided"))) as closed:
        judged_config(place, writer, closed)
        said = ended(start(place), 1)
    assert "says nothing" in said and "Gave up" in said
    assert not (place / "out/dataset.jsonl").exists()
