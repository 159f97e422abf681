"""The history of runs: an entry for each, whoever writes at the same time, and no run that fails for it."""

from __future__ import annotations

import json
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from deepfabric_core.amounts import Spent, Usage
from deepfabric_core.errors import ConfigError
from deepfabric_core.store.checkpoint_files import CheckpointFiles, Metadata
from deepfabric_core.store.run_history import HistoryWriter, PastRun, history_file, past_runs, remember
from tests.core.conftest import Run, write_config


def run(number: int, **facts: object) -> PastRun:
    return replace(
        PastRun(
            f"run {number}",
            1000.0 + number,
            2000.0 + number,
            dataset="d.jsonl",
            models=("openai/gpt-4o",),
            samples=number,
            spending={"samples": Spent(number, Usage(10, 5, 0.25, 3))},
            ending="complete",
        ),
        **facts,  # type: ignore[arg-type]
    )


def test_an_entry_is_read_as_it_was_written_the_newest_first(place: Path) -> None:
    entries = [run(number, checkpoint=CheckpointFiles(place, "d")) for number in (2, 1, 3)]
    for entry in entries:
        remember(entry)
    assert past_runs() == sorted(entries, key=lambda entry: -entry.began_at)
    assert past_runs(since=1002.0, most=1) == [entries[2]]


def test_a_run_has_one_entry_and_the_later_one_counts_whichever_was_written_last(place: Path) -> None:
    for updated in (5.0, 7.0, 6.0):
        remember(run(1, updated_at=updated))
    assert [entry.updated_at for entry in past_runs()] == [7.0]


def test_a_config_has_its_own_runs_by_whatever_path(place: Path) -> None:
    (place / "link.yaml").symlink_to(place / "a.yaml")
    remember(run(1, config_file=str(place / "a.yaml")))
    remember(run(2, config_file=str(place / "b.yaml")))
    remember(run(3))
    assert [entry.run_id for entry in past_runs(config_file=Path("link.yaml"))] == ["run 1"]


def test_it_is_for_its_user_alone(place: Path) -> None:
    remember(run(1))
    assert stat.S_IMODE(history_file().stat().st_mode) == 0o600
    assert stat.S_IMODE(history_file().parent.stat().st_mode) == 0o700


def test_the_oldest_runs_are_forgotten(place: Path) -> None:
    for number in range(6):
        remember(run(number), most=3)
    assert [entry.samples for entry in past_runs()] == [5, 4, 3]


def test_several_writers_lose_nothing(place: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(remember, map(run, range(60))))
    assert sorted(entry.samples for entry in past_runs()) == list(range(60))


def test_between_begin_and_end_it_is_written_now_and_then(place: Path) -> None:
    now = 100.0
    writer = HistoryWriter((), CheckpointFiles(place, "d"), clock=lambda: now)
    writer.write(Metadata(run_id="a", updated_at=now))
    written = []
    for now in range(101, 110):
        writer.write_now_and_then(Metadata(run_id="a", updated_at=now))
        written.append(past_runs()[0].updated_at)
    assert sorted(set(written)) == [100.0, 103.0, 106.0, 109.0]


def test_an_entry_of_a_later_version_is_left_out_and_kept(place: Path) -> None:
    remember(run(1))
    with closing(sqlite3.connect(history_file())) as history, history:
        history.execute("INSERT INTO runs VALUES ('x', 1, 1, ?)", (json.dumps({"of": "a later version"}),))
    assert [entry.run_id for entry in past_runs()] == ["run 1"]


def test_a_damaged_history_is_named_with_what_to_do(place: Path, deepfabric: Run) -> None:
    history_file().parent.mkdir(parents=True)
    history_file().write_bytes(b"this is no history\n" * 100)
    with pytest.raises(ConfigError, match=r"history\.sqlite: the history of runs can't be read: .*; delete it"):
        past_runs()
    done = deepfabric("costs")
    assert (done.returncode, done.stdout) == (2, "") and "Traceback" not in done.stderr


def test_a_run_goes_on_without_a_history(place: Path, deepfabric: Run) -> None:
    history_file().mkdir(parents=True)
    done = deepfabric("generate", write_config(place), "--tui", "simple")
    assert done.returncode == 0 and "history" not in done.stdout + done.stderr
    assert (place / "out/dataset.jsonl").exists()


def test_where_there_is_none_nothing_is_listed_and_no_file_is_made(place: Path) -> None:
    assert past_runs() == [] and not history_file().exists()
