"""What is asked for is what is accepted: samples that gates find fault with are made again, and kept apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.core.commands import lines, start
from tests.core.conftest import local_llm, write_config
from tests.flawed_replies import FlawedReplies, left_over
from tests.provider import Faults, LocalProvider


def answers(place: Path) -> list[str]:
    return [line["final_answer"] for line in lines(place / "out/dataset.jsonl")]


def flawed_run(place: Path, replies: FlawedReplies, samples: int, **quality: Any) -> None:
    with LocalProvider(Faults(latency=0.02), replies, record=False) as server:
        write_config(
            place,
            llm=local_llm(server),
            generation={"system_prompt": "You teach.", "language": "en"},
            topics={"depth": 2, "degree": 5},
            output={"num_samples": samples, "batch_size": 16},
            quality={"attempts": 30, **quality},
        )
        process = start(place)
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, out + err


def test_as_many_samples_as_asked_for_are_accepted_and_none_has_a_planted_fault(place: Path) -> None:
    replies = FlawedReplies()
    flawed_run(place, replies, 150)
    assert len(answers(place)) == 150
    assert left_over(replies, answers(place)) == {}
    rejected = lines(place / "out/dataset.rejected.jsonl")
    assert all(line["reason"] and line["gate"] and line["attempts"] >= 1 and line["sample"] for line in rejected)
    assert {"refusal", "loop", "language"} <= {line["check"] for line in rejected}
    assert {line["gate"] for line in rejected} == {"checks", "duplicates"}
