"""Runs on Ray, where there is no Ray, and the work of one shard."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from deepfabric_core import Job, Stop, load
from deepfabric_core.chat.messages import Reply, Request
from deepfabric_core.chat.trace import trace_in
from deepfabric_core.cluster.driver import make_samples
from deepfabric_core.cluster.generate import generate
from deepfabric_core.cluster.reports import Progress, Reporter, events_of
from deepfabric_core.cluster.shard_sizes import workers_fact
from deepfabric_core.cluster.shard_storage import ShardStorage, worked_on
from deepfabric_core.cluster.validate import validate
from deepfabric_core.cluster.worker import ShardTask, make_shard, shard_job
from deepfabric_core.config.llm import Llm
from deepfabric_core.config.run_engine import RunEngine
from deepfabric_core.config.schema import Generation
from deepfabric_core.errors import ConfigError
from deepfabric_core.events import Emit, StageStarted
from deepfabric_core.llm.connect import CallPolicy, connect
from deepfabric_core.llm.model import ChatModel
from deepfabric_core.run.estimate.estimate import estimate
from deepfabric_core.run.job import plan_of
from deepfabric_core.run.pipeline import Connect, SamplesWork
from deepfabric_core.run.pipeline import generate as generate_shard
from deepfabric_core.run.state import RunState, reduce
from deepfabric_core.samples.shards import Layout, Shard, topics_of
from deepfabric_core.stop import Stopped
from deepfabric_core.store.shard_files import ShardFiles, ShardsFolder
from deepfabric_core.store.topics_file import TopicsFile, load_topics

KEY = "sk-of-nobody-1234567890"


@pytest.fixture
def job(tmp_path: Path) -> Job:
    (tmp_path / "topics.jsonl").write_text(
        "".join(f'{{"path": ["Tea", "t{n}"]}}\n' for n in range(6)), encoding="utf-8"
    )
    text = f"""
        topics: {{prompt: Tea}}
        generation: {{system_prompt: You teach.}}
        llm: {{provider: simulated, model: s}}
        quality: {{duplicates: false}}
        output: {{save_as: "{tmp_path}/tea.jsonl", num_samples: 15, batch_size: 4}}
        run: {{engine: ray}}
    """
    return Job(load(text, source="here").config, topics_load=tmp_path / "topics.jsonl")


def done(job: Job) -> RunState:
    return asyncio.run(generate(job, emit=lambda _: None, stop=Stop()))


def only_shard(job: Job, tmp_path: Path) -> tuple[Shard, ShardFiles]:
    """The whole plan as one shard, whose topics are in its folder."""
    topics = load_topics(tmp_path / "topics.jsonl")[0]
    (shard,) = Layout(6).shards(plan_of(job, topics).shares)
    files = ShardsFolder(tmp_path / "shards").shard(0)
    TopicsFile(files.topics, {}).save(topics)
    return shard, files


@pytest.mark.parametrize(
    ("run", "said"),
    [
        ({"engine": "ray", "workers": 1}, "1 worker of Ray, started on this machine"),
        ({"engine": "ray", "address": "auto"}, "4 workers of the Ray cluster that this machine belongs to"),
        ({"engine": "ray", "address": "head:6379", "workers": 9}, "9 workers of the Ray cluster at head:6379"),
        ({"workers": 9}, None),
    ],
)
def test_a_plan_says_who_makes_the_samples(job: Job, run: dict[str, Any], said: str | None) -> None:
    config = job.config.model_copy(update={"run": RunEngine.model_validate(run)})
    assert dict(workers_fact(config)).get("Made by") == said


def test_keys_of_workers_are_told_to_have_no_effect_in_one_process() -> None:
    text = "topics: {prompt: Tea}\nllm: {provider: demo, model: d}\ngeneration: {system_prompt: You teach.}\n"
    text += "output: {save_as: tea.jsonl}\nrun: {workers: 4, shard_size: 9, address: auto}\n"
    keys = ("workers", "shard_size", "address")
    said = [f"tea.yaml, line 5: run.{key} has no effect without run.engine: ray." for key in keys]
    assert list(load(text, source="tea.yaml").notices) == said
    served = text.replace("provider: demo", "provider: ray-vllm")
    assert list(load(served, source="tea.yaml").notices) == said[:2], "its model is on the cluster of the address"
    by_ray = text.replace("workers: 4", "engine: ray, workers: 4")
    assert not load(by_ray, source="tea.yaml").notices
    assert not load(by_ray, source="tea.yaml", overrides={"run.engine": "local"}).notices, "as was asked for, for once"


@pytest.mark.skipif(importlib.util.find_spec("ray") is not None, reason="Ray is installed")
def test_without_ray_the_command_to_install_it_is_told(job: Job) -> None:
    with pytest.raises(ConfigError, match=r"isn't installed: pip install 'deepfabric-nb\[ray\]'"):
        done(job)
    with pytest.raises(ConfigError, match=r"isn't installed"):
        validate(job, print)


def test_shards_made_by_workers_hold_the_samples_of_the_whole_run(job: Job, tmp_path: Path) -> None:
    local = job.config.model_copy(update={"run": type(job.config.run)()})
    done(replace(job, config=local))
    folder, topics = ShardsFolder(tmp_path / "shards"), load_topics(tmp_path / "topics.jsonl")[0]
    state, made = RunState(), []
    for shard in Layout(4).shards(plan_of(job, topics).shares):
        files = folder.shard(shard.number)
        TopicsFile(files.topics, {}).save(topics_of(topics, shard))
        reporter = Reporter(shard.number)
        task = ShardTask(shard_job(job, shard, files), files, str(Path.cwd()))
        outcome = asyncio.run(make_shard(task, None, reporter, Stop()))
        assert outcome.finished and files.finished() == outcome.totals
        made += files.dataset.read_text(encoding="utf-8").splitlines()
        for event in events_of(reporter.report(), Progress()):
            state = reduce(state, event)
    assert sorted(made) == sorted((tmp_path / "tea.jsonl").read_text(encoding="utf-8").splitlines())
    assert (state.samples_done, state.answered) == (15, 15)
    totals = folder.totals()
    assert (totals.made, totals.failed, totals.calls) == (15, 0, 15)


def test_the_calls_of_a_shard_are_lines_of_a_trace_without_keys(job: Job, tmp_path: Path) -> None:
    shard, files = only_shard(job, tmp_path)
    config = job.config.model_copy(update={"generation": with_key(job.config.generation)})
    traced = Reporter(0)
    task = ShardTask(shard_job(replace(job, config=config), shard, files), files, str(Path.cwd()), is_traced=True)
    assert asyncio.run(make_shard(task, None, traced, Stop())).finished
    lines = traced.report().trace
    header = b'{"trace": 1, "started_at": 1.0}\n'
    calls = trace_in([header, *lines], "here").calls
    assert (len(calls), {call.stage for call in calls}) == (15, {"samples"})
    assert not traced.report().trace
    assert b"sk-of-nobody" not in b"".join(lines)


def with_key(generation: Generation) -> Generation:
    """Settings with a key, which the system prompt repeats."""
    llm = generation.llm.model_copy(update={"headers": {"X-Key": KEY}})
    return generation.model_copy(update={"llm": llm, "system_prompt": f"You teach. {KEY}"})


def test_a_shard_that_was_stopped_goes_on_where_it_was(job: Job, tmp_path: Path) -> None:
    shard, files = only_shard(job, tmp_path)
    task = ShardTask(shard_job(job, shard, files), files, str(Path.cwd()))
    stop, reporter = Stop(), Reporter(0)
    stop.request()
    assert not asyncio.run(make_shard(task, None, reporter, stop)).finished
    assert files.finished() is None
    assert asyncio.run(make_shard(task, None, Reporter(0), Stop())).totals.made == 15
    assert len([json.loads(line) for line in files.dataset.read_text(encoding="utf-8").splitlines()]) == 15


def test_a_shard_whose_budget_ends_before_its_worker_hears_of_it_is_unfinished(job: Job, tmp_path: Path) -> None:
    shard, files = only_shard(job, tmp_path)
    one = shard_job(job, shard, files)
    state = asyncio.run(generate_shard(one, emit=lambda _: None, stop=Stop(), connect=with_calls_left(4)))
    assert state.ending == "stopped" and state.samples_done == 4
    assert not files.dataset.exists() and files.totals().made == 4
    task = ShardTask(one, files, str(Path.cwd()))
    assert asyncio.run(make_shard(task, None, Reporter(0), Stop())).totals.made == 15


def test_a_shard_whose_worker_died_before_it_left_the_mark_is_finished_without_a_call(job: Job, tmp_path: Path) -> None:
    shard, files = only_shard(job, tmp_path)
    task = ShardTask(shard_job(job, shard, files), files, str(Path.cwd()))
    first = asyncio.run(make_shard(task, None, Reporter(0), Stop()))
    files.mark.unlink()
    assert asyncio.run(make_shard(task, None, Reporter(0), Stop())) == first


def with_calls_left(count: int) -> Connect:
    """Connects to a model that has a budget of so many calls, which is kept elsewhere."""
    left = count

    @dataclass
    class Model:
        model: ChatModel

        @property
        def name(self) -> str:
            return self.model.name

        async def complete(self, request: Request) -> Reply:
            nonlocal left
            if left <= 0:
                raise Stopped
            left -= 1
            return await self.model.complete(request)

        async def close(self) -> None:
            """It is closed by whoever opened it."""

    @asynccontextmanager
    async def connected(settings: Llm, policy: CallPolicy, emit: Emit, stop: Stop) -> AsyncIterator[ChatModel]:
        async with connect(settings, policy, emit, stop) as model:
            yield Model(model)

    return connected


def test_what_a_cluster_has_begun_is_not_gone_on_with_by_one_process(job: Job, tmp_path: Path) -> None:
    job.shards.keep_layout(Layout(4))
    local = job.config.model_copy(update={"run": type(job.config.run)()})
    with pytest.raises(ConfigError, match="go on with --engine ray"):
        done(replace(job, config=local, resume=True))


def test_what_shards_hold_counts_for_the_estimate_and_for_who_has_to_decide(job: Job) -> None:
    async def first_shard(work: SamplesWork) -> None:
        folder, layout = work.job.shards, Layout(3)
        shard = next(iter(layout.shards(plan_of(work.job, work.topics).shares)))
        files = folder.shard(shard.number)
        folder.keep_layout(layout)
        TopicsFile(files.topics, {}).save(topics_of(work.topics, shard))
        task = ShardTask(shard_job(work.job, shard, files), files, str(Path.cwd()))
        assert (await make_shard(task, None, Reporter(0), Stop())).finished
        work.checkpoint.shards(15, folder.totals())
        work.sink(StageStarted("samples", 15, 4, 0.0, folder.totals().made))
        await work.checkpoint.save()
        work.stop.request()

    job = replace(job, checkpoint_path=job.dataset.parent / "checkpoint")
    ended = asyncio.run(generate_shard(job, emit=lambda _: None, stop=Stop(), make_samples=first_shard))
    made = job.shards.totals().made
    assert ended.ending == "stopped" and 0 < made < 15
    with pytest.raises(ConfigError, match=f"tea.jsonl, {made} of 15 samples, last saved"):
        asyncio.run(generate_shard(job, emit=lambda _: None, stop=Stop(), make_samples=first_shard))
    expected = estimate(replace(job, resume=True))
    assert (expected.spent.calls, round(expected.total.calls.likely)) == (made, 15)
    shutil.rmtree(job.shards.path)
    resumed = generate_shard(replace(job, resume=True), emit=lambda _: None, stop=Stop(), make_samples=make_samples)
    with pytest.raises(ConfigError, match=rf"tea.shards isn't there, which held {made} samples: put it back"):
        asyncio.run(resumed)


def test_a_stored_shard_goes_on_on_another_machine_with_what_was_paid(job: Job, tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    shard, files = only_shard(job, tmp_path)
    storage = ShardStorage(f"file://{tmp_path}/stored", "run")

    async def stopped_after_four() -> None:
        async with worked_on(storage, "0000") as here:
            shutil.copy(files.topics, here.topics)
            one = shard_job(job, shard, here)
            await generate_shard(one, emit=lambda _: None, stop=Stop(), connect=with_calls_left(4))

    asyncio.run(stopped_after_four())
    reporter = Reporter(0)
    task = ShardTask(shard_job(job, shard, files), files, str(Path.cwd()), (storage.address, storage.run))
    outcome = asyncio.run(make_shard(task, None, reporter, Stop()))
    assert outcome.finished and outcome.totals.made == outcome.totals.calls == 15
    storage.mirror(files).pull()
    assert files.finished() == outcome.totals
    assert len(files.dataset.read_text(encoding="utf-8").splitlines()) == 15
