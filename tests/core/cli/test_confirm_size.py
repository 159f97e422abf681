"""A plan of very many calls, which is hardly ever meant: asked about on a terminal, refused elsewhere without --yes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deepfabric_core.config.load import load
from deepfabric_core.run.job import Job
from deepfabric_core.run.plan_size import MOST_CALLS, to_confirm
from deepfabric_core.samples.plan import Plan, WorkItem
from deepfabric_core.store.append_log import AppendLog
from deepfabric_core.store.journal import Journal
from deepfabric_core.topics.formats import parse_topics
from deepfabric_core.wording import digits
from tests import ROOT
from tests.core.cli.test_checkpoint_conflict import Terminal
from tests.core.conftest import Run, write_config

LARGE = "This plan is large: 1.0 x 10^17 topics and 3 samples, in at least 2.0 x 10^15 model calls"


@pytest.fixture
def large(place: Path) -> str:
    """A config of 10^17 topics."""
    return write_config(place, topics={"prompt": "Tea", "depth": 10, "degree": 50}, output={"num_samples": 3})


@pytest.fixture
def terminal(place: Path, large: str) -> Iterator[Terminal]:
    """That config begun on a terminal."""
    terminal = Terminal(place, "--tui", "simple")
    yield terminal
    terminal.close()


def test_without_a_terminal_it_is_an_error_of_use(place: Path, deepfabric: Run, large: str) -> None:
    done = deepfabric("generate", large)
    assert done.returncode == 2
    assert f"Error: {LARGE}; give --yes if you mean it, or less depth, degree or samples." in done.stderr
    assert not (place / "out").exists()


def test_on_a_terminal_it_is_asked_and_no_is_the_answer(place: Path, terminal: Terminal) -> None:
    terminal.wait_for_text(f"{LARGE}. Begin? [y/N]: ")
    terminal.type("\n")
    assert terminal.end() == 130
    assert not (place / "out").exists()


def test_who_says_yes_there_begins(terminal: Terminal) -> None:
    terminal.wait_for_text("[y/N]: ")
    terminal.type("y\n")
    terminal.wait_for_text("50 subtopics")
    terminal.type("\x03")
    assert terminal.end() == 130


def test_the_flag_says_so_beforehand_and_a_resume_needs_neither(place: Path, deepfabric: Run, large: str) -> None:
    words = [
        sys.executable,
        "-m",
        "deepfabric_core",
        "generate",
        large,
        "--checkpoint-interval",
        "5",
        "--tui",
        "simple",
    ]
    for flag in ("--yes", "--resume"):
        with subprocess.Popen(
            [*words, flag], stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=place
        ) as process:
            assert process.stderr is not None
            assert any("50 subtopics" in line for line in process.stderr), flag
            process.send_signal(signal.SIGINT)
            said = process.stderr.read()
        assert process.returncode == 130
        assert "Go on with: deepfabric generate config.yaml" in said and "--yes" not in said


def test_validate_prints_the_plan_with_a_note(deepfabric: Run, large: str) -> None:
    done = deepfabric("validate", large)
    assert done.returncode == 0 and "97,656,250,000,000,000 topic paths" not in done.stdout
    assert "9.8 x 10^16 topic paths" in done.stdout and "config.yaml is valid." in done.stdout
    assert f"Note: {LARGE}; a run of it asks first, or wants --yes." in done.stderr


def _job(tmp_path: Path, depth: int = 1, num_samples: str = "auto", **options: object) -> Job:
    text = (
        f"topics: {{prompt: A, depth: {depth}, degree: 50}}\ngeneration: {{system_prompt: B}}\n"
        f"output: {{save_as: {tmp_path}/o.jsonl, num_samples: {num_samples}}}"
    )
    return Job(load(text, source="c.yaml").config, checkpoint_path=tmp_path, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("depth", "num_samples", "calls"),
    [
        (1, str(MOST_CALLS - 1), None),
        (1, str(MOST_CALLS), MOST_CALLS + 1),
        (2, "auto", None),
        (4, "3", 127_551 + 3),
        (1, "1000000%", 500_001),
        (10, "100%", 97_656_250_000_000_000 + 1_992_984_693_877_551),
    ],
)
def test_more_than_a_hundred_thousand_calls_are_to_be_confirmed(
    tmp_path: Path, depth: int, num_samples: str, calls: int | None
) -> None:
    size = to_confirm(_job(tmp_path, depth, num_samples))
    assert (size.calls if size else None) == calls


def test_topics_that_are_loaded_cost_no_calls_and_samples_that_are_not_made_neither(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"path": ["A", "B"]}\n{"path": ["A", "C"]}\n')
    assert to_confirm(_job(tmp_path, 10, topics_load=tmp_path / "t.jsonl")) is None
    loaded = to_confirm(_job(tmp_path, 10, "10000000%", topics_load=tmp_path / "t.jsonl"))
    assert str(loaded) == "This plan is large: 200,000 samples, in at least 200,000 model calls"
    assert to_confirm(_job(tmp_path, 1, "500000", topic_only=True)) is None


def test_a_journal_holds_as_much_as_there_is_and_not_as_much_as_is_planned(tmp_path: Path) -> None:
    topics, _ = parse_topics('{"path": ["Tea", "Green"]}\n{"path": ["Tea", "Black"]}', source="tea.jsonl")
    plan = Plan(topics, 10**17)
    journal = Journal(AppendLog(tmp_path / "j.jsonl", new=True), plan)
    for item, _ in zip(plan, range(3), strict=False):
        journal.append(item, {"n": item.index}, {})
    journal.append(WorkItem(5, topics.leaves[1][0].id, topics.leaves[1][1], 2), {"n": 5}, {})
    assert [journal.has(index) for index in (0, 2, 3, 5, 6, 10**16)] == [True, True, False, True, False, False]
    journal.deliver(tmp_path / "d.jsonl")
    assert (tmp_path / "d.jsonl").read_text().splitlines() == ['{"n": 0}', '{"n": 1}', '{"n": 2}', '{"n": 5}']


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0"),
        (97_656, "97,656"),
        (10**15 - 1, "999,999,999,999,999"),
        (10**15, "1.0 x 10^15"),
        (50**10, "9.8 x 10^16"),
    ],
)
def test_numbers_are_written_so_that_they_can_be_read(number: int, shown: str) -> None:
    assert digits(number) == shown
