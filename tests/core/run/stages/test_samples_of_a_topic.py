"""Samples of a topic come after each other, each told of those before, whatever single calls take."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.answers import reply_by_messages
from tests.core.commands import lines
from tests.core.conftest import Run, local_llm, write_config
from tests.provider import Faults, LocalProvider

TOPICS, CYCLES = 20, 4


@pytest.fixture
def server() -> Iterator[LocalProvider]:
    with LocalProvider(Faults(latency=0.01, straggler_rate=0.1, straggler_factor=20), reply_by_messages) as provider:
        yield provider


def made(place: Path, deepfabric: Run, server: LocalProvider, calls: int, **weights: float) -> list[dict[str, object]]:
    paths = (["Tea", f"leaf {number}"] for number in range(TOPICS))
    (place / "topics.jsonl").write_text("".join(f"{json.dumps({'path': path})}\n" for path in paths), encoding="utf-8")
    config = write_config(
        place,
        llm=local_llm(server),
        topics={"prompt": "Tea", "weights": weights},
        quality={"checks": False},
        output={"save_as": "tea.jsonl", "num_samples": TOPICS * CYCLES, "batch_size": calls},
    )
    ended = deepfabric("generate", config, "--topics-load", "topics.jsonl", "--fresh", "--yes")
    assert ended.returncode == 0, ended.stderr
    return [dict(one) for one in lines(place / "tea.jsonl")]


def asked(server: LocalProvider) -> set[str]:
    return {json.dumps(json.loads(body)["messages"]) for body in server.bodies}


def test_each_is_told_of_the_questions_before_it_where_there_are_enough_topics(
    place: Path, deepfabric: Run, server: LocalProvider
) -> None:
    one_by_one = made(place, deepfabric, server, calls=1)
    prompts = asked(server)
    assert made(place, deepfabric, server, calls=9) == one_by_one
    assert asked(server) == prompts
    assert server.counts.peak_in_flight == 9


def test_those_of_few_topics_are_made_at_once(place: Path, deepfabric: Run, server: LocalProvider) -> None:
    server.faults = Faults(latency=0.1)
    samples = made(place, deepfabric, server, calls=40, **{"Tea > leaf 3": 100.0})
    of_each: dict[str, int] = defaultdict(int)
    for sample in samples:
        metadata = sample["metadata"]
        assert isinstance(metadata, dict)
        of_each[metadata["topic_path"][-1]] += 1
    assert of_each["leaf 3"] > 40
    assert server.counts.peak_in_flight == 40
