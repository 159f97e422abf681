"""The file of reviews: what is decided is on disk at once, and nothing that was decided is lost."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from deepfabric_core.errors import ConfigError, OutputError
from deepfabric_core.samples.reviews import Decision
from deepfabric_core.store.review_log import ReviewLog, read_reviews


def reject(own: str, **more: Any) -> Decision:
    return Decision(own, "sample", "reject", "me", 1.0, **more)


def test_the_file_is_made_by_the_first_decision(tmp_path: Path) -> None:
    log = ReviewLog(tmp_path / "tea.reviews.jsonl")
    assert not log.path.exists() and log.in_place
    log.add(reject("a", reason="No.", after={"x": [1]}))
    assert read_reviews(log.path).decisions == log.reviews.decisions == ReviewLog(log.path).reviews.decisions


def test_many_decisions_wait_for_the_disk_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = ReviewLog(tmp_path / "tea.reviews.jsonl")
    log.add(reject("a"))
    syncs: list[int] = []
    monkeypatch.setattr(os, "fsync", syncs.append)
    log.add_all(reject(str(number)) for number in range(50))
    assert len(syncs) == 1 and len(read_reviews(log.path).decisions) == 51


def test_a_torn_line_is_cut_off_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    path = tmp_path / "tea.reviews.jsonl"
    ReviewLog(path).add(reject("a"))
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:20])
    assert len(ReviewLog(path).reviews.decisions) == 1 and path.read_bytes() == whole
    path.write_bytes(whole + b'{"action": "dance"}\n' + whole)
    with pytest.raises(ConfigError, match="line 2: it is damaged"):
        ReviewLog(path)
    assert len(read_reviews(path).decisions) == 2


def test_a_deleted_file_is_noticed(tmp_path: Path) -> None:
    log = ReviewLog(tmp_path / "tea.reviews.jsonl")
    log.add(reject("a"))
    log.path.unlink()
    assert not log.in_place


def test_a_place_that_cant_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "tea.reviews.jsonl").mkdir()
    with pytest.raises(OutputError, match="can't be written"):
        ReviewLog(tmp_path / "tea.reviews.jsonl")
