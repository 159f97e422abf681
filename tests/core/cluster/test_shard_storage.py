"""Shards that are stored at an address: logs that grow, files that are replaced, and what goes wrong meanwhile."""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("fsspec")

from deepfabric_core.cluster import shard_storage
from deepfabric_core.cluster.shard_storage import ShardMirror, ShardStorage, is_address, worked_on
from deepfabric_core.errors import ConfigError, OutputError
from deepfabric_core.store.files import replace_file
from deepfabric_core.store.shard_files import ShardFiles

LOG, FACTS, MARK = "samples.checkpoint.jsonl", "samples.checkpoint.json", "shard.json"


@pytest.fixture
def address(tmp_path: Path) -> str:
    return f"file://{tmp_path}/stored"


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_storage, "_TRY_AGAIN_AFTER", 0.01)
    monkeypatch.setattr(shard_storage, "_PUSH_EVERY", 0.02)


def mirrored(address: str, folder: Path) -> ShardMirror:
    folder.mkdir(parents=True, exist_ok=True)
    return ShardStorage(address, "run").mirror(ShardFiles(folder))


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_only_what_a_log_got_is_stored_and_a_replaced_file_as_a_whole(address: str, tmp_path: Path) -> None:
    one = mirrored(address, tmp_path / "one/0007")
    log, facts = one.files.folder / LOG, one.files.folder / FACTS
    log.write_bytes(b"1\n" * 1000)
    replace_file(facts, [b"{}"])
    one.push()
    with log.open("ab") as file:
        file.write(b"2\n")
    replace_file(facts, [b'{"more": 1}'])
    one.push()
    one.push()
    parts = one.storage.parts("0007")
    assert [(generation, begin) for generation, begin, _ in parts[LOG]] == [(0, 0), (0, 2000)]
    assert [(generation, begin) for generation, begin, _ in parts[FACTS]] == [(1, 0)]
    other = mirrored(address, tmp_path / "other/0007")
    other.pull()
    assert content(other.files.folder) == content(one.files.folder)


def test_a_log_that_was_cut_and_a_file_that_is_gone_are_so_elsewhere_too(address: str, tmp_path: Path) -> None:
    one, other = mirrored(address, tmp_path / "one/0007"), mirrored(address, tmp_path / "other/0007")
    log, mark = one.files.folder / LOG, one.files.folder / MARK
    log.write_bytes(b"1\n2\n3")
    mark.write_bytes(b"{}")
    one.push()
    other.pull()
    os.truncate(log, 4)
    mark.unlink()
    one.push()
    other.pull()
    assert content(other.files.folder) == {LOG: b"1\n2\n"}


def test_whoever_goes_on_stores_only_what_is_new(address: str, tmp_path: Path) -> None:
    one, other = mirrored(address, tmp_path / "one/0007"), mirrored(address, tmp_path / "other/0007")
    (one.files.folder / LOG).write_bytes(b"1\n")
    one.push()
    other.pull()
    with (other.files.folder / LOG).open("ab") as file:
        file.write(b"2\n")
    other.push()
    one.pull()
    assert content(one.files.folder) == {LOG: b"1\n2\n"}
    assert len(one.storage.parts("0007")[LOG]) == 2


STEPS = st.lists(st.sampled_from(["append", "replace", "cut", "delete", "push", "move"]), max_size=30)


@settings(max_examples=200)
@given(STEPS, st.integers(0, 1000))
def test_after_any_changes_what_was_pushed_is_what_another_machine_pulls(steps: list[str], seed: int) -> None:
    from tempfile import TemporaryDirectory

    chance = random.Random(seed)
    with TemporaryDirectory() as place:
        address, number = f"file://{place}/stored", 0
        here = mirrored(address, Path(place, "0/0001"))
        for step in [*steps, "push", "move"]:
            path = here.files.folder / chance.choice([LOG, FACTS, MARK])
            match step:
                case "append":
                    with path.open("ab") as file:
                        file.write(chance.randbytes(chance.randrange(1, 9)))
                case "replace":
                    replace_file(path, [chance.randbytes(5)])
                case "cut" if path.exists():
                    os.truncate(path, path.stat().st_size // 2)
                case "delete":
                    path.unlink(missing_ok=True)
                case "push":
                    here.push()
                case "move":
                    here.push()
                    number += 1
                    there = mirrored(address, Path(place, f"{number}/0001"))
                    there.pull()
                    assert content(there.files.folder) == content(here.files.folder)
                    here = there


def test_locks_and_half_written_files_stay_where_they_are(address: str, tmp_path: Path) -> None:
    one, other = mirrored(address, tmp_path / "one/0007"), mirrored(address, tmp_path / "other/0007")
    for name in ("samples.checkpoint.lock", ".samples.jsonl.12.tmp"):
        (one.files.folder / name).write_bytes(b"x")
    one.push()
    other.pull()
    assert content(other.files.folder) == {}


def test_what_is_made_is_stored_meanwhile_and_at_the_end(address: str, tmp_path: Path) -> None:
    storage, there = ShardStorage(address, "run"), mirrored(address, tmp_path / "there/0003")

    async def work() -> None:
        async with worked_on(storage, "0003") as files:
            (files.folder / LOG).write_bytes(b"1\n")
            while not storage.parts("0003"):  # noqa: ASYNC110 - from outside nothing tells of it
                await asyncio.sleep(0.01)
            with (files.folder / LOG).open("ab") as file:
                file.write(b"2\n")

    asyncio.run(work())
    there.pull()
    assert content(there.files.folder) == {LOG: b"1\n2\n"}
    assert storage.numbers() == ["0003"]
    storage.remove()
    assert storage.numbers() == []


class Failing:
    """Files of which some can't be written at first."""

    def __init__(self, files: Any, failures: int) -> None:
        self._files, self.left = files, failures

    def __getattr__(self, name: str) -> Any:
        return getattr(self._files, name)

    def pipe_file(self, name: str, content: bytes) -> None:
        if self.left:
            self.left -= 1
            raise OSError("Slow Down")
        self._files.pipe_file(name, content)


@pytest.mark.parametrize(("failures", "fails"), [(3, False), (100, True)])
def test_what_fails_for_a_moment_is_tried_again_and_what_fails_for_good_is_one_sentence(
    address: str, tmp_path: Path, failures: int, fails: bool
) -> None:
    storage = ShardStorage(address, "run")
    storage.filesystem = Failing(storage.filesystem, failures)

    async def work() -> None:
        async with worked_on(storage, "0003") as files:
            (files.folder / LOG).write_bytes(b"1\n")

    if fails:
        with pytest.raises(OutputError, match=r"run.storage: Slow Down; what is stored is safe."):
            asyncio.run(work())
    else:
        asyncio.run(work())
        assert storage.parts("0003")


@pytest.mark.parametrize("wrong", ["nothing-known://bucket/x", "s3://no-such-package-or-key/x", "file:///proc/nowhere"])
def test_an_address_that_cannot_be_used_is_one_sentence(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigError, match=rf"^run.storage: {wrong} can't be used: .+\.$") as said:
        ShardStorage(wrong, "run").check()
    assert "\n" not in str(said.value)


def test_a_folder_is_no_address() -> None:
    assert not is_address("/data/shards") and not is_address(None) and is_address("s3://bucket/shards")
