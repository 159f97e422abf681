"""That the instruments see what they are there for: a test that can't fail says nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from tests.crash.harness import BROKEN, FULL, KILL, UNLINK, Call
from tests.crash.power_cut import Disk, State, cuts
from tests.crash.scenarios import DATASET
from tests.crash.survival import Case


def test_a_kill_comes_before_the_chosen_call_of_all_threads_and_after_all_others(case: Callable[[str], Case]) -> None:
    tree = case("tree")
    everything = tree.undisturbed.ended.calls
    assert [call.number for call in everything] == list(range(1, len(everything) + 1))
    assert len({call.thread for call in everything}) > 1
    outcome = tree.grief(KILL.moved(20))
    assert isinstance(outcome.struck, Call) and outcome.struck.number == 20 and outcome.struck.how == "killed"


def test_a_killed_run_says_so_and_leaves_what_it_did_until_then(case: Callable[[str], Case]) -> None:
    tree = case("tree")
    tree.stage.load(tree.copy)
    ended = tree.stage.run("generate", "config.yaml", trouble=KILL.moved(20))
    assert ended.code == -9
    assert [call.how for call in ended.calls][-1] == "killed" and len(ended.calls) == 20
    there = {call.path for call in ended.calls if call.name == "open" and call.how == "done" and ".jsonl" in call.path}
    assert any(Path(path).exists() for path in there)


def test_a_full_disk_takes_half_of_the_last_line_and_nothing_more(case: Callable[[str], Case]) -> None:
    tree = case("tree")
    tree.stage.load(tree.copy)
    first = next(call for call in tree.undisturbed.ended.calls if call.name == "write" and ".json." in call.path)
    at = sum(bool(call.name not in ("unlink", "truncate")) for call in tree.undisturbed.ended.calls[: first.number])
    tree.stage.load(tree.copy)
    ended = tree.stage.run("generate", "config.yaml", trouble=FULL.moved(at))
    assert ended.struck and ended.struck.name == "write half" and 0 < ended.struck.result < first.result
    after = ended.calls[ended.calls.index(ended.struck) + 1 :]
    assert after and {call.how for call in after if call.name not in ("unlink", "truncate")} == {"failed"}


def test_a_broken_disk_fails_once(case: Callable[[str], Case]) -> None:
    tree = case("tree")
    tree.stage.load(tree.copy)
    ended = tree.stage.run("generate", "config.yaml", trouble=BROKEN.moved(20))
    assert [call.number for call in ended.calls if call.how == "failed"] == [20]


def test_only_the_kinds_that_were_chosen_are_counted(case: Callable[[str], Case]) -> None:
    calls = case("tree").undisturbed.ended
    assert calls.count(UNLINK) == sum(call.name == "unlink" for call in calls.calls) > 0


# ---- a power cut, on calls made up here


@pytest.fixture
def done(tmp_path: Path) -> Callable[..., Call]:
    numbers = count(1)
    (tmp_path / "old").write_bytes(b"old")

    def call(name: str, path: str, other: str = "", *, data: bytes = b"", inode: int = 1, offset: int = 0) -> Call:
        target = str(tmp_path / other) if other else ""
        return Call(next(numbers), 1, name, "done", inode, offset, 0, str(tmp_path / path), target, data)

    return call


def found(folder: Path, *calls: Call) -> list[State]:
    """All that may be found once these calls are made, as names and contents."""
    return [
        {Path(path).name: content for path, content in cut.state.items()}
        for cut in cuts(Disk((folder,)), calls)
        if cut.after == calls[-1]
    ]


def test_what_was_written_and_not_synced_may_be_lost_in_part_or_altogether(
    tmp_path: Path, done: Callable[..., Call]
) -> None:
    calls = (done("open", "new", offset=2), done("fsync", ""), done("write", "new", data=b"four"))
    states = found(tmp_path, *calls)
    assert {state.get("new") for state in states} == {b"", b"fo", b"four", b"\0\0\0\0"}
    assert [state["new"] for state in found(tmp_path, *calls, done("fsync", "new"))] == [b"four"]


def test_a_file_that_was_replaced_may_be_the_old_one_or_empty_unless_all_was_synced(
    tmp_path: Path, done: Callable[..., Call]
) -> None:
    careless = (done("open", "new", offset=2), done("write", "new", data=b"new!"), done("rename", "new", "old"))
    assert {state["old"] for state in found(tmp_path, *careless)} == {b"old", b"", b"ne", b"\0\0\0\0", b"new!"}
    careful = (*careless[:2], done("fsync", "new"), careless[2])
    assert {state["old"] for state in found(tmp_path, *careful)} == {b"old", b"new!"}
    assert {state["old"] for state in found(tmp_path, *careful, done("fsync", ""))} == {b"new!"}


def test_a_removed_file_may_be_there_again_until_its_folder_is_synced(
    tmp_path: Path, done: Callable[..., Call]
) -> None:
    removed = done("unlink", "old")
    assert {state.get("old") for state in found(tmp_path, removed)} == {b"old", None}
    assert {state.get("old") for state in found(tmp_path, removed, done("fsync", ""))} == {None}


def test_of_two_folders_one_may_be_ahead_of_the_other(tmp_path: Path, done: Callable[..., Call]) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_bytes(b"")
    calls = [done("unlink", "a/a"), done("unlink", "b/b")]
    states = cuts(Disk((tmp_path / "a", tmp_path / "b")), calls)
    assert {frozenset(Path(path).name for path in cut.state) for cut in states if cut.after == calls[-1]} == {
        frozenset(names) for names in ({"a", "b"}, {"a"}, {"b"}, set[str]())
    }


def test_what_was_synced_is_promised_once_its_thread_goes_on(tmp_path: Path, done: Callable[..., Call]) -> None:
    line = b'{"topic_id": "a", "cycle": 0, "sample": {"messages": ["hello"]}}\n'
    calls = [done("open", "new", offset=2), done("write", "new", data=line), done("fsync", "new")]
    disk = Disk((tmp_path,))
    for call in calls:
        disk.apply(call)
    assert not disk.promised
    disk.apply(done("unlink", "old"))
    assert disk.promised == {'["hello"]'}


def test_a_run_that_says_that_the_dataset_is_written_is_held_to_it(case: Callable[[str], Case]) -> None:
    tree = case("tree")
    cut = next(cut for cut in tree.cuts() if cut.done)
    path = str(tree.stage.work / DATASET)
    kept = {name: content for name, content in cut.state.items() if name != path}
    outcome = tree.after(replace(cut, state=kept))
    assert "the dataset was said to be written, and isn't there" in outcome.wrong
