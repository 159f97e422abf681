"""What a limiter has learned goes to the next run and to other processes: alone, and end to end with real ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deepfabric_core.llm.limits.learned import Learned
from deepfabric_core.llm.limits.learned_exchange import LearnedExchange
from deepfabric_core.llm.limits.learned_file import Target, cache_folder, keep, recall
from deepfabric_core.llm.limits.neighbours import Neighbours
from tests import ROOT
from tests.core.conftest import Run, local_llm, write_config
from tests.provider import Faults, LocalProvider

TARGET = Target("openai", "example.com/v1", "m", "0123456789ab")
HUNDRED = Learned(100.0, 50, None, 0.2)
TOPICS = {"llm": {"provider": "simulated"}, "save_as": "out/topics.jsonl"}
ON = {"DEEPFABRIC_LEARNED_LIMITS": "on"}


class Knowing:
    """A limiter of which only what it has learned matters."""

    def __init__(self, known: Learned | None = None, *, idle: bool = False) -> None:
        self.known = known
        self.idle = idle
        self.told: list[Learned] = []

    def learned(self) -> Learned | None:
        return self.known

    def start_from(self, learned: Learned) -> None:
        self.told.append(learned)
        self.known = learned

    def is_idle(self) -> bool:
        return self.idle


@pytest.fixture(autouse=True)
def cache(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own for each test, in which limits are kept."""
    monkeypatch.setenv("DEEPFABRIC_LEARNED_LIMITS", "on")
    return place / "cache/deepfabric"


def wait_until(holds: Callable[[], object], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.02)


def ended(exchange: LearnedExchange) -> None:
    exchange.end()
    exchange.wait()


# ---- alone


def test_what_was_learned_is_there_for_the_next_one() -> None:
    exchange = LearnedExchange(TARGET)
    exchange.begin(Knowing(HUNDRED))
    ended(exchange)
    following = Knowing()
    exchange = LearnedExchange(TARGET)
    exchange.begin(following)
    ended(exchange)
    assert [round(told.per_second or 0) for told in following.told] == [100]


def test_who_has_learned_its_own_is_told_nothing() -> None:
    keep(TARGET, HUNDRED)
    learner, exchange = Knowing(Learned(20.0)), LearnedExchange(TARGET)
    exchange.begin(learner)
    ended(exchange)
    assert learner.told == []


def test_nothing_learned_leaves_what_is_kept_as_it_is(cache: Path) -> None:
    keep(TARGET, HUNDRED)
    before = (cache / "learned_limits.json").read_bytes()
    learner, exchange = Knowing(), LearnedExchange(TARGET)
    exchange.begin(learner)
    learner.known = None
    ended(exchange)
    assert (cache / "learned_limits.json").read_bytes() == before


def test_who_has_nothing_to_do_leaves_its_share_to_others_until_it_has() -> None:
    learner, exchange = Knowing(HUNDRED), LearnedExchange(TARGET)
    exchange.begin(learner)
    other = Neighbours(cache_folder() / "calling", TARGET, process="other")
    share = other.join(None)
    assert share is not None and share.per_second == 50.0

    def look() -> float:
        nonlocal share
        share = other.exchange(share) or share
        return (share and share.per_second) or 0.0

    wait_until(lambda: look() and learner.known and learner.known.per_second == 50.0)
    learner.idle = True
    wait_until(lambda: look() == 100.0)
    learner.idle = False
    wait_until(lambda: look() == 50.0)
    ended(exchange)
    wait_until(lambda: look() == 100.0, 0.5)


def test_a_cache_that_can_not_be_written_is_no_trouble(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "file").write_text("")
    for cache in (place / "file", Path("/proc")):
        monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
        learner, exchange = Knowing(HUNDRED), LearnedExchange(TARGET)
        exchange.begin(learner)
        time.sleep(0.3)
        ended(exchange)
        assert learner.told == [] and recall(TARGET) is None


def test_a_cache_that_goes_away_meanwhile_is_no_trouble(cache: Path) -> None:
    exchange = LearnedExchange(TARGET)
    exchange.begin(Knowing(HUNDRED))
    (cache / "calling").rename(cache / "elsewhere")
    (cache / "calling").write_text("")
    time.sleep(0.6)
    ended(exchange)
    assert recall(TARGET) is not None


def test_its_thread_ends_with_it() -> None:
    exchange = LearnedExchange(TARGET)
    for _ in range(3):
        exchange.begin(Knowing(HUNDRED))
        ended(exchange)
    assert "learned limits" not in {thread.name for thread in threading.enumerate()}


# ---- whole runs


