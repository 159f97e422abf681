"""Processes that share the limits of an endpoint: who gets how much, and what becomes of those that end or die."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.llm.limits.learned import Learned
from deepfabric_core.llm.limits.learned_file import Target
from deepfabric_core.llm.limits.neighbours import Neighbours
from tests import ROOT

TARGET = Target("openai", "example.com/v1", "m", "0123456789ab")
HUNDRED = Learned(100.0, 50, 40, 0.2)


class Clock:
    """A time that passes as told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Process:
    """A process as the others see it, with the share that it has."""

    def __init__(self, folder: Path, clock: Clock, name: str, *, own: Learned | None = None) -> None:
        self.neighbours = Neighbours(folder, TARGET, clock, name)
        self.share = self.neighbours.join(own) or own

    def look(self) -> None:
        self.share = self.neighbours.exchange(self.share) or self.share


@pytest.fixture
def clock() -> Clock:
    return Clock()


def share(per_second: float, at_once: int) -> Learned:
    return Learned(per_second, at_once, None, 0.2)


def compared(learned: Learned | None) -> Learned | None:
    return learned and replace(learned, accepted_at_once=None)


def test_who_comes_begins_with_an_equal_part_which_the_others_give_up(tmp_path: Path, clock: Clock) -> None:
    first = Process(tmp_path, clock, "a", own=HUNDRED)
    second = Process(tmp_path, clock, "b")
    assert compared(second.share) == share(50.0, 25)
    first.look()
    assert compared(first.share) == share(50.0, 25)
    third = Process(tmp_path, clock, "c")
    for process in (first, second, third):
        process.look()
        assert process.share is not None
        assert process.share.per_second == pytest.approx(100 / 3, rel=1e-3)


def test_as_long_as_nobody_comes_or_goes_shares_stay(tmp_path: Path, clock: Clock) -> None:
    first = Process(tmp_path, clock, "a", own=HUNDRED)
    second = Process(tmp_path, clock, "b")
    first.look()
    for _ in range(5):
        clock.now += 0.25
        assert first.neighbours.exchange(share(70.0, 30)) is None
        assert second.neighbours.exchange(share(30.0, 20)) is None


def test_the_share_of_whoever_goes_is_divided_among_those_that_stay(tmp_path: Path, clock: Clock) -> None:
    processes = [Process(tmp_path, clock, name, own=share(30.0, 10)) for name in "abc"]
    for process in processes:
        process.look()
        process.share = share(30.0, 10)
    for process in processes:
        process.look()
    processes.pop().neighbours.leave()
    for process in processes:
        process.look()
        assert process.share == share(45.0, 15)


def test_who_has_learned_its_own_does_not_take_from_others(tmp_path: Path, clock: Clock) -> None:
    Process(tmp_path, clock, "a", own=HUNDRED)
    assert Neighbours(tmp_path, TARGET, clock, "b").join(share(20.0, 5)) is None


def test_where_nobody_knows_anything_nothing_is_shared(tmp_path: Path, clock: Clock) -> None:
    first, second = Process(tmp_path, clock, "a"), Process(tmp_path, clock, "b")
    first.look()
    assert first.share is second.share is None
    assert second.neighbours.share_of(HUNDRED) == HUNDRED.part(0.5), "what is kept in the file is for both of them"


def test_what_all_have_learned_adds_up(tmp_path: Path, clock: Clock) -> None:
    first = Process(tmp_path, clock, "a", own=HUNDRED)
    second = Process(tmp_path, clock, "b")
    first.look()
    second.look()
    for process in (first, second):
        assert compared(process.neighbours.in_sum(process.share)) == share(100.0, 50)


def test_another_model_key_or_endpoint_is_no_neighbour(tmp_path: Path, clock: Clock) -> None:
    Process(tmp_path, clock, "a", own=HUNDRED)
    for other in ({"model": "n"}, {"key": ""}, {"endpoint": "example.com/v2"}, {"provider": "groq"}):
        assert Neighbours(tmp_path, replace(TARGET, **other), clock, "b").join(None) is None


def test_a_process_is_no_neighbour_of_itself(tmp_path: Path, clock: Clock) -> None:
    Process(tmp_path, clock, "a", own=HUNDRED)
    assert Neighbours(tmp_path, TARGET, clock, "a").join(None) is None


def test_who_is_silent_is_gone_and_comes_back_by_a_word(tmp_path: Path, clock: Clock) -> None:
    first = Process(tmp_path, clock, "a", own=HUNDRED)
    second = Process(tmp_path, clock, "b")
    first.look()
    clock.now += 1.4
    first.look()
    assert compared(first.share) == share(50.0, 25)
    clock.now += 0.2
    first.look()
    assert compared(first.share) == share(100.0, 50)
    second.look()
    first.look()
    assert compared(first.share) == share(50.0, 25)


