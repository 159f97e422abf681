"""Whole runs on a cluster: the same dataset as of one process, whatever dies meanwhile."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from deepfabric_core import Job, RunState, Stop, load
from deepfabric_core.cluster.generate import generate
from deepfabric_core.errors import ConfigError
from deepfabric_core.events import Event, Notice, SampleFinished, SamplesCounted
from deepfabric_core.run.results import results
from deepfabric_core.store.trace_log import read_trace
from tests.answers import reply_by_messages
from tests.cluster.conftest import kill_process_of
from tests.provider import Faults, LocalProvider

# Calls in flight that are made again after something died.
_WIDTH = 12


@dataclass
class WhenHalfDone:
    """An observer that does something, once, when samples have come."""

    act: Callable[[], object]
    counted: int = 0

    def __call__(self, event: Event) -> None:
        if isinstance(event, SamplesCounted):
            self.counted += 1
            if self.counted == 3:
                self.act()


def done(job: Job, emit: Callable[[Event], None] = lambda _: None, stop: Stop | None = None) -> RunState:
    problems: list[Exception] = []

    def observe(event: Event) -> None:
        try:
            emit(event)
        except Exception as problem:  # noqa: BLE001 - a run goes on without an observer that fails
            problems.append(problem)

    state = asyncio.run(generate(job, emit=observe, stop=stop or Stop()))
    assert not problems
    assert not isinstance(emit, WhenHalfDone) or emit.counted >= 3
    return state


def local(job: Job, tmp_path: Path) -> bytes:
    """The dataset that one process makes."""
    output = job.config.output.model_copy(update={"save_as": str(tmp_path / "local.jsonl")})
    config = job.config.model_copy(update={"run": type(job.config.run)(), "output": output})
    assert done(replace(job, config=config, checkpoint_path=None)).ending == "complete"
    return (tmp_path / "local.jsonl").read_bytes()


def keys(dataset: bytes) -> list[tuple[str, int]]:
    """The topic and the cycle of each sample."""
    told = (json.loads(line)["metadata"] for line in dataset.splitlines())
    return [(one["topic_id"], one["cycle"]) for one in told]


def test_the_dataset_is_that_of_one_process(cluster: Any, job: Job, server: LocalProvider, tmp_path: Path) -> None:
    state = done(job)
    assert (state.ending, state.samples_done, state.calls) == ("complete", 400, 400)
    assert server.counts.peak_in_flight == _WIDTH
    assert job.dataset.read_bytes() == local(job, tmp_path)
    assert not job.shards.path.exists()


def test_the_last_shard_is_made_with_all_places(cluster: Any, job: Job, server: LocalProvider) -> None:
    run = job.config.run.model_copy(update={"workers": 2, "shard_size": 140})
    made, server.faults = [0], Faults(latency=0.15)

    def observe(event: Event) -> None:
        before = made[0]
        made[0] += event.made if isinstance(event, SamplesCounted) else isinstance(event, SampleFinished)
        if before <= 285 < made[0]:  # of 400 in three shards
            server.counts.peak_in_flight = 0

    done(replace(job, config=job.config.model_copy(update={"run": run})), observe)
    assert made == [400]
    assert _WIDTH / 2 < server.counts.peak_in_flight <= _WIDTH


def test_the_trace_has_the_calls_of_all_workers(cluster: Any, job: Job, server: LocalProvider, tmp_path: Path) -> None:
    job, stop = replace(job, trace=tmp_path / "calls.jsonl"), Stop()
    assert done(job, WhenHalfDone(stop.request), stop).ending == "stopped"
    trace = read_trace(tmp_path / "calls.jsonl")
    assert len(trace.calls) == server.counts.requests
    assert done(replace(job, resume=True)).ending == "complete"
    trace = read_trace(tmp_path / "calls.jsonl")
    assert (len(trace.sessions), len(trace.calls), trace.damaged) == (2, 400, ())
    assert {call.stage for call in trace.calls} == {"samples"}


def test_a_cluster_that_does_not_answer_is_told_of_before_anything_is_asked(job: Job, server: LocalProvider) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # nobody listens there
        run = job.config.run.model_copy(update={"address": f"127.0.0.1:{held.getsockname()[1]}"})
        with pytest.raises(ConfigError, match=r"No Ray cluster answers at 127\.0\.0\.1"):
            done(replace(job, config=job.config.model_copy(update={"run": run}), topics_load=None))
    assert server.counts.requests == 0


def test_a_server_that_is_down_is_told_of_once_and_costs_no_sample(
    cluster: Any, job: Job, server: LocalProvider
) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # nobody listens there
        down = f"http://127.0.0.1:{held.getsockname()[1]}/v1"
        llm = job.config.generation.llm.model_copy(update={"base_url": (down, server.base_url)})
        generation = job.config.generation.model_copy(update={"llm": llm})
        said: list[str] = []
        state = done(
            replace(job, config=job.config.model_copy(update={"generation": generation})),
            lambda event: said.append(event.message) if isinstance(event, Notice) else None,
        )
    assert (state.ending, state.samples_done, server.counts.requests) == ("complete", 400, 400)
    assert said == [f"{down[7:-3]} is left out until it answers again: connection"]
    assert len(set(keys(job.dataset.read_bytes()))) == 400


def test_a_run_that_was_stopped_goes_on(cluster: Any, job: Job, server: LocalProvider, tmp_path: Path) -> None:
    stop = Stop()
    first = done(job, WhenHalfDone(stop.request), stop)
    assert first.ending == "stopped" and 0 < first.samples_done < 400
    assert not job.dataset.exists()
    assert len(results(job).samples) == first.samples_done, "what was made can be looked at"
    second = done(replace(job, resume=True))
    assert (second.ending, second.samples_done, second.calls_of_all_sessions) == ("complete", 400, 400)
    assert server.counts.requests == 400
    assert job.dataset.read_bytes() == local(job, tmp_path)


def test_a_finished_run_that_is_run_again_makes_nothing_and_keeps_its_dataset(
    cluster: Any, job: Job, server: LocalProvider, tmp_path: Path
) -> None:
    kept = replace(job, keep=True)
    assert done(kept).ending == "complete"
    made = job.dataset.read_bytes()
    assert done(replace(kept, resume=True)).ending == "complete"
    assert server.counts.requests == 400
    assert {path.name: path.read_bytes() for path in tmp_path.glob("cluster*.jsonl")} == {job.dataset.name: made}


def test_topics_that_could_not_be_expanded_stay_as_they_are_once_samples_are_made(
    cluster: Any, settings: str, server: LocalProvider, tmp_path: Path
) -> None:
    wanted = json.loads(settings)
    wanted["topics"] |= {"degree": 3, "depth": 3, "max_retries": 0, "save_as": str(tmp_path / "topics.jsonl")}
    wanted["topics"]["llm"] = {"provider": "simulated", "simulated": {"malformed": 0.4}}
    job = Job(load(json.dumps(wanted), source="here").config, checkpoint_path=tmp_path / "checkpoint")
    first = done(job)
    assert (first.ending, first.samples_done) == ("incomplete", 400) and first.failed_expansions
    made, notices = job.dataset.read_bytes(), list[str]()
    again = done(
        replace(job, resume=True, retry_failed=True),
        lambda event: notices.append(event.message) if isinstance(event, Notice) else None,
    )
    assert (again.ending, again.samples_done, server.counts.requests) == ("incomplete", 400, 400)
    assert any("could not be expanded stay as they are" in one for one in notices)
    assert job.dataset.read_bytes() == made


def test_a_run_may_be_started_from_a_machine_that_is_none_of_the_cluster(
    client_address: str, job: Job, settings: str, server: LocalProvider, tmp_path: Path
) -> None:
    command = generating(job, settings, tmp_path, client_address)
    ended = subprocess.run([*command, "--max-calls", "400"], check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert (server.counts.requests, server.counts.peak_in_flight) == (400, _WIDTH)
    assert job.dataset.read_bytes() == local(job, tmp_path)


def generating(job: Job, settings: str, tmp_path: Path, address: str) -> list[str]:
    """The command line for the job of a config."""
    config = tmp_path / "tea.json"
    config.write_text(settings, encoding="utf-8")
    command = [sys.executable, "-m", "deepfabric_core", "generate", str(config), "--topics-load", str(job.topics_load)]
    return [*command, "--address", address, "--checkpoint-path", str(job.checkpoint_path)]


def test_a_driver_that_is_killed_costs_the_calls_in_flight_at_most(
    cluster: Any, job: Job, settings: str, server: LocalProvider, tmp_path: Path
) -> None:
    command = generating(job, settings, tmp_path, cluster.address)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while server.counts.answered < 200 and process.poll() is None:
            time.sleep(0.05)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert subprocess.run([*command, "--resume"], check=False, capture_output=True).returncode == 0
    assert 400 <= server.counts.requests <= 400 + _WIDTH
    assert job.dataset.read_bytes() == local(job, tmp_path)


def test_weights_that_changed_are_refused_before_anything_is_paid(
    cluster: Any, job: Job, server: LocalProvider, tmp_path: Path
) -> None:
    def weighted(weights: dict[str, float]) -> Job:
        topics = job.config.topics.model_copy(update={"weights": weights})
        return replace(job, config=job.config.model_copy(update={"topics": topics}))

    stop = Stop()
    assert done(weighted({"branch 1": 3.0}), WhenHalfDone(stop.request), stop).ending == "stopped"
    paid = server.counts.requests
    for weights in ({"branch 1": 2.0}, {}):
        with pytest.raises(ConfigError, match=r"^topics.weights: the weights of topics have changed.*--fresh\.$"):
            done(replace(weighted(weights), resume=True))
    assert server.counts.requests == paid
    assert done(replace(weighted({"branch 1": 3.0}), resume=True)).ending == "complete"
    assert server.counts.requests == 400
    assert keys(job.dataset.read_bytes()) == keys(local(weighted({"branch 1": 3.0}), tmp_path))


@dataclass
class Repeating:
    """Answers some first requests about branch 9 as if they were about branch 0, which is in another shard."""

    left: int = 20

    def __call__(self, request: dict[str, Any]) -> str:
        said = json.dumps(request)
        if "branch 9" not in said or not self.left:
            return reply_by_messages(request)
        self.left -= 1
        return reply_by_messages(json.loads(said.replace("branch 9", "branch 0")))


@pytest.mark.parametrize(
    ("reply", "dies"),
    [(Repeating(), False), (Repeating(), True)],
    ids=["all live", "the process that compares dies"],
)
def test_samples_that_repeat_one_of_another_worker_are_made_again(
    cluster: Any, job: Job, server: LocalProvider, dies: bool
) -> None:
    made, killed, said = 0, False, list[str]()

    def observe(event: Event) -> None:
        nonlocal made, killed
        if isinstance(event, SampleFinished | SamplesCounted):
            before, made = made, made + (event.made if isinstance(event, SamplesCounted) else 1)
            if dies and before < 400 <= made and not killed:
                kill_process_of("KeeperActor")
                killed = True
        elif isinstance(event, Notice):
            said.extend([event.message] * ("made again" in event.message))

    state = done(job, observe)
    assert (state.ending, state.samples_done, killed) == ("complete", 400, dies)
    assert said == ["20 samples repeat some that other workers have made: they are made again"]
    samples = [json.loads(line)["messages"] for line in job.dataset.read_bytes().splitlines()]
    assert len({json.dumps(one) for one in samples}) == 400
    assert 420 <= server.counts.requests <= 420 + _WIDTH


@pytest.mark.parametrize("name", ["WorkerActor", "KeeperActor"])
def test_a_process_that_dies_costs_the_calls_in_flight_at_most(
    cluster: Any, job: Job, server: LocalProvider, tmp_path: Path, name: str
) -> None:
    state = done(job, WhenHalfDone(lambda: kill_process_of(name)))
    assert (state.ending, state.samples_done) == ("complete", 400)
    assert 400 <= server.counts.requests <= 400 + _WIDTH
    assert any(" is lost: another process goes on" in notice for notice in state.notices) == (name == "WorkerActor")
    assert job.dataset.read_bytes() == local(job, tmp_path)


def test_a_process_that_takes_the_place_of_another_in_a_pause_begins_no_call(
    cluster: Any, job: Job, server: LocalProvider
) -> None:
    stop = Stop()

    async def paused_for_a_while() -> tuple[RunState, int]:
        making = asyncio.ensure_future(generate(job, emit=WhenHalfDone(stop.pause), stop=stop))
        while not stop.paused:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.05)
        await asyncio.sleep(1.0)  # what was in flight ends
        before = server.counts.requests
        for name in ("WorkerActor", "KeeperActor"):
            kill_process_of(name)
        await asyncio.sleep(6.0)
        made = server.counts.requests - before
        stop.go_on()
        return await making, made

    state, made = asyncio.run(paused_for_a_while())
    assert (state.ending, state.samples_done, made) == ("complete", 400, 0)


def test_a_node_that_dies_costs_the_calls_in_flight_at_most(
    cluster: Any, job: Job, server: LocalProvider, tmp_path: Path
) -> None:
    node = cluster.add_node(num_cpus=2)
    state = done(job, WhenHalfDone(lambda: cluster.remove_node(node, allow_graceful=False)))
    assert (state.ending, state.samples_done) == ("complete", 400)
    assert server.counts.requests <= 400 + _WIDTH
    assert job.dataset.read_bytes() == local(job, tmp_path)


def test_a_rate_limit_is_one_for_all_workers_together(cluster: Any, job: Job, server: LocalProvider) -> None:
    limits = job.config.generation.rate_limit.model_copy(update={"requests_per_minute": 1200})
    output = job.config.output.model_copy(update={"num_samples": 100})
    generation = job.config.generation.model_copy(update={"rate_limit": limits})
    config = job.config.model_copy(update={"generation": generation, "output": output})
    assert done(replace(job, config=config)).ending == "complete"
    first, last = server.counts.first_at, server.counts.last_at
    assert first is not None and last is not None
    assert 99 / (last - first) < 22


def test_a_budget_is_held_by_all_workers_together(cluster: Any, job: Job, server: LocalProvider) -> None:
    budget = type(job.config.budget)(calls=100)
    job = replace(job, config=job.config.model_copy(update={"budget": budget}))
    state = done(job)
    assert (state.ending, state.samples_done, server.counts.requests) == ("budget", 100, 100)
    assert state.budget is not None and state.budget.spent.calls == 100


def test_ray_takes_none_of_a_runs_time_as_it_is_started_and_is_not_started_for_a_spent_budget(
    job: Job, settings: str, server: LocalProvider, tmp_path: Path
) -> None:
    (tmp_path / "tea.json").write_text(settings, encoding="utf-8")
    command = [sys.executable, "-m", "deepfabric_core", "generate", str(tmp_path / "tea.json"), "--workers", "1"]
    command += ["--topics-load", str(job.topics_load), "--checkpoint-path", str(job.checkpoint_path)]
    began, server.faults = time.monotonic(), Faults(latency=0.2)
    first = subprocess.run([*command, "--max-time", "1.5s"], check=False, capture_output=True, text=True)
    assert (first.returncode, "Ray is started" in first.stderr) == (3, True), first.stderr
    assert time.monotonic() - began > 3
    assert 0 < server.counts.requests <= 120, "as many as are made in some 1.5 s"
    made = server.counts.requests
    command += ["--resume", "--max-calls", str(made)]
    spent = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (spent.returncode, "Ray is started" in spent.stderr) == (3, False), spent.stderr
    assert f"{made} of {made} calls are made" in spent.stderr + spent.stdout
    assert server.counts.requests == made


def test_topics_cannot_be_changed_once_samples_are_made_in_shards(
    cluster: Any, job: Job, server: LocalProvider, tmp_path: Path
) -> None:
    stop, other = Stop(), tmp_path / "other.jsonl"
    assert done(job, WhenHalfDone(stop.request), stop).ending == "stopped"
    paid = server.counts.requests
    other.write_text("".join(f'{{"path": ["Tea", "leaf {one}"]}}\n' for one in range(90)), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"leave --topics-load out, or begin anew by --fresh"):
        done(replace(job, topics_load=other, resume=True, accept_changes=True))
    assert server.counts.requests == paid
    assert done(replace(job, resume=True, accept_changes=True)).ending == "complete"


def test_a_budget_is_kept_though_the_keeper_and_a_worker_die_and_their_calls_count_at_the_worst_case(
    cluster: Any, job: Job, server: LocalProvider
) -> None:
    def both() -> None:
        kill_process_of("WorkerActor")
        kill_process_of("KeeperActor")

    budget = type(job.config.budget)(calls=200)
    job = replace(job, config=job.config.model_copy(update={"budget": budget}))
    state = done(job, WhenHalfDone(both))
    assert state.ending == "budget"
    assert 200 - 2 * _WIDTH <= state.samples_done <= server.counts.requests <= 200
    assert state.budget is not None and state.budget.spent.calls is not None
    assert server.counts.requests <= state.budget.spent.calls <= 200
    assert state.budget.unanswered.calls is not None and state.budget.unanswered.calls <= 2 * _WIDTH
