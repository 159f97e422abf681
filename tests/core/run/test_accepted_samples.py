"""What is asked for is what is accepted: samples that gates find fault with are made again, and kept apart."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest

from tests import ROOT
from tests.answers import Json
from tests.core.commands import keys, lines, start, wait_for
from tests.core.conftest import local_llm, write_config
from tests.flawed_replies import FlawedReplies, Shares, left_over
from tests.provider import Faults, LocalProvider

REFUSAL = "I'm sorry, but as an AI language model I can't help with that."


def answers(place: Path) -> list[str]:
    return [line["final_answer"] for line in lines(place / "out/dataset.jsonl")]


def flawed_config(place: Path, server: LocalProvider, samples: int, **quality: Any) -> None:
    write_config(
        place,
        llm=local_llm(server),
        generation={"system_prompt": "You teach.", "language": "en"},
        topics={"depth": 2, "degree": 5},
        output={"num_samples": samples, "batch_size": 16},
        quality={"attempts": 30, **quality},
    )


def ended(process: subprocess.Popen[str], status: int = 0) -> str:
    """The messages of a run, which has to end with this status."""
    out, err = process.communicate(timeout=300)
    assert process.returncode == status, out + err
    assert "Traceback" not in err
    return out + err


def status(place: Path) -> subprocess.Popen[str]:
    """Look at the checkpoint."""
    command = [sys.executable, "-m", "deepfabric_core", "checkpoint-status", "config.yaml"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, cwd=place, env=environment, stdout=PIPE, stderr=PIPE, text=True)


@pytest.fixture
def replies() -> FlawedReplies:
    return FlawedReplies()


@pytest.fixture
def flawed(replies: FlawedReplies) -> Iterator[LocalProvider]:
    with LocalProvider(Faults(latency=0.02), replies, record=False) as server:
        yield server


def check_all_accepted(place: Path, replies: FlawedReplies, samples: int) -> None:
    assert len(answers(place)) == len(set(keys(place / "out/dataset.jsonl"))) == samples
    assert left_over(replies, answers(place)) == {}
    rejected = lines(place / "out/dataset.rejected.jsonl")
    assert all(line["reason"] and line["gate"] and line["attempts"] >= 1 and line["sample"] for line in rejected)
    assert {"refusal", "loop", "language"} <= {line["check"] for line in rejected}
    assert {line["gate"] for line in rejected} == {"checks", "duplicates"}


def test_as_many_samples_as_asked_for_are_accepted_and_none_has_a_planted_fault(
    place: Path, replies: FlawedReplies, flawed: LocalProvider
) -> None:
    flawed_config(place, flawed, 150)
    said = ended(start(place))
    check_all_accepted(place, replies, 150)
    assert "Rejected samples" in said and "near duplicate" in said


@pytest.mark.slow
def test_of_1000_samples_none_has_a_planted_fault_after_two_kills(
    place: Path, replies: FlawedReplies, flawed: LocalProvider
) -> None:
    flawed_config(place, flawed, 1000)
    for answered in (200, 900):
        process = start(place, "--resume")
        wait_for(flawed, answered)
        process.kill()
        process.communicate()
    ended(start(place, "--resume"))
    check_all_accepted(place, replies, 1000)
    tries = Counter((line["topic_id"], line["cycle"]) for line in lines(place / "out/dataset.rejected.jsonl"))
    assert max(tries.values()) <= 30


def one_answer(answer: str) -> FlawedReplies:
    """A model of which each answer is the same."""

    class Same(FlawedReplies):
        def _sample(self, writer: Any) -> tuple[str, str]:
            return writer.question(), answer

    return Same()


def test_a_sample_that_is_never_accepted_fails_and_is_named(place: Path) -> None:
    with LocalProvider(Faults(), one_answer(REFUSAL)) as server:
        flawed_config(place, server, 5, attempts=1, min_acceptance=0)
        said = ended(start(place), 1)
    assert "5 rejected" in said
    failures = lines(place / "out/dataset.failures.jsonl")
    assert all("not accepted in 2 attempts, in the last one since the answer" in line["error"] for line in failures)
    assert len(lines(place / "out/dataset.partial.rejected.jsonl")) == 10


def test_a_sample_that_is_never_accepted_is_kept_where_that_is_asked_for_and_says_so(place: Path) -> None:
    with LocalProvider(Faults(), one_answer(REFUSAL)) as server:
        flawed_config(place, server, 5, attempts=1, min_acceptance=0, on_exhausted="keep", duplicates="off")
        said = ended(start(place))
        asked = [json.dumps(body["messages"]) for body in server.requests]
    assert "5 kept" in said
    assert all(line["metadata"]["findings"] for line in lines(place / "out/dataset.jsonl"))
    assert sum("Mind that an earlier attempt was refused" in text for text in asked) == 5


def test_a_run_that_wastes_nearly_everything_stops_and_says_why(place: Path) -> None:
    with LocalProvider(Faults(), FlawedReplies(Shares(0, 0, 0.97, 0, 0))) as server:
        flawed_config(place, server, 500)
        said = ended(start(place), 1)
        assert 30 <= server.counts.answered < 120
    assert "were accepted, fewer than quality.min_acceptance" in said
    assert "refusal (the answer" in said
    assert (place / "out/dataset.partial.rejected.jsonl").exists()


def test_what_is_kept_is_counted_once_whenever_a_run_goes_on(place: Path) -> None:
    with LocalProvider(Faults(latency=0.05), one_answer(REFUSAL)) as server:
        flawed_config(place, server, 40, attempts=0, on_exhausted="keep", duplicates="off")
        process = start(place, "--resume")
        wait_for(server, 30)
        process.kill()
        process.communicate()
        assert "by gates" not in ended(status(place)), "all were kept"
        said = ended(start(place, "--resume"))
    assert "40 refusal, 40 kept" in said
    assert sum(bool(line["metadata"]["findings"]) for line in lines(place / "out/dataset.jsonl")) == 40


def test_with_quality_off_every_sample_is_accepted(place: Path, replies: FlawedReplies, flawed: LocalProvider) -> None:
    flawed_config(place, flawed, 40)
    ended(start(place, "--no-quality"))
    assert left_over(replies, answers(place)).total() > 5
    assert not (place / "out/dataset.rejected.jsonl").exists()


@pytest.mark.parametrize("kind", ["basic", "cot", "agent", "custom"])
def test_the_gates_that_are_on_find_nothing_against_good_samples(place: Path, kind: str) -> None:
    generation: dict[str, Any] = {"system_prompt": "You teach."}
    output: dict[str, Any] = {"num_samples": 60, "batch_size": 8}
    if kind == "custom":
        schema = {"type": "object", "properties": {"title": {"type": "string"}, "steps": {"type": "array"}}}
        generation["output_schema"], output["format"] = schema | {"required": ["title"]}, "custom"
    elif kind != "basic":
        style = "agent" if kind == "agent" else "freetext"
        generation["conversation"] = {"type": "cot", "reasoning_style": style}
    write_config(place, generation=generation, output=output)
    ended(start(place))
    assert not (place / "out/dataset.rejected.jsonl").exists()
    with_gates = (place / "out/dataset.jsonl").read_bytes()
    ended(start(place, "--no-quality"))
    assert (place / "out/dataset.jsonl").read_bytes() == with_gates


def test_samples_of_other_datasets_are_not_repeated(place: Path, flawed: LocalProvider) -> None:
    flawed_config(place, flawed, 30)
    ended(start(place))
    known = set(answers(place))
    (place / "out/dataset.jsonl").rename(place / "old.jsonl")
    flawed_config(place, flawed, 30, duplicates={"against": ["old.jsonl"]})
    ended(start(place))
    assert known.isdisjoint(answers(place))
    reasons = [line["reason"] for line in lines(place / "out/dataset.rejected.jsonl")]
    assert any("of old.jsonl" in reason for reason in reasons)


def test_functions_and_patterns_of_the_users_own_are_checks(place: Path) -> None:
    (place / "mine.py").write_text("def short(sample):\n    return 'long' if len(sample.answer) > 600 else None\n")
    checks = [{"python": "mine.short"}, {"regex": r"\bstalls\b", "reason": "it stalls"}]
    write_config(place, output={"num_samples": 80}, quality={"checks": checks, "attempts": 50})
    ended(start(place))
    assert all(len(answer) <= 600 and "stalls" not in answer for answer in answers(place))
    found = Counter(line["reason"] for line in lines(place / "out/dataset.rejected.jsonl"))
    assert set(found) == {"long", "it stalls"}


def test_a_check_of_the_users_own_that_fails_is_no_silent_yes(place: Path) -> None:
    (place / "mine.py").write_text("def broken(sample):\n    return sample.record['nothing']\n")
    write_config(place, quality={"checks": [{"python": "mine.broken"}]})
    said = ended(start(place), 1)
    assert "the check mine.broken failed with KeyError: 'nothing' (mine.py, line 2)" in said
    kept = lines(place / "out/dataset.partial.rejected.jsonl")
    assert len(kept) == 9 and all(line["check"] == "failed_check" and line["sample"] for line in kept)


@pytest.mark.parametrize(
    ("quality", "complaint"),
    [
        ({"checks": ["refusals"]}, "there is no check 'refusals'; did you mean refusal?"),
        ({"checks": [{"python": "nowhere.check"}]}, "nowhere.check can't be imported"),
        ({"duplicates": {"against": ["gone.jsonl"]}}, "gone.jsonl: the dataset can't be read"),
        ({"contamination": {"against": ["gone.jsonl"]}}, "gone.jsonl"),
        ({"duplicates": {"embeddings": "gone/"}}, "gone"),
    ],
)
def test_what_gates_need_is_looked_for_before_a_call_is_made(
    place: Path, provider: LocalProvider, quality: Json, complaint: str
) -> None:
    write_config(place, llm=local_llm(provider), quality=quality)
    assert complaint in ended(start(place), 2)
    assert provider.counts.answered == 0


def test_a_repeated_benchmark_question_is_rejected_with_what_it_repeats(place: Path) -> None:
    question = "How many spokes has a wheel with two crosses if each flange of its hub holds eighteen of them in all?"
    (place / "exam.jsonl").write_text(json.dumps({"question": question, "answer": "36"}) + "\n")
    with LocalProvider(Faults(), one_answer(f"Let us see. {question} It has thirty-six of them.")) as server:
        flawed_config(place, server, 3, attempts=0, min_acceptance=0, contamination={"against": ["exam.jsonl"]})
        ended(start(place), 1)
    [first, *_] = lines(place / "out/dataset.partial.rejected.jsonl")
    assert first["gate"] == "contamination" and "exam" in first["reason"] and "spokes" in first["evidence"]