def wanted(server: LocalProvider, place: Path, samples: int, **rest: Any) -> str:
    own: dict[str, Any] = {"llm": local_llm(server), "rate_limit": {"base_delay": 0.02}}
    output = {"save_as": "out/dataset.jsonl", "num_samples": samples, "batch_size": 64, **rest}
    return write_config(place, topics=TOPICS, generation=own, output=output)


def kept(cache: Path) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads((cache / "learned_limits.json").read_text())["limits"]
    return entries


@pytest.mark.slow
def test_a_second_run_begins_with_what_the_first_one_has_learned(
    place: Path, deepfabric: Run, provider: LocalProvider, cache: Path
) -> None:
    provider.faults = Faults(requests_per_second=50, latency=0.2, retry_after=0.5)
    config = wanted(provider, place, 200)
    refused = []
    for _ in range(2):
        before = provider.counts.rate_limited
        done = deepfabric("generate", config, OPENAI_API_KEY="sk-of-nobody-1234567890")
        assert done.returncode == 0, done.stdout + done.stderr
        refused.append(provider.counts.rate_limited - before)
        (entry,) = kept(cache)
        assert entry["per_second"] or entry["at_once"]
    assert refused[0] >= 10
    assert refused[1] < refused[0] / 2
    assert "sk-of-nobody" not in (cache / "learned_limits.json").read_text()
    assert not list((cache / "calling").iterdir()), "who has ended is no neighbour any more"


def test_a_run_without_refusals_is_known_by_how_far_it_went(
    place: Path, deepfabric: Run, provider: LocalProvider, cache: Path
) -> None:
    provider.faults = Faults(latency=0.1)
    assert deepfabric("generate", wanted(provider, place, 200)).returncode == 0
    (entry,) = kept(cache)
    assert (entry["per_second"], entry["at_once"]) == (None, None)
    assert 48 <= entry["accepted_at_once"] <= 64


@pytest.mark.parametrize("llm", [{"provider": "simulated"}, {"provider": "demo"}])
def test_models_without_an_endpoint_keep_nothing(
    place: Path, deepfabric: Run, cache: Path, llm: dict[str, object]
) -> None:
    done = deepfabric("generate", write_config(place, llm=llm))
    assert done.returncode == 0, done.stderr
    assert not list(cache.rglob("*limits*")) and not (cache / "calling").exists()


def test_turned_off_a_run_keeps_nothing_and_believes_nothing(
    place: Path, deepfabric: Run, provider: LocalProvider, cache: Path
) -> None:
    assert deepfabric("generate", wanted(provider, place, 20), DEEPFABRIC_LEARNED_LIMITS="off").returncode == 0
    assert not list(cache.rglob("*limits*")) and not (cache / "calling").exists()


def test_a_damaged_file_and_a_cache_that_is_none_are_no_trouble_for_a_run(
    place: Path, deepfabric: Run, provider: LocalProvider, cache: Path
) -> None:
    cache.mkdir(parents=True)
    (cache / "learned_limits.json").write_text("{")
    config = wanted(provider, place, 20)
    done = deepfabric("generate", config)
    assert (done.returncode, done.stderr.count("limits")) == (0, 0), done.stderr
    assert len(kept(cache)) == 1
    (place / "file").write_text("")
    done = deepfabric("generate", config, "--output-save-as", "other.jsonl", XDG_CACHE_HOME=str(place / "file"))
    assert (done.returncode, done.stderr.count("Error")) == (0, 0), done.stderr


@pytest.mark.slow
def test_a_run_that_joins_another_one_gets_its_part_without_a_burst_of_refusals(
    place: Path, deepfabric: Run, provider: LocalProvider, cache: Path
) -> None:
    provider.faults = Faults(requests_per_second=100, latency=0.2, retry_after=0.5)
    config = wanted(provider, place, 700)
    with subprocess.Popen(
        [sys.executable, "-m", "deepfabric_core", "generate", config],
        cwd=place,
        env={**os.environ, **ON, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as first:
        wait_until(lambda: provider.counts.answered > 200, 30)
        before, joined = provider.counts.rate_limited, time.monotonic()
        flags = ("--output-save-as", "second.jsonl", "--topics-save-as", "second_topics.jsonl", "--num-samples", "150")
        done = deepfabric("generate", config, *flags)
        assert done.returncode == 0, done.stdout + done.stderr
        assert time.monotonic() - joined < 20
        assert provider.counts.rate_limited - before <= 90
        assert first.wait(60) == 0
    (entry,) = kept(cache)
    assert 40 < entry["per_second"] < 250, "what is kept is the whole, not the share of one"
