"""Rate limits end to end: the command line and the Python interface against the local server."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

import deepfabric_core
from deepfabric_core.events import LimiterChanged
from tests import ROOT
from tests.core.commands import keys, lines
from tests.core.conftest import Run, local_llm, write_config
from tests.provider import Faults, LocalProvider

# Topics cost the server nothing: what it counts are samples.
TOPICS = {"llm": {"provider": "simulated"}, "save_as": "out/topics.jsonl"}


def wanted(server: LocalProvider, place: Path, samples: int, calls: int, **llm: object) -> str:
    own: dict[str, Any] = {"llm": {**local_llm(server), **llm}, "rate_limit": {"base_delay": 0.02}}
    output = {"save_as": "out/dataset.jsonl", "num_samples": samples, "batch_size": calls}
    return write_config(place, topics=TOPICS, generation=own, output=output)


def test_a_hundred_requests_a_second_are_used_and_hardly_overstepped(
    place: Path, deepfabric: Run, provider: LocalProvider
) -> None:
    provider.faults = Faults(requests_per_second=100, latency=0.05, retry_after=1.0)
    done = deepfabric("generate", wanted(provider, place, 300, 64))
    assert done.returncode == 0, done.stdout + done.stderr
    found = keys(place / "out/dataset.jsonl")
    assert len(found) == len(set(found)) == 300
    assert provider.counts.rate_limited <= 0.35 * 300
    assert (provider.counts.last_answer_at or 0) - (provider.counts.first_at or 0) < 2 * 300 / 100


def test_two_runs_in_one_process_are_as_polite_as_one(place: Path, provider: LocalProvider) -> None:
    provider.faults = Faults(max_in_flight=8, latency=0.05, retry_after=0.2)
    told: list[deepfabric_core.Event] = []

    async def run(name: str) -> deepfabric_core.RunState:
        config = yaml.safe_load((place / wanted(provider, place, 120, 32)).read_text(encoding="utf-8"))
        config["output"]["save_as"], config["topics"]["save_as"] = f"{name}.jsonl", f"{name}_topics.jsonl"
        job = deepfabric_core.Job(deepfabric_core.load(yaml.safe_dump(config), source=name).config)
        return await deepfabric_core.generate(job, emit=told.append, stop=deepfabric_core.Stop())

    async def both() -> tuple[deepfabric_core.RunState, ...]:
        return await asyncio.gather(run("one"), run("other"))

    assert [state.ending for state in asyncio.run(both())] == ["complete", "complete"]
    assert [len(lines(place / f"{name}.jsonl")) for name in ("one", "other")] == [120, 120]
    assert provider.counts.rate_limited <= 0.35 * 240  # 36 of the first 44
    assert any(isinstance(event, LimiterChanged) and event.bound not in ("nothing", "ceiling") for event in told)


def test_one_hanging_call_in_two_hundred_costs_one_timeout(
    place: Path, deepfabric: Run, provider: LocalProvider
) -> None:
    provider.faults = Faults(hang=0.005, latency=0.01)
    began = time.monotonic()
    done = deepfabric("generate", wanted(provider, place, 400, 32, timeout=1.0))
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(lines(place / "out/dataset.jsonl")) == 400
    assert provider.counts.hung > 0
    assert time.monotonic() - began < 6


def test_a_wrong_key_ends_the_run_after_a_few_calls_and_one_sentence(
    place: Path, deepfabric: Run, provider: LocalProvider
) -> None:
    provider.faults = Faults(status=401, error_code="invalid_api_key")
    done = deepfabric("generate", wanted(provider, place, 300, 64), OPENAI_API_KEY="sk-wrong")
    assert done.returncode == 1
    assert provider.counts.requests <= 64
    assert "Traceback" not in done.stderr
    assert done.stdout.count("Incorrect API key provided; check the API key") == 1


def test_ctrl_c_while_everything_waits_for_the_provider_ends_at_once(place: Path, provider: LocalProvider) -> None:
    provider.faults = Faults(rate_limited=1.0, retry_after=60.0)
    command = [sys.executable, "-m", "deepfabric_core", "generate", wanted(provider, place, 300, 64)]
    with subprocess.Popen(
        command,
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as running:
        deadline = time.monotonic() + 30
        while not provider.counts.rate_limited and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.3)
        running.send_signal(signal.SIGINT)
        pressed = time.monotonic()
        _, said = running.communicate(timeout=30)
    assert time.monotonic() - pressed < 2
    assert running.returncode == 130
    assert b"Traceback" not in said
    assert provider.counts.requests <= 64


@pytest.mark.parametrize("client", ["direct", "litellm"])
def test_either_client_delivers_all_and_counts_what_the_server_counts(
    place: Path, deepfabric: Run, provider: LocalProvider, client: str
) -> None:
    provider.faults = Faults(max_in_flight=8, server_error=0.03, latency=0.15, retry_after=0.1)
    done = deepfabric("generate", wanted(provider, place, 100, 32, client=client))
    assert done.returncode == 0, done.stdout + done.stderr
    found = keys(place / "out/dataset.jsonl")
    assert len(found) == len(set(found)) == 100
    counts, summary = provider.counts, " ".join(done.stdout.split())
    assert counts.answered == 100
    assert counts.server_error > 0 and counts.rate_limited > 0
    assert f"{counts.server_error} server error" in summary
    assert f"{counts.rate_limited} rate limited" in summary
