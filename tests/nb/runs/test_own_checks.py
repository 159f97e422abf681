"""Functions of a notebook that samples have to pass, and what they reject, as a DataFrame."""

from __future__ import annotations

from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

import deepfabric_nb
from deepfabric_core.errors import ConfigError
from deepfabric_core.quality.candidate import Candidate
from tests.nb.conftest import TEA


def even(sample: Candidate) -> str | None:
    return "an odd number of words" if len(sample.answer.split()) % 2 else None


def test_what_a_function_rejects_is_made_again_and_is_a_row(shell: InteractiveShell, place: Path) -> None:
    run = deepfabric_nb.start(f"{TEA}\nquality: {{attempts: 30}}", num_samples=8, checks=[even]).wait()
    assert run.status == "complete" and len(run.df) == 8
    assert all(len(answer.split()) % 2 == 0 for answer in run.df["answer"])
    rejected = run.rejected
    assert list(rejected.columns[:6]) == ["topic", "topic_path", "check", "reason", "evidence", "gate"]
    assert set(rejected["reason"]) == {"an odd number of words"} and set(rejected["check"]) == {"even"}
    assert all(len(answer.split()) % 2 for answer in rejected["answer"])
    assert (rejected["status"] == "rejected").all() and rejected["attempt"].min() == 1


def test_a_run_that_rejected_nothing_has_a_frame_without_rows(shell: InteractiveShell, place: Path) -> None:
    run = deepfabric_nb.start(TEA, num_samples=2).wait()
    assert len(run.rejected) == 0 and "reason" in run.rejected.columns


def test_what_is_no_function_is_refused_before_the_run(shell: InteractiveShell, place: Path) -> None:
    with pytest.raises(ConfigError, match=r"isn't an ordinary function|can't be used"):
        deepfabric_nb.start(TEA, checks=[5]).wait()  # type: ignore[list-item]
