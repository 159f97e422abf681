"""`deepfabric judge`: what is asked, kept and written, over HTTP; nothing is paid for twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import ROOT
from tests.core.cli.conftest import Here
from tests.core.conftest import write_config
from tests.provider import Faults, LocalProvider

Record = dict[str, Any]


def sample(number: int, **more: Any) -> Record:
    question, answer = f"Why true rim {number}?", f"Since rim {number} wobbles, and rubs on the brake."
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return {"messages": turns, "metadata": {"topic_path": ["Bicycles", f"Rim {number}"], **more}}


def write(place: Path, records: list[Record], name: str = "tea.jsonl") -> str:
    (place / name).write_text("".join(json.dumps(one) + "\n" for one in records))
    return name


def read(path: Path) -> list[Record]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def by_rim(body: Record) -> str:
    """A judge that thinks well of even rims, under each criterion that it is asked for."""
    prompt = body["messages"][-1]["content"]
    score = 2 if any(f"rim {number} " in prompt for number in (1, 3, 5, 7, 9)) else 5
    return json.dumps({name: {"reason": "It is as it is.", "score": score} for name in asked_for(prompt)})


def asked_for(prompt: str) -> list[str]:
    known = ("correctness", "helpfulness", "clarity", "on_topic", "reasoning", "tool_use", "content", "consistency")
    return [name for name in known if f"- {name}:" in prompt]


@pytest.fixture
def judge(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalProvider]:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-tests")
    with LocalProvider(Faults(), by_rim) as server:
        yield server


def flags(server: LocalProvider) -> list[str]:
    return ["--provider", "openai", "--model", "gpt-4o-mini", "--base-url", server.base_url]


def config_at(place: Path, server: LocalProvider, **keys: Any) -> str:
    llm = {"provider": "openai", "model": "m", "base_url": server.base_url}
    return write_config(place, quality={"judge": {"llm": llm, **keys}})


def test_each_sample_gets_scores_and_reasons_and_the_dataset_stays_as_it_is(
    place: Path, here: Here, judge: LocalProvider
) -> None:
    name = write(place, [sample(number) for number in range(4)])
    before = (place / name).read_bytes()
    done = here("judge", name, *flags(judge))
    assert done.returncode == 0, done.stderr
    judged = read(place / "tea.judged.jsonl")
    assert [one["metadata"]["judge"]["score"] for one in judged] == [5, 2, 5, 2]
    assert [one["metadata"]["judge"]["passed"] for one in judged] == [True, False, True, False]
    assert set(judged[0]["metadata"]["judge"]["scores"]) == {"correctness", "helpfulness", "clarity", "on_topic"}
    assert judged[1]["metadata"]["topic_path"] == ["Bicycles", "Rim 1"]
    assert (place / name).read_bytes() == before and len(judge.requests) == 4
    assert "4 of 4 judged" in done.stdout and "2 (50 %)" in done.stdout and "Rim 1" in done.stdout
    assert "Judging 4 samples, by openai/gpt-4o-mini" in done.stderr


def test_what_is_judged_is_not_paid_for_again_and_another_least_score_costs_nothing(
    place: Path, here: Here, judge: LocalProvider
) -> None:
    name = write(place, [sample(number) for number in range(4)])
    here("judge", name, *flags(judge))
    done = here("judge", name, *flags(judge), "--min-score", "2")
    assert done.returncode == 0 and len(judge.requests) == 4
    assert all(one["metadata"]["judge"]["passed"] for one in read(place / "tea.judged.jsonl"))
    assert here("judge", name, *flags(judge), "--again").returncode == 0 and len(judge.requests) == 8


def test_only_what_is_new_or_changed_is_asked_about_and_equal_samples_are_asked_about_once(
    place: Path, here: Here, judge: LocalProvider
) -> None:
    here("judge", write(place, [sample(0), sample(1)]), *flags(judge))
    here("judge", write(place, [sample(1), sample(2), sample(2), sample(0)]), *flags(judge))
    assert len(judge.requests) == 3
    assert [one["metadata"]["judge"]["score"] for one in read(place / "tea.judged.jsonl")] == [2, 5, 5, 5]


def test_other_criteria_or_another_model_judge_anew(place: Path, here: Here, judge: LocalProvider) -> None:
    name = write(place, [sample(0)])
    here("judge", name, *flags(judge))
    here("judge", name, *flags(judge), "--criteria", "clarity")
    here("judge", name, *flags(judge), "--criteria", "clarity", "--model", "gpt-4o")
    assert len(judge.requests) == 3
    assert set(read(place / "tea.judged.jsonl")[0]["metadata"]["judge"]["scores"]) == {"clarity"}


def test_a_dataset_of_another_tool_is_judged_and_written_as_one_of_ours(
    place: Path, here: Here, judge: LocalProvider
) -> None:
    rows = [{"instruction": "Why true rim 1?", "input": "", "output": "Since rim 1 wobbles."}]
    (place / "alpaca.json").write_text(json.dumps(rows))
    assert here("judge", "alpaca.json", *flags(judge)).returncode == 0
    (judged,) = read(place / "alpaca.judged.jsonl")
    assert judged["messages"][-1]["content"] == "Since rim 1 wobbles."
    assert judged["metadata"]["judge"]["score"] == 2


def test_criteria_suit_what_is_in_the_dataset(place: Path, here: Here, judge: LocalProvider) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    turns: list[Any] = [
        {"role": "user", "content": "Look up rim 2 ."},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "Half a turn.", "tool_call_id": "c1"},
        {"role": "assistant", "content": "Half a turn for rim 2 ."},
    ]
    here("judge", write(place, [{"messages": turns, "metadata": {}}]), *flags(judge))
    assert "tool_use" in read(place / "tea.judged.jsonl")[0]["metadata"]["judge"]["scores"]
    here("judge", write(place, [{"title": "Rims", "steps": ["Turn."]}], "own.jsonl"), *flags(judge))
    assert set(read(place / "own.judged.jsonl")[0]["metadata"]["judge"]["scores"]) >= {"content", "consistency"}


def test_what_is_not_accepted_goes_beside_the_dataset_and_stays_there(
    place: Path, here: Here, judge: LocalProvider
) -> None:
    name = write(place, [sample(number) for number in range(4)])
    done = here("judge", name, "-o", name, *flags(judge), "--only-accepted")
    assert done.returncode == 0 and "tea.rejected.jsonl" in done.stdout
    for _ in range(2):  # the second time nothing is left to be rejected
        assert [path_of(one) for one in read(place / name)] == ["Rim 0", "Rim 2"]
        rejected = read(place / "tea.rejected.jsonl")
        assert [path_of(one["sample"]) for one in rejected] == ["Rim 1", "Rim 3"]
        assert {one["gate"] for one in rejected} == {"judge"}
        assert here("judge", name, "-o", name, *flags(judge), "--only-accepted").returncode == 0
    assert len(judge.requests) == 4


def path_of(record: Record) -> str:
    return str(record["metadata"]["topic_path"][-1])


def test_a_few_samples_are_drawn_and_the_others_stay_as_they_are(place: Path, here: Here, judge: LocalProvider) -> None:
    name = write(place, [sample(number) for number in range(20)])
    done = here("judge", name, *flags(judge), "--sample", "5", "--seed", "3")
    assert "Judging 5 samples, drawn from 20" in done.stderr and len(judge.requests) == 5
    judged = read(place / "tea.judged.jsonl")
    assert len(judged) == 20 and sum("judge" in one["metadata"] for one in judged) == 5
    here("judge", name, *flags(judge))
    assert len(judge.requests) == 20


def test_a_dry_run_says_what_it_would_take_and_asks_nobody(place: Path, here: Here, judge: LocalProvider) -> None:
    done = here("judge", write(place, [sample(0), sample(1)]), *flags(judge), "--dry-run")
    assert done.returncode == 0 and "Expected: about $" in done.stderr and "2 calls" in done.stderr
    assert not judge.requests and not (place / "tea.judged.jsonl").exists()
    assert not list(place.glob("*.judgements.jsonl"))


def test_the_judges_of_a_config_judge_and_decide_as_in_a_run(place: Path, here: Here, judge: LocalProvider) -> None:
    llm = {"provider": "openai", "model": "gpt-4o", "base_url": judge.base_url}
    judges = [{"llm": {**llm, "model": model}, "criteria": ["clarity"]} for model in ("one", "two")]
    write_config(place, quality={"judges": judges, "vote": "all"})
    done = here("judge", write(place, [sample(1)]), "config.yaml")
    assert done.returncode == 0, done.stderr
    found = read(place / "tea.judged.jsonl")[0]["metadata"]["judge"]
    assert found["model"] == "one, two" and not found["passed"] and len(judge.requests) == 2


def test_samples_that_no_judge_could_score_are_told_and_asked_about_next_time(
    place: Path, here: Here, judge: LocalProvider
) -> None:
    name, config = write(place, [sample(number) for number in range(3)]), config_at(place, judge, max_retries=1)
    judge.faults = Faults(server_error=1.0)
    done = here("judge", name, config)
    assert (
        done.returncode == 1 and "0 of 3 judged" in done.stdout and "Not judged      3, the first since" in done.stdout
    )
    assert all("judge" not in one["metadata"] for one in read(place / "tea.judged.jsonl"))
    judge.faults = Faults()
    assert here("judge", name, config).returncode == 0


def test_a_wrong_key_ends_it_at_once_with_one_sentence(place: Path, here: Here, judge: LocalProvider) -> None:
    judge.faults = Faults(status=401)
    done = here("judge", write(place, [sample(number) for number in range(30)]), config_at(place, judge))
    assert done.returncode == 1 and "Aborted: The judge" in done.stdout and len(judge.requests) < 15
    assert not (place / "tea.judged.jsonl").exists()


def test_refusals_and_errors_cost_time_and_nothing_else(place: Path, here: Here, judge: LocalProvider) -> None:
    judge.faults = Faults(rate_limited=0.2, server_error=0.2, retry_after=0.02)
    done = here("judge", write(place, [sample(number) for number in range(30)]), config_at(place, judge))
    assert done.returncode == 0, done.stderr
    assert "30 of 30 judged" in done.stdout


def test_a_budget_ends_it_and_a_larger_one_goes_on(place: Path, here: Here, judge: LocalProvider) -> None:
    name = write(place, [sample(number) for number in range(8)])
    done = here("judge", name, *flags(judge), "--max-calls", "3", "--batch-size", "2")
    assert done.returncode == 3 and "3 of 3 calls are made" in done.stdout
    assert not (place / "tea.judged.jsonl").exists() and len(judge.requests) == 3
    assert here("judge", name, *flags(judge), "--max-calls", "8").returncode == 0
    assert len(judge.requests) == 8


def test_judging_anew_has_a_budget_of_its_own(place: Path, here: Here, judge: LocalProvider) -> None:
    name = write(place, [sample(number) for number in range(4)])
    for again in ((), ("--again",), ("--again",)):
        assert here("judge", name, *flags(judge), "--max-calls", "4", *again).returncode == 0
    assert len(judge.requests) == 12


def test_a_dataset_of_another_tool_is_not_written_over(place: Path, here: Here, judge: LocalProvider) -> None:
    name = write(place, [{"instruction": "Why?", "input": "", "output": "So."}])
    before = (place / name).read_bytes()
    done = here("judge", name, "-o", name, *flags(judge))
    assert done.returncode == 2 and "is of another tool; give the judged one another name" in done.stderr
    assert (place / name).read_bytes() == before and not judge.requests


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["tea.jsonl"], "There is no judge: name its model by --model"),
        (["gone.jsonl", "--provider", "simulated"], "gone.jsonl"),
        (["empty.jsonl", "--provider", "simulated"], "empty.jsonl has no sample with any text"),
        (["broken.jsonl", "--provider", "simulated"], "broken.jsonl, line 2"),
        (["tea.jsonl", "--provider", "simulated", "-o", "tea.parquet"], "a judged dataset is a .jsonl file"),
        (["tea.jsonl", "--provider", "simulated", "--min-score", "9"], "min must be within the scale 1-5"),
        (["tea.jsonl", "--provider", "simulated", "--criteria", "beauty"], "beauty"),
        (["tea.jsonl", "--provider", "ollama", "--model", "nobody-prices-this", "--max-cost", "1"], "price"),
    ],
)
def test_what_cannot_work_is_one_sentence_before_anything_is_asked(
    place: Path, here: Here, words: list[str], said: str
) -> None:
    write(place, [sample(0)])
    write(place, [{"messages": [], "metadata": {}}], "empty.jsonl")
    (place / "broken.jsonl").write_text(json.dumps(sample(0)) + "\nnot JSON\n")
    done = here("judge", *words)
    assert done.returncode == 2 and said in done.stderr, done.stderr
    assert "Traceback" not in done.stderr


def begin(place: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "deepfabric_core", "judge", *words],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_kill_or_a_stop_loses_nothing_but_calls_in_flight(place: Path, judge: LocalProvider, number: int) -> None:
    name = write(place, [sample(one) for one in range(40)])
    judge.faults = Faults(latency=0.05)
    words = [name, *flags(judge), "--batch-size", "4"]
    first = begin(place, *words)
    until(lambda: len(judge.requests) >= 12)
    first.send_signal(number)
    said = first.communicate(timeout=30)
    assert first.returncode == (130 if number == signal.SIGINT else -signal.SIGKILL), said
    assert not (place / "tea.judged.jsonl").exists()
    second = begin(place, *words)
    assert "40 of 40 judged" in second.communicate(timeout=60)[0] and second.returncode == 0
    # After a kill those in flight are asked about again, and those whose answers had just been read.
    assert len(judge.requests) <= 40 + (0 if number == signal.SIGINT else 2 * 4)
    assert all("judge" in one["metadata"] for one in read(place / "tea.judged.jsonl"))


def test_no_key_is_kept(place: Path, here: Here, judge: LocalProvider) -> None:
    def tells(body: Record) -> str:
        names = asked_for(body["messages"][-1]["content"])
        return json.dumps({name: {"reason": "Your key is sk-of-the-tests, I think.", "score": 3} for name in names})

    with LocalProvider(Faults(), tells) as server:
        done = here("judge", write(place, [sample(0)]), *flags(server))
    assert "1 of 1 judged" in done.stdout
    for path in place.glob("*.jsonl"):
        assert "sk-of-the-tests" not in path.read_text()
    assert "sk-of-the-tests" not in done.stdout + done.stderr
