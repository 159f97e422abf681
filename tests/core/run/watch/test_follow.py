"""Following a run of another process: the same events from its files, and no trace left on them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from deepfabric_core.config.load import load
from deepfabric_core.errors import ConfigError, FailureKind
from deepfabric_core.events import (
    CallAnswered,
    Event,
    FileWritten,
    Resumed,
    RunFinished,
    RunStarted,
    SampleFailed,
    SampleFinished,
    StageFinished,
    StageStarted,
    TopicExpanded,
    TopicsReady,
)
from deepfabric_core.run.job import Job
from deepfabric_core.run.state import RunState
from deepfabric_core.run.watch.follow import follow
from deepfabric_core.stop import Stop
from deepfabric_core.store.checkpoint_files import CheckpointLock, read_metadata
from deepfabric_core.store.tail import is_worked_on
from tests.core.commands import lines, start
from tests.core.conftest import write_config
from tests.core.run.checkpoint.test_resume import checkpoint, whole

E = TypeVar("E", bound=Event)
Config = dict[str, Any]
Follow = Callable[..., "Following"]

CHECKPOINT: Config = {"interval": 1000}
BROKEN: Config = {"provider": "simulated", "simulated": {"latency": 0.05, "malformed": 0.5}}


class Following:
    """Follows in a thread of its own; `events` are those told so far."""

    def __init__(self, job: Job, *, every: float, patience: float) -> None:
        self.events: list[Event] = []
        self.stop = Stop()
        self._thread = ThreadPoolExecutor(1)
        self._state: Future[RunState] = self._thread.submit(
            follow, job, emit=self.events.append, stop=self.stop, every=every, patience=patience
        )

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def until(self, kind: type[Event], times: int = 1) -> None:
        deadline = time.monotonic() + 60
        while len(self.of(kind)) < times:
            assert not self._state.done() and time.monotonic() < deadline, self.events
            time.sleep(0.01)

    def end(self) -> RunState:
        return self._state.result(timeout=60)

    def close(self) -> None:
        self.stop.request()
        self._thread.shutdown()


@pytest.fixture
def following(place: Path) -> Iterator[Follow]:
    begun: list[Following] = []

    def begin(*, every: float = 0.02, patience: float = 30.0, **changes: Any) -> Following:
        begun.append(Following(replace(job(place), **changes), every=every, patience=patience))
        return begun[-1]

    yield begin
    for one in begun:
        one.close()


def job(place: Path) -> Job:
    return Job(load((place / "config.yaml").read_text(), source="config.yaml").config, config_file=Path("config.yaml"))


def config(place: Path, *, samples: int = 24, latency: float = 0.05, **sections: Config) -> None:
    """Nine topics and some samples, four at once, by a model that takes its time."""
    output = {"num_samples": samples, "batch_size": 4, **sections.pop("output", {})}
    llm = {"provider": "simulated", "simulated": {"latency": latency}}
    write_config(place, **{"llm": llm, "output": output, **sections})


def finished(process: subprocess.Popen[str], code: int = 0) -> None:
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, out + err


def killed(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def journal_of(place: Path) -> Path:
    return place / "out/dataset.journal.jsonl"


def until_lines(path: Callable[[], Path], count: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if len(whole(path())) >= count:
                return
        except (StopIteration, FileNotFoundError):
            pass
        time.sleep(0.01)
    raise AssertionError(path)


def kinds(following: Following) -> list[type]:
    """The kinds of events in their order, each row of the same kind once."""
    found = [type(event) for event in following.events if not isinstance(event, CallAnswered)]
    return [kind for kind, before in zip(found, [None, *found], strict=False) if kind is not before]


def told_tokens(state: RunState) -> tuple[int, int]:
    before = state.resumed
    earlier = (before.prompt_tokens, before.completion_tokens) if before else (0, 0)
    return earlier[0] + state.prompt_tokens, earlier[1] + state.completion_tokens


def tokens_in(place: Path) -> int:
    """What the samples of the dataset took."""
    return sum(record["metadata"]["usage"]["completion_tokens"] for record in lines(place / "out/dataset.jsonl"))


# ---- with a checkpoint


def test_a_run_is_told_from_its_beginning_to_its_end(place: Path, following: Follow) -> None:
    config(place, output={"checkpoint": CHECKPOINT})
    one = following()
    process = start(place)
    state = one.end()
    finished(process)
    assert (state.ending, state.reason) == ("complete", "")
    assert (state.topics, state.leaves, state.topics_progress.done) == (13, 9, 12)
    assert state.samples_done == state.samples_progress.total == len(one.of(SampleFinished)) == 24
    assert kinds(one) == [
        *(RunStarted, StageStarted, TopicExpanded, StageFinished, FileWritten, TopicsReady),
        *(Resumed, StageStarted, SampleFinished, StageFinished, FileWritten, RunFinished),
    ]
    assert state.resumed and state.resumed.samples == 0 and state.resumed.completion_tokens > 0
    assert state.completion_tokens == tokens_in(place)


def test_samples_are_told_as_the_run_itself_tells_them(place: Path, following: Follow) -> None:
    config(place, output={"checkpoint": CHECKPOINT})
    one = following()
    finished(start(place))
    one.end()
    records = lines(place / "out/dataset.jsonl")
    told = {(event.topic_id, event.cycle): event for event in one.of(SampleFinished)}
    for record in records:
        event, metadata = told[record["metadata"]["topic_id"], record["metadata"]["cycle"]], record["metadata"]
        assert (event.path, event.attempts) == (tuple(metadata["topic_path"]), metadata["attempts"])
        assert (event.question, event.answer) == (record["question"][:500], record["final_answer"][:500])


def test_what_was_made_before_is_counted_and_not_told_again(place: Path, following: Follow) -> None:
    config(place, samples=60, output={"checkpoint": CHECKPOINT})
    process = start(place)
    until_lines(lambda: checkpoint(place, "jsonl"), 12)
    time.sleep(0.1)
    one = following(every=0.5)
    state = one.end()
    finished(process)
    assert state.ending == "complete"
    assert state.samples_done == 60
    before = state.samples_progress.done_before
    assert before + len(one.of(SampleFinished)) == 60


def test_a_resumed_run_counts_what_an_earlier_one_made(place: Path, following: Follow) -> None:
    config(place, samples=60, output={"checkpoint": CHECKPOINT})
    process = start(place)
    until_lines(lambda: checkpoint(place, "jsonl"), 12)
    killed(process)
    process = start(place, "--resume")
    deadline = time.monotonic() + 60
    while read_metadata(job(place).checkpoint_files()).process != process.pid and time.monotonic() < deadline:
        time.sleep(0.005)
    one = following()
    state = one.end()
    finished(process)
    assert state.samples_done == 60
    assert state.resumed and state.resumed.samples >= 12
    assert state.topics_source == str(job(place).checkpoint_files().topics)
    assert told_tokens(state)[1] >= tokens_in(place)
    assert not one.of(TopicExpanded)


def test_after_a_kill_it_ends_and_says_how_to_go_on(place: Path, following: Follow) -> None:
    config(place, samples=200, output={"checkpoint": CHECKPOINT})
    process = start(place, "--fresh")
    one = following()
    one.until(SampleFinished, 10)
    killed(process)
    state = one.end()
    assert state.ending == "stopped"
    assert state.reason.endswith("deepfabric generate config.yaml --resume")
    assert state.samples_done == len(whole(checkpoint(place, "jsonl")))
    assert any("Counted by the run itself" in notice for notice in state.notices)


def test_an_interrupted_run_is_told_at_once_with_where_it_stands(place: Path, following: Follow) -> None:
    config(place, samples=200, output={"checkpoint": CHECKPOINT})
    process = start(place)
    until_lines(lambda: checkpoint(place, "jsonl"), 10)
    process.send_signal(signal.SIGINT)
    finished(process, 130)
    made = whole(checkpoint(place, "jsonl"))
    folder = checkpoint(place, "jsonl").parent
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}
    state = following().end()
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()} == before
    assert state.ending == "stopped" and "--resume" in state.reason
    assert (state.samples_done, state.samples_progress.total) == (len(made), 200)
    assert told_tokens(state)[1] >= sum(line["usage"]["completion_tokens"] for line in made)
    assert str(folder) in [file.path for file in state.files]


def test_a_run_that_reached_its_budget_goes_on_with_a_larger_one(place: Path, following: Follow) -> None:
    config(place, latency=0.0, output={"checkpoint": CHECKPOINT})
    finished(start(place, "--max-calls", "9"), 3)
    reason = following().end().reason
    assert int(reason.split("--max-calls ")[1]) >= 18
    assert "--max-calls 9" not in reason


def test_failures_are_told_and_the_run_is_incomplete(place: Path, following: Follow) -> None:
    config(place, generation={"llm": BROKEN, "sample_retries": 0}, output={"checkpoint": CHECKPOINT})
    one = following()
    process = start(place)
    state = one.end()
    finished(process, 1)
    failed = lines(place / "out/dataset.failures.jsonl")
    assert (state.ending, state.reason) == ("incomplete", f"{len(failed)} samples failed")
    assert state.samples_failed == len(failed) > 0
    assert state.samples_done == 24 - len(failed)
    assert state.sample_failures == {FailureKind.INVALID_JSON: len(failed)}
    assert {(event.topic_id, event.cycle, event.message) for event in one.of(SampleFailed)} <= {
        (line["topic_id"], line["cycle"], line["error"]) for line in failed
    }


def test_a_run_that_only_grows_topics_is_complete_without_samples(place: Path, following: Follow) -> None:
    config(place, output={"checkpoint": CHECKPOINT})
    one = following()
    process = start(place, "--topic-only")
    state = one.end()
    finished(process)
    assert state.ending == "complete"
    assert (state.topics, state.samples_progress.started_at) == (13, None)


def test_a_run_too_quick_to_be_seen_is_told_from_its_dataset(place: Path, following: Follow) -> None:
    config(place, latency=0.0)
    one = following(every=3)
    time.sleep(0.2)
    finished(start(place))
    state = one.end()
    assert (state.ending, state.samples_done, state.samples_progress.total) == ("complete", 24, 24)


def test_a_torn_last_line_waits_for_its_rest(place: Path, following: Follow) -> None:
    config(place, samples=200, output={"checkpoint": CHECKPOINT})
    process = start(place)
    until_lines(lambda: checkpoint(place, "jsonl"), 10)
    killed(process)
    path = checkpoint(place, "jsonl")
    *kept, last = [line for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
    path.write_bytes(b"".join(kept) + last[:40])
    held = CheckpointLock(job(place).checkpoint_files())
    try:
        one = following()
        one.until(StageStarted)
        time.sleep(0.2)
        assert not one.of(SampleFinished)
        with path.open("ab") as file:
            file.write(last[40:])
        one.until(SampleFinished)
    finally:
        held.release()
    state = one.end()
    assert (state.samples_done, state.ending) == (len(kept) + 1, "stopped")


# ---- without a checkpoint


def test_without_a_checkpoint_samples_are_told_from_the_journal(place: Path, following: Follow) -> None:
    config(place)
    one = following()
    process = start(place)
    state = one.end()
    finished(process)
    assert (state.ending, state.reason) == ("complete", "")
    assert state.samples_done == state.samples_progress.total == len(one.of(SampleFinished)) == 24
    assert (state.topics, state.leaves) == (13, 9)
    assert state.completion_tokens == tokens_in(place)
    assert [file.role for file in state.files] == ["dataset"]


def test_without_a_checkpoint_a_run_is_joined_halfway(place: Path, following: Follow) -> None:
    config(place, samples=60)
    process = start(place)
    until_lines(lambda: journal_of(place), 12)
    one = following()
    state = one.end()
    finished(process)
    assert state.ending == "complete"
    assert state.resumed and state.resumed.samples >= 12
    assert state.samples_done == 60 == state.resumed.samples + len(one.of(SampleFinished))
    assert told_tokens(state)[1] == tokens_in(place)


def test_without_a_checkpoint_failures_are_told_at_the_end(place: Path, following: Follow) -> None:
    config(place, generation={"llm": BROKEN, "sample_retries": 0})
    one = following()
    process = start(place)
    state = one.end()
    finished(process, 1)
    failed = lines(place / "out/dataset.failures.jsonl")
    assert (state.ending, state.reason) == ("incomplete", f"{len(failed)} samples failed")
    assert (state.samples_done, state.samples_failed) == (24 - len(failed), len(failed))


def test_without_a_checkpoint_a_stopped_run_names_its_partial_dataset(place: Path, following: Follow) -> None:
    config(place, samples=200)
    one = following()
    process = start(place)
    one.until(SampleFinished, 10)
    process.send_signal(signal.SIGINT)
    finished(process, 130)
    state = one.end()
    assert state.ending == "stopped" and "dataset.partial.jsonl" in state.reason
    assert state.samples_done == len(lines(place / "out/dataset.partial.jsonl"))


def test_without_a_checkpoint_a_killed_run_is_followed_until_stopped(place: Path, following: Follow) -> None:
    config(place, samples=200)
    process = start(place)
    one = following()
    one.until(SampleFinished, 10)
    killed(process)
    time.sleep(0.2)
    one.stop.request()
    assert one.end().samples_done == len(whole(journal_of(place)))
    time.sleep(0.2)
    again = following(patience=0.1)
    with pytest.raises(ConfigError, match="No run of this config is under way"):
        again.end()


def test_an_old_and_empty_journal_is_not_what_is_followed(place: Path, following: Follow) -> None:
    config(place)
    journal_of(place).parent.mkdir()
    journal_of(place).write_text("")
    os.utime(journal_of(place), (1, 1))
    one = following()
    process = start(place)
    assert one.end().samples_done == 24
    finished(process)
    assert sorted(path.name for path in journal_of(place).parent.iterdir()) == ["dataset.jsonl", "topics.jsonl"]


# ---- whatever is kept


@pytest.mark.parametrize("kept", [{}, {"checkpoint": CHECKPOINT}], ids=["plain", "checkpoint"])
def test_stop_ends_the_following_and_leaves_the_run_alone(place: Path, following: Follow, kept: Config) -> None:
    config(place, samples=60, output=kept)
    one = following()
    process = start(place)
    one.until(SampleFinished, 5)
    one.stop.request()
    state = one.end()
    assert (state.ending, state.reason) == ("stopped", "no longer followed; the run itself is left alone")
    finished(process)
    assert len(lines(place / "out/dataset.jsonl")) == 60


def test_where_nothing_is_under_way_a_sentence_says_where_it_was_looked(place: Path, following: Follow) -> None:
    config(place)
    one = following(patience=0.1)
    with pytest.raises(ConfigError) as problem:
        one.end()
    assert "out/dataset.journal.jsonl" in str(problem.value)
    assert str(job(place).checkpoint_files().folder) in str(problem.value)
    assert not (place / "data").exists()


def test_a_wait_for_a_run_can_be_stopped(place: Path, following: Follow) -> None:
    config(place)
    one = following()
    one.stop.request()
    assert one.end().ending == "stopped"


def test_fifty_thousand_lines_are_counted_and_not_told(place: Path, following: Follow) -> None:
    config(place, samples=60_000)
    head = {"cycle": 0, "model": "m", "attempts": 1, "usage": {"prompt_tokens": 2, "completion_tokens": 3, "cost": 0}}
    record = {"messages": [], "question": "q" * 1500, "final_answer": "a" * 1500}
    journal_of(place).parent.mkdir()
    with journal_of(place).open("w") as file:
        for number in range(50_000):
            file.write(json.dumps({"topic_id": f"{number}", **head, "sample": record}) + "\n")
    began = time.process_time()
    one = following()
    one.until(StageStarted)
    one.stop.request()
    state = one.end()
    assert time.process_time() - began < 10
    assert state.samples_done == 50_000
    assert told_tokens(state) == (100_000, 150_000)
    assert len(one.events) < 10


def test_looking_whether_a_checkpoint_is_worked_on_never_stands_in_a_runs_way(place: Path) -> None:
    config(place, output={"checkpoint": CHECKPOINT})
    checkpoint_files = job(place).checkpoint_files()
    CheckpointLock(checkpoint_files).release()
    over, looks = threading.Event(), list[bool]()

    def look() -> None:
        while not over.is_set():
            looks.append(is_worked_on(checkpoint_files))

    with ThreadPoolExecutor(1) as thread:
        looking = thread.submit(look)
        try:
            for _ in range(500):
                held = CheckpointLock(checkpoint_files)
                assert is_worked_on(checkpoint_files)
                held.release()
        finally:
            over.set()
        looking.result()
    assert not is_worked_on(checkpoint_files)
    assert len(looks) > 10
