"""Reports on files: ours and others, damaged ones, with what stands beside them, by one process and by several."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deepfabric_core.errors import ConfigError
from deepfabric_core.llm.simulated.prose import Writer
from deepfabric_core.run.report.chunks import chunks_of
from deepfabric_core.run.report.make_report import ReportRequest, make_report
from deepfabric_core.run.report.measure_chunk import ChunkSums
from deepfabric_core.run.report.workers import measured, number_of_workers
from tests import ROOT
from tests.core.quality.report.test_rejections import line as rejected_line


def record(question: str, answer: str, **metadata: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return {"messages": messages, "metadata": metadata, "question": question, "final_answer": answer}


def records(number: int, seed: int = 1) -> Iterator[dict[str, Any]]:
    from random import Random

    for at in range(number):
        path = ["Tea", f"Branch {at % 3}", f"Leaf {at % 12}"]
        writer = Writer(Random(seed * 10**6 + at), path)
        yield record(writer.question(), writer.answer(), topic_path=path, model="m", cost=0.001, cost_known=True)


def written(path: Path, *lines: Any) -> Path:
    texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


def test_a_dataset_is_read_and_told_about(tmp_path: Path) -> None:
    path = written(tmp_path / "tea.jsonl", *records(40))
    shares: list[float] = []
    found = make_report(ReportRequest(path), shares.append)
    assert found["samples"] == 40 and found["dataset"]["damaged"] == 0
    assert found["topics"]["covered"] == 12 and found["topics"]["known"] is None
    assert found["lengths"]["answer"]["median"] > 20
    assert found["duplicates"]["samples"] == 0
    assert found["languages"][0]["code"] == "en"
    assert found["checks"]["known"]
    assert shares[-1] == 1.0
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_an_empty_file_is_a_report_on_nothing(tmp_path: Path) -> None:
    found = make_report(ReportRequest(written(tmp_path / "none.jsonl")))
    assert found["samples"] == 0 and found["notes"][0]["section"] == "file"


def test_damaged_lines_are_counted_and_named_and_the_others_read(tmp_path: Path) -> None:
    first, second = records(2)
    deep = "[" * 5000 + "]" * 5000
    lines = [first, "{broken", "", "[1, 2]", second, '{"messages": []}', f'{{"a": {deep}}}', '{"x": "half']
    found = make_report(ReportRequest(written(tmp_path / "tea.jsonl", *lines)))
    assert found["samples"] == 2 and found["dataset"]["damaged"] == 5
    assert [damage["line"] for damage in found["dataset"]["damage"]] == [2, 4, 6, 7, 8]
    assert found["dataset"]["damage"][0]["problem"] == "it isn't a JSON object"


@pytest.mark.parametrize("content", ["What is tea?\nA drink.\n", "\x00\x01\x02", '[{"a": 1}]'])
def test_a_file_without_any_sample_is_refused_in_one_sentence(content: str, tmp_path: Path) -> None:
    path = tmp_path / "tea.txt"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match="is no dataset: line 1"):
        make_report(ReportRequest(path))


@pytest.mark.parametrize("name", ["missing.jsonl", "."])
def test_a_file_that_is_not_there_is_one_sentence(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be read"):
        make_report(ReportRequest(tmp_path / name))


def test_copies_are_found_and_shown_with_both_texts(tmp_path: Path) -> None:
    first, second, *rest = records(20)
    reworded = record(second["question"].replace("?", ", then?"), second["final_answer"].replace(" the ", " one "))
    found = make_report(ReportRequest(written(tmp_path / "tea.jsonl", first, second, *rest, first, reworded)))
    copies = found["duplicates"]
    assert (copies["samples"], copies["exact"]) == (2, 1)
    assert [(pair["first"]["line"], pair["second"]["line"]) for pair in copies["pairs"]] == [(1, 21), (2, 22)]
    assert copies["pairs"][1]["second"]["answer"] == reworded["final_answer"]
    assert copies["pairs"][1]["similarity"] < 1


def test_thousands_of_equal_samples_are_counted_and_few_are_shown(tmp_path: Path) -> None:
    one = next(records(1))
    found = make_report(ReportRequest(written(tmp_path / "tea.jsonl", *([one] * 1000))))["duplicates"]
    assert found["exact"] == 999 and len(found["pairs"]) == 50


def test_what_stands_beside_a_dataset_is_read_too(tmp_path: Path) -> None:
    path = written(tmp_path / "tea.jsonl", *records(3))
    topics = [{"path": ["Tea", f"Branch {at % 3}", f"Leaf {at}"]} for at in range(4)]
    written(tmp_path / "tea_topics.jsonl", *topics)
    written(tmp_path / "tea.rejected.jsonl", rejected_line(), rejected_line("judge", "clarity"))
    found = make_report(ReportRequest(path))
    assert (found["topics"]["known"], found["topics"]["missing_paths"]) == (4, [topics[3]["path"]])
    assert found["rejected"]["samples"] == 2
    assert found["cost"]["total"] == pytest.approx(1.003)


def test_another_topics_file_can_be_named(tmp_path: Path) -> None:
    path = written(tmp_path / "tea.jsonl", *records(3))
    topics = written(tmp_path / "others.jsonl", {"path": ["Tea", "Nobody"]})
    assert make_report(ReportRequest(path, topics=topics))["topics"]["missing"] == 1


def test_the_difference_to_another_dataset_is_told(tmp_path: Path) -> None:
    old = list(records(10))
    older = written(tmp_path / "old.jsonl", *old)
    newer = written(tmp_path / "new.jsonl", *old[:4], *records(3, seed=9))
    found = make_report(ReportRequest(newer, against=older))["difference"]
    assert found["shared"]["samples"] == found["shared"]["exact"] == 4
    assert found["topics_lost"]["count"] == 6 and found["topics_gained"]["count"] == 0
    assert found["figures"][0] == {"what": "samples", "unit": "samples", "old": 10, "new": 7}


def test_a_journal_is_read_as_the_dataset_that_it_will_be(tmp_path: Path) -> None:
    one = next(records(1))
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "cost": 0.5}
    line = {"topic_id": "a", "cycle": 0, "model": "m", "attempts": 2, "usage": usage, "at": 1.0, "sample": one}
    found = make_report(ReportRequest(written(tmp_path / "tea.journal.jsonl", line), made_up=True))
    assert found["samples"] == found["making"]["simulated"] == 1
    assert (found["making"]["cost"], found["making"]["calls"]) == (0.5, 2)


def test_datasets_of_other_tools_are_read(tmp_path: Path) -> None:
    alpaca = {"instruction": "Name a tea.", "output": "Sencha is one, and it is green."}
    sharegpt = {"conversations": [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "Since it is so."}]}
    found = make_report(ReportRequest(written(tmp_path / "others.jsonl", alpaca, sharegpt)))
    assert found["samples"] == 2 and found["lengths"]["answer"]["count"] == 2


# ---- several processes


def merged(path: Path, workers: int, size: int) -> ChunkSums:
    whole = ChunkSums()
    for sums in measured(path, chunks_of(path, size), workers=workers):
        whole.merge(sums)
    return whole


def test_two_processes_come_to_the_same_sums_as_one(tmp_path: Path) -> None:
    path = written(tmp_path / "tea.jsonl", *records(300), "{broken", *records(100, seed=2))
    one, two = merged(path, 1, 1 << 30), merged(path, 2, 20_000)
    assert two.sums.as_object() == one.sums.as_object()
    assert two.damage == one.damage == [(301, "it isn't a JSON object")]


def test_a_small_file_is_not_worth_a_second_process() -> None:
    assert number_of_workers(1000) == 1
    assert 1 <= number_of_workers(1 << 30) <= 4


def test_a_scripts_own_code_is_not_run_again_by_the_processes(tmp_path: Path) -> None:
    path = written(tmp_path / "tea.jsonl", *records(60))
    script = (
        "from pathlib import Path\n"
        "from deepfabric_core.run.report.chunks import chunks_of\n"
        "from deepfabric_core.run.report.workers import measured\n"
        "print('once')\n"
        f"path = Path({str(path)!r})\n"
        "print(sum(one.sums.samples for one in measured(path, chunks_of(path, 10_000), workers=2)))\n"
    )
    (tmp_path / "script.py").write_text(script)
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("once\n60\n", "")


def test_an_interrupt_ends_all_processes_at_once(tmp_path: Path) -> None:
    one = json.dumps(next(records(1)))
    path = written(tmp_path / "tea.jsonl", *([one] * 30_000))
    process = subprocess.Popen(
        [sys.executable, "-m", "deepfabric_core", "report", str(path), "-o", str(tmp_path / "page.html")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    time.sleep(3)
    os.killpg(process.pid, signal.SIGINT)
    assert process.communicate(timeout=20)[1].strip() in {"", "Stopped."}
    assert process.returncode == 130
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
    assert not (tmp_path / "page.html").exists()
