"""The merge of shards into one dataset."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.cluster.merge import merge, merge_failures
from deepfabric_core.errors import ConfigError
from deepfabric_core.samples.shards import Layout, Shard
from deepfabric_core.store.shard_files import ShardFiles, ShardTotals

Made = dict[int, ShardTotals]


def written(folder: Path, shards: list[Shard], failed: set[tuple[int, int]]) -> tuple[dict[int, ShardFiles], Made]:
    """Write the samples of shards as pairs of leaf and cycle, without those that have failed."""
    files, done = {}, {}
    for shard in shards:
        own = files[shard.number] = ShardFiles(folder / str(shard.number))
        own.folder.mkdir(parents=True, exist_ok=True)
        blocks = [
            [
                [shard.first_leaf + place, cycle]
                for place, share in enumerate(shard.shares)
                if share > cycle and (shard.first_leaf + place, cycle) not in failed
            ]
            for cycle in shard.cycles
        ]
        own.dataset.write_text("".join(f"{json.dumps(one)}\n" for block in blocks for one in block), encoding="utf-8")
        done[shard.number] = ShardTotals(len(shard), sum(map(len, blocks)), tuple(map(len, blocks)))
    return files, done


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=8),
    st.builds(Layout, st.integers(1, 4), st.none() | st.integers(1, 3)),
    st.sets(st.tuples(st.integers(0, 7), st.integers(0, 3))),
)
def test_the_dataset_is_in_the_order_of_the_plan_without_what_has_failed(
    tmp_path_factory: pytest.TempPathFactory, shares: list[int], layout: Layout, failed: set[tuple[int, int]]
) -> None:
    folder = tmp_path_factory.mktemp("shards")
    shards = list(layout.shards(shares))
    merge(folder / "all.jsonl", shards, *written(folder, shards, failed))
    lines = [tuple(json.loads(line)) for line in (folder / "all.jsonl").read_text(encoding="utf-8").splitlines()]
    plan = [(leaf, cycle) for cycle in range(max(shares)) for leaf, share in enumerate(shares) if share > cycle]
    assert lines == [item for item in plan if item not in failed]


def test_more_shards_than_may_be_open_are_read_on_where_they_were_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deepfabric_core.cluster.merge._MOST_OPEN", 2)
    shards = list(Layout(1).shards([3, 3, 3, 3]))
    merge(tmp_path / "all.jsonl", shards, *written(tmp_path, shards, set()))
    lines = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text(encoding="utf-8").splitlines()]
    assert lines == [[leaf, cycle] for cycle in range(3) for leaf in range(4)]


def test_a_shard_that_lost_samples_is_told_of_and_an_older_dataset_stays(tmp_path: Path) -> None:
    shards = list(Layout(2).shards([1, 1]))
    files, done = written(tmp_path, shards, set())
    files[0].dataset.write_text("", encoding="utf-8")
    (tmp_path / "all.jsonl").write_text("old", encoding="utf-8")
    with pytest.raises(ConfigError, match="fewer samples than were made"):
        merge(tmp_path / "all.jsonl", shards, files, done)
    assert (tmp_path / "all.jsonl").read_text(encoding="utf-8") == "old"


def test_failed_samples_come_before_repaired_calls_and_no_failures_leave_no_file(tmp_path: Path) -> None:
    files = [ShardFiles(tmp_path / name) for name in "ab"]
    for one in files:
        one.folder.mkdir()
        text = '{"repaired": true, "stage": "samples"}\n{"topic_id": "x", "kind": "timeout"}\n'
        (one.folder / "samples.failures.jsonl").write_text(text, encoding="utf-8")
    assert merge_failures(tmp_path / "failures.jsonl", files)
    lines = (tmp_path / "failures.jsonl").read_text(encoding="utf-8").splitlines()
    assert ["repaired" in line for line in lines] == [False, False, True, True]
    assert not merge_failures(tmp_path / "failures.jsonl", [])
    assert not (tmp_path / "failures.jsonl").exists()