def test_what_a_process_from_before_a_restart_left_is_not_believed(tmp_path: Path, clock: Clock) -> None:
    Process(tmp_path, clock, "a", own=HUNDRED)
    clock.now = 5.0
    assert Process(tmp_path, clock, "b").share is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"at": "now"}', b"\xff", b'{"at": 1000.0, "per_second": "x"}'])
def test_a_damaged_file_is_nobody_or_somebody_who_knows_nothing(tmp_path: Path, clock: Clock, content: bytes) -> None:
    first = Process(tmp_path, clock, "a", own=HUNDRED)
    (own,) = tmp_path.iterdir()
    own.with_name(own.name.replace(".a.", ".z.")).write_bytes(content)
    first.look()
    assert first.share is not None and first.share.per_second in (100.0, 50.0)


def test_the_files_are_for_their_user_alone_and_hold_no_name(tmp_path: Path, clock: Clock) -> None:
    Process(tmp_path / "calling", clock, "a", own=HUNDRED)
    (file,) = (tmp_path / "calling").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert not any(name in f"{file.name} {file.read_text()}" for name in ("example", TARGET.key))


def test_files_that_nobody_removed_are_deleted_after_an_hour(tmp_path: Path, clock: Clock) -> None:
    for name, age in (("old", 4000), ("young", 60)):
        (tmp_path / name).write_text("{}")
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    Process(tmp_path, clock, "a").neighbours.leave()
    assert {path.name for path in tmp_path.iterdir()} == {"young"}


def test_a_folder_that_can_not_be_written_is_told(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileExistsError):
        Process(tmp_path / "file", clock, "a")


@given(st.lists(st.booleans(), max_size=12))
def test_whoever_comes_and_goes_the_shares_add_up_to_the_whole(
    tmp_path_factory: pytest.TempPathFactory, comings: list[bool]
) -> None:
    folder, clock = tmp_path_factory.mktemp("calling"), Clock()
    processes = [Process(folder, clock, "first", own=Learned(100.0))]
    for number, comes in enumerate(comings):
        if comes:
            processes.append(Process(folder, clock, str(number)))
        elif len(processes) > 1:
            processes.pop(number % len(processes)).neighbours.leave()
        clock.now += 0.25
        for process in processes:
            process.look()
        clock.now += 0.25
        for process in processes:
            process.look()
        shares = [process.share.per_second if process.share else 0.0 for process in processes]
        assert sum(one or 0.0 for one in shares) == pytest.approx(100.0, rel=1e-3)


# ---- real processes

CHILD = """
import sys, time
from pathlib import Path
from deepfabric_core.llm.limits.learned import Learned
from deepfabric_core.llm.limits.learned_file import Target
from deepfabric_core.llm.limits.neighbours import Neighbours

neighbours = Neighbours(Path(sys.argv[1]), Target("openai", "example.com/v1", "m", "0123456789ab"))
share = neighbours.join(None)
print(share.per_second, flush=True)
while True:
    time.sleep(0.1)
    share = neighbours.exchange(share) or share
"""


def test_a_killed_process_leaves_its_share_within_two_seconds_and_no_harm(tmp_path: Path) -> None:
    neighbours = Neighbours(tmp_path, TARGET)
    neighbours.join(HUNDRED)
    own = HUNDRED
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        try:
            while child.poll() is None and own.per_second != 50.0:
                own = neighbours.exchange(own) or own
                time.sleep(0.1)
            assert child.stdout is not None and float(child.stdout.readline()) == 50.0
        finally:
            child.send_signal(signal.SIGKILL)
    killed = time.monotonic()
    while own.per_second == 50.0 and time.monotonic() - killed < 5:
        time.sleep(0.05)
        own = neighbours.exchange(own) or own
    assert time.monotonic() - killed < 2
    assert own.per_second == pytest.approx(100.0)
    neighbours.leave()


def test_a_look_at_ten_neighbours_takes_less_than_what_a_few_calls_do(tmp_path: Path) -> None:
    for number in range(10):
        Neighbours(tmp_path, TARGET, process=str(number)).join(Learned(10.0))
    neighbours = Neighbours(tmp_path, TARGET)
    neighbours.join(HUNDRED)
    began = time.process_time()
    for _ in range(100):
        neighbours.exchange(HUNDRED)
    assert (time.process_time() - began) / 100 < 0.02
