"""Tests of the list of failures: requests and replies of what came to nothing, bounded and without secrets."""

import json
from pathlib import Path
from typing import Any

from tests.answers import topic_line
from tests.core.conftest import Run, local_llm, write_config
from tests.provider import Faults, LocalProvider

SECRET = "sk-planted-0123456789abcdef"  # noqa: S105


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def refusing(times: int, said: str) -> Any:
    """What a model says about a leaf: useless so many times, then something that can be used."""
    left: dict[str, int] = {}

    def reply(body: dict[str, Any]) -> str:
        asked = body["messages"][1]["content"]
        leaf = topic_line(asked).split(" > ")[-1]
        if "subtopics" in asked:
            return json.dumps({"subtopics": ["Brakes", "Wheels"]})
        left[leaf] = left.get(leaf, times) - 1
        return said if left[leaf] >= 0 else json.dumps({"question": f"What of {leaf}?", "answer": "Look at it."})

    return reply


def made(place: Path, deepfabric: Run, provider: LocalProvider, code: int, **generation: Any) -> list[dict[str, Any]]:
    llm = {**local_llm(provider), "structured_output": "json_schema"}
    config = write_config(place, llm=llm, topics={"depth": 1, "degree": 2}, generation=generation)
    done = deepfabric("generate", config, OPENAI_API_KEY=SECRET)
    assert done.returncode == code, done.stdout + done.stderr
    return lines(place / "out/dataset.failures.jsonl")


def test_a_failed_sample_has_its_calls_with_requests_and_replies(place: Path, deepfabric: Run) -> None:
    useless = json.dumps({"question": "...", "answer": "10"})
    with LocalProvider(Faults(), reply=refusing(99, useless)) as provider:
        listed = made(place, deepfabric, provider, 1, sample_retries=1)
    failed = [line for line in listed if "topic_id" in line]
    assert len(failed) == 2 and len(listed) == 2
    for line in failed:
        assert [call["reply"] for call in line["calls"]] == [useless, useless]
        assert "has no words" in line["calls"][0]["error"]
        assert line["calls"][0]["request"][0] == {"role": "system", "content": "You teach."}
        assert "has no words" in line["calls"][1]["request"][-1]["content"], "the repair is there, too"


def test_a_repaired_call_is_kept_though_nothing_failed(place: Path, deepfabric: Run) -> None:
    with LocalProvider(Faults(), reply=refusing(1, "{}")) as provider:
        listed = made(place, deepfabric, provider, 0)
    assert [line["repaired"] for line in listed] == [True, True]
    assert {line["topic_path"][-1] for line in listed} == {"Brakes", "Wheels"}
    assert all(line["reply"] == "{}" and "question is missing" in line["error"] for line in listed)
    assert len(lines(place / "out/dataset.jsonl")) == 2


def test_what_a_model_repeats_of_a_key_is_hidden_and_long_texts_are_cut(place: Path, deepfabric: Run) -> None:
    useless = json.dumps({"question": "..." + " " * 9000, "answer": SECRET})
    with LocalProvider(Faults(), reply=refusing(1, useless)) as provider:
        listed = made(place, deepfabric, provider, 0)
    text = (place / "out/dataset.failures.jsonl").read_text(encoding="utf-8")
    assert SECRET not in text
    assert all(len(line["reply"]) <= 4000 for line in listed)


def test_a_resumed_run_keeps_the_calls_of_the_one_before(place: Path, deepfabric: Run) -> None:
    with LocalProvider(Faults(), reply=refusing(2, "{}")) as provider:
        first = made(place, deepfabric, provider, 1, sample_retries=0)
        assert len(first) == 2 and all(len(line["calls"]) == 1 for line in first)
        done = deepfabric("generate", "config.yaml", "--resume", "--retry-failed", OPENAI_API_KEY=SECRET)
        assert done.returncode == 1, done.stdout
        done = deepfabric("generate", "config.yaml", "--resume", "--retry-failed", OPENAI_API_KEY=SECRET)
        assert done.returncode == 0, done.stdout + done.stderr
    assert not (place / "out/dataset.failures.jsonl").exists(), "all samples are there, and no call was repaired"


def test_calls_for_topics_that_were_given_up_do_not_say_that_they_were_repaired(place: Path, deepfabric: Run) -> None:
    config = write_config(place, llm={"provider": "openai", "model": "m", "base_url": "http://127.0.0.1:9/v1"})
    done = deepfabric("generate", config, "--tui", "simple", OPENAI_API_KEY="a-key-of-sixteen")
    assert done.returncode == 1
    listed = lines(place / "out/dataset.failures.jsonl")
    assert listed and not any(line["repaired"] for line in listed)
    assert {line["stage"] for line in listed} == {"topics"}
