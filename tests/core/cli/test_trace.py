"""`generate --trace` and `trace show`: what a run recorded, how it is looked at, and which files are refused."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.core.commands import lines, start, wait_for
from tests.core.conftest import Run, local_llm, write_config
from tests.provider import Faults, LocalProvider

HEADER = '{"trace": 1, "started_at": 1764000000.0, "config": "tea.yaml"}\n'


def call(number: int = 0, **own: Any) -> dict[str, Any]:
    """A line of a trace."""
    return {
        "at": 1764000000.0 + number,
        "stage": "samples",
        "model": "openai/m",
        "request": {"messages": [{"role": "user", "content": f"Ask {number}\x1b[2J"}], "max_tokens": 9, "schema": "x"},
        "way": "json_schema",
        "subject": {"path": ["Tea", f"Green {number}\x1b]0;"], "variation": 0, "wanted": 1},
        "seconds": 0.5,
        "prompt_tokens": 10,
        "completion_tokens": 2,
        "cost": 0.001,
        "reply": {"text": f"Reply {number}\x1b[31m", "model": "m", "finish_reason": "stop"},
        **own,
    }


def failed(number: int, kind: str, status: int | None) -> dict[str, Any]:
    nothing = {"prompt_tokens": 0, "completion_tokens": 0, "cost": None}
    line = call(number, error={"kind": kind, "message": "It broke\x9b1m.", "status": status}, **nothing)
    return {key: value for key, value in line.items() if key != "reply"}


def written(place: Path, *calls: dict[str, Any], after: str = "") -> str:
    (place / "calls.jsonl").write_text(HEADER + "".join(json.dumps(one) + "\n" for one in calls) + after)
    return "calls.jsonl"


def shown(deepfabric: Run, *words: str) -> str:
    done = deepfabric("trace", "show", *words)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout and "\x9b" not in done.stdout
    return done.stdout


# ---- recording


def test_a_run_records_every_call_refused_retried_and_probing_ones_too(
    place: Path, deepfabric: Run, provider: LocalProvider
) -> None:
    provider.faults = Faults(
        rate_limited=0.1, server_error=0.1, retry_after=0.01, reject_response_format="json_schema", malformed=0.1
    )
    patient = {"max_retries": 10, "sample_retries": 5, "rate_limit": {"base_delay": 0.01}}
    topics = {"max_retries": 10, "expansion_retries": 10}
    write_config(place, llm=local_llm(provider), topics=topics, generation={"system_prompt": "You teach.", **patient})
    done = deepfabric("generate", "config.yaml", "--trace", "out/deep/calls.jsonl", "--num-samples", "30")
    assert done.returncode == 0, done.stderr
    assert "Trace" in done.stdout
    header, *calls = lines(place / "out/deep/calls.jsonl")
    assert header.keys() == {"trace", "started_at", "config"} and header["config"] == "config.yaml"
    counts = provider.counts
    assert len(calls) == counts.requests
    assert sum(line.get("error", {}).get("status") == 429 for line in calls) == counts.rate_limited > 0
    assert sum(line.get("error", {}).get("kind") == "server error" for line in calls) == counts.server_error > 0
    assert {line["way"] for line in calls if "reply" in line} == {"json_object_schema"}
    assert any(line["way"] == "json_schema" and line["error"]["kind"] == "bad request" for line in calls)
    assert [line["stage"] for line in calls].index("samples") >= 4
    assert str(place) not in (place / "out/deep/calls.jsonl").read_text(encoding="utf-8")
    assert (place / "out/deep/calls.jsonl").stat().st_mode & 0o077 == 0


def test_a_file_that_is_there_is_not_written_over(place: Path, deepfabric: Run) -> None:
    write_config(place)
    (place / "calls.jsonl").write_text("precious")
    done = deepfabric("generate", "config.yaml", "--trace", "calls.jsonl")
    assert done.returncode == 2
    assert "Error: calls.jsonl exists already; give --trace another name, or delete that file." in done.stderr
    assert (place / "calls.jsonl").read_text() == "precious"
    done = deepfabric("generate", "config.yaml", "--trace", "calls.jsonl", "--resume")
    assert done.returncode == 2 and "calls.jsonl: it isn't a trace" in done.stderr
    (place / "calls.jsonl").write_text("")
    assert deepfabric("generate", "config.yaml", "--trace", "calls.jsonl").returncode == 0


@pytest.mark.parametrize("name", ["out/dataset.jsonl", "out/topics.jsonl", "config.yaml"])
def test_another_file_of_the_run_is_no_place_for_it(place: Path, deepfabric: Run, name: str) -> None:
    write_config(place)
    done = deepfabric("generate", "config.yaml", "--trace", name)
    assert done.returncode == 2 and f"--trace: {name} is another file of this run" in done.stderr


def test_a_killed_run_leaves_whole_lines_and_a_resume_adds_to_them(
    place: Path, deepfabric: Run, provider: LocalProvider
) -> None:
    provider.faults = Faults(latency=0.05)
    write_config(place, llm=local_llm(provider), output={"num_samples": 30, "batch_size": 2})
    process = start(place, "--trace", "calls.jsonl")
    wait_for(provider, 12)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    before = (place / "calls.jsonl").read_bytes()
    assert before.endswith(b"\n")
    (place / "calls.jsonl").write_bytes(before + b'{"at": 17')  # as of a power cut
    provider.faults = Faults()
    done = deepfabric("generate", "config.yaml", "--trace", "calls.jsonl", "--resume")
    assert done.returncode == 0, done.stderr
    assert (place / "calls.jsonl").read_bytes().startswith(before)
    assert sum("trace" in line for line in lines(place / "calls.jsonl")) == 2
    write_config(
        place,
        llm={"provider": "recorded", "recorded": {"path": "calls.jsonl"}},
        topics={"save_as": "again.topics"},
        output={"save_as": "again.jsonl", "num_samples": 30},
    )
    done = deepfabric("generate", "config.yaml")
    assert done.returncode == 0, done.stderr
    assert lines(place / "again.jsonl") == lines(place / "out/dataset.jsonl")


def test_a_full_disk_is_one_sentence(place: Path, provider: LocalProvider) -> None:
    """The trace is by far the largest file of a run."""
    write_config(place, llm=local_llm(provider), output={"num_samples": 200})
    process = start(place, "--trace", "calls.jsonl", largest_file=20_000)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 1
    sentences = [line for line in said.splitlines() if line.startswith("Error")]
    assert sentences == ["Error: calls.jsonl can't be written: no space left on device; the calls it holds are safe."]
    assert "Go on with: deepfabric generate config.yaml --trace calls.jsonl --resume\n" in said
    assert len(lines(place / "calls.jsonl")) > 5


# ---- looking


def test_each_call_is_a_line_with_the_sums_below(place: Path, deepfabric: Run) -> None:
    again = call(2, because="invalid JSON")
    text = shown(deepfabric, written(place, call(1), failed(7, "rate limited", 429), again, failed(3, "timeout", None)))
    head, first, second, third, fourth, _, *sums = text.splitlines()
    assert head.split() == ["Call", "Time", "Stage", "Topic", "Way", "In", "Out", "Seconds", "Outcome"]
    for part in ("1", "samples", "Tea > Green 1\\x1b]0;", "json_schema", "10", "2", "0.50", "stop"):
        assert part in first
    assert second.endswith("failed: rate limited (429)") and fourth.endswith("failed: timeout")
    assert third.endswith("stop, after invalid JSON")
    assert sums == [
        "Calls   4, 2 of them failed (1 rate limited, 1 timeout)",
        "Tokens  20 in, 4 out",
        "Cost    $0.002",
        "Time    2.0 s in calls, within 6 s",
        "Ways    4 json_schema",
    ]


def test_only_failed_calls_keep_their_numbers(place: Path, deepfabric: Run) -> None:
    text = shown(deepfabric, written(place, call(1), call(2), failed(3, "timeout", 504)), "--failed")
    assert text.splitlines()[1].split()[0] == "3"
    assert "Calls   1, 1 of them failed (1 timeout)" in text
    assert "Calls   0" in shown(deepfabric, written(place, call(1)), "--failed")


def test_one_call_is_shown_in_full_with_control_characters_made_visible(place: Path, deepfabric: Run) -> None:
    name = written(place, call(1), failed(2, "server error", 500))
    first, second = (shown(deepfabric, name, "--call", number) for number in "12")
    assert "--- user\nAsk 1\\x1b[2J\n\n--- reply of m\nReply 1\\x1b[31m\n" in first
    assert "Topic    Tea > Green 1\\x1b]0;, variation 0, 1 wanted" in first
    assert "--- error, server error\nIt broke\\x9b1m.\n" in second
    done = deepfabric("trace", "show", name, "--call", "3")
    assert done.returncode == 2
    assert done.stderr == "Error: calls.jsonl has 2 calls, so there is no call 3.\n"


def test_scripts_get_json(place: Path, deepfabric: Run) -> None:
    name = written(place, call(1), failed(2, "server error", 500))
    found = json.loads(shown(deepfabric, name, "--format", "json"))
    assert [one["call"] for one in found["calls"]] == [1, 2]
    assert found["calls"][1]["error"] == {"kind": "server error", "message": "It broke\x9b1m.", "status": 500}
    assert found["totals"]["calls"] == 2 and found["totals"]["errors"] == {"server error": 1}
    whole = json.loads(shown(deepfabric, name, "--call", "1", "--format", "json"))
    assert whole == {"call": 1, **call(1)}


def test_damaged_lines_are_named_and_left_out_and_an_incomplete_last_one_is_not_mentioned(
    place: Path, deepfabric: Run
) -> None:
    name = written(place, call(1), {"at": -1}, call(2), after='\n{"broken\n{"at": 5, "sta')
    done = deepfabric("trace", "show", name)
    assert done.returncode == 0
    assert done.stderr == "Note: calls.jsonl, lines 3, 6: they are damaged and left out.\n"
    assert "Calls   2\n" in done.stdout


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "the trace can't be read: no such file or directory"),
        ("", "it isn't a trace"),
        ('{"messages": []}\n', "it isn't a trace"),
        ("\x00\xff\n", "it isn't a trace"),
        ('{"trace": 9, "started_at": 1}\n', "the trace has version 9"),
    ],
)
def test_what_is_no_trace_is_refused_in_one_sentence(
    place: Path, deepfabric: Run, content: str | None, said: str
) -> None:
    if content is not None:
        (place / "calls.jsonl").write_text(content)
    done = deepfabric("trace", "show", "calls.jsonl")
    assert done.returncode == 2 and said in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_trace_without_a_call_and_one_of_ten_thousand_are_shown_as_well(place: Path, deepfabric: Run) -> None:
    assert shown(deepfabric, written(place)).splitlines()[0] == "Calls   0"
    text = shown(deepfabric, written(place, *map(call, range(10_000))))
    assert len(text.splitlines()) == 10_007
    assert "Calls   10,000\n" in text and "Tokens  100,000 in, 20,000 out" in text
