"""Budgets that hold: no run spends more than it may, whatever happens to it, and it uses nearly all of it."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.billing import PRICES, Answers, BillingProvider
from tests.core.commands import keys, lines, start
from tests.core.conftest import Run, local_llm, write_config
from tests.provider import Faults, LocalProvider


@pytest.fixture
def biller() -> Iterator[BillingProvider]:
    with BillingProvider(Faults(latency=0.02, jitter=0.4)) as server:
        yield server


def budget_config(place: Path, server: LocalProvider, *, samples: int = 2000, at_once: int = 32, **more: Any) -> None:
    write_config(
        place,
        **{
            "llm": {**local_llm(server), "model": "a-model-of-our-own", "prices": PRICES},
            "output": {"num_samples": samples, "batch_size": at_once},
            "quality": {"duplicates": "off"},
            **more,
        },
    )


def test_a_budget_is_nearly_used_up_and_never_exceeded_and_a_larger_one_finishes_the_rest(
    place: Path, deepfabric: Run, biller: BillingProvider
) -> None:
    budget_config(place, biller, samples=60)
    done = deepfabric("generate", "config.yaml", "--max-cost", "0.01")
    assert done.returncode == 3, done.stderr
    assert 0.009 < biller.spent <= 0.01
    assert re.search(r"^Budget reached: \$0\.0\d+ of \$0\.01 are spent, and the next call may cost", done.stdout)
    goes_on = re.search(
        r"Go on with: deepfabric (generate config\.yaml --resume --max-cost ([\d.]+))$", done.stderr, re.MULTILINE
    )
    assert goes_on is not None and 0.01 < float(goes_on[2]) < 0.06
    before, asked = biller.calls, biller.counts.requests
    again = deepfabric(*goes_on[1].split())
    assert again.returncode == 0, again.stdout + again.stderr
    assert len(set(keys(place / "out/dataset.jsonl"))) == 60
    prompts = [body["messages"][-1]["content"] for body in biller.requests]
    assert len(set(prompts)) == len(prompts), "nothing was asked and paid for twice"
    assert biller.spent <= float(goes_on[2])
    assert f"{biller.calls:,} in all sessions, {biller.calls - before:,} in this one" in again.stdout
    assert asked == before


def test_a_budget_that_is_used_up_lets_no_further_call_through(
    place: Path, deepfabric: Run, biller: BillingProvider
) -> None:
    budget_config(place, biller, samples=60, budget={"cost": 0.005})
    deepfabric("generate", "config.yaml")
    calls = biller.counts.requests
    again = deepfabric("generate", "config.yaml", "--resume")
    assert again.returncode == 3 and biller.counts.requests == calls


@pytest.mark.parametrize(
    ("budget", "amount", "limit"),
    [({"tokens": 20_000}, "tokens", 20_000), ({"calls": 37}, "calls", 37)],
)
def test_tokens_and_calls_are_kept_to_as_well(
    place: Path, deepfabric: Run, biller: BillingProvider, budget: dict[str, int], amount: str, limit: int
) -> None:
    budget_config(place, biller, budget=budget, llm={**local_llm(biller), "model": "a-model-without-a-price"})
    done = deepfabric("generate", "config.yaml")
    assert done.returncode == 3, done.stderr
    assert 0.9 * limit <= getattr(biller, amount) <= limit


def test_time_ends_a_run_and_calls_in_flight_finish(place: Path, deepfabric: Run, biller: BillingProvider) -> None:
    biller.faults = Faults(latency=0.3)
    budget_config(place, biller, at_once=2, budget={"time": "2s"})
    began = time.monotonic()
    done = deepfabric("generate", "config.yaml")
    assert done.returncode == 3 and "of 2 s" in done.stdout
    assert time.monotonic() - began < 30
    assert biller.counts.abandoned == 0
    assert len(lines(next((place / "out").glob("dataset.partial*")))) > 0


def test_failures_that_may_be_billed_count_and_refusals_do_not(
    place: Path, deepfabric: Run, biller: BillingProvider
) -> None:
    biller.faults = Faults(latency=0.02, rate_limited=0.2, server_error=0.1, reset=0.05)
    budget_config(place, biller, budget={"cost": 0.02}, generation={"rate_limit": {"base_delay": 0.01}})
    done = deepfabric("generate", "config.yaml")
    assert done.returncode == 3, done.stderr
    broken_off = biller.counts.reset * 0.002  # what each of them may have cost
    assert 0.02 - broken_off - 0.002 < biller.spent <= 0.02


def test_a_limit_of_cost_needs_prices_and_one_of_tokens_does_not(
    place: Path, deepfabric: Run, biller: BillingProvider
) -> None:
    budget_config(place, biller, samples=3, llm={**local_llm(biller), "model": "nobody-knows-it"})
    refused = deepfabric("generate", "config.yaml", "--max-cost", "1")
    assert refused.returncode == 2
    assert refused.stderr.startswith(
        "Error: budget.cost can't be kept, since the price of openai/nobody-knows-it (topics.llm) is unknown: give its "
        "llm.prices in dollars per million tokens"
    )
    assert biller.counts.requests == 0
    assert deepfabric("generate", "config.yaml", "--max-tokens-total", "100000").returncode == 0


def test_a_model_that_costs_nothing_has_any_budget(place: Path, deepfabric: Run) -> None:
    write_config(place, budget={"cost": 0.000001})
    assert deepfabric("generate", "config.yaml").returncode == 0


def test_a_server_that_states_no_usage_is_reckoned_by_what_it_may_have_taken(
    place: Path, deepfabric: Run, biller: BillingProvider
) -> None:
    biller.states_usage = False
    budget_config(place, biller, budget={"cost": 0.02})
    assert deepfabric("generate", "config.yaml").returncode == 3
    assert 0.001 < biller.spent <= 0.02


def test_a_run_with_a_judge_counts_its_calls_too(place: Path, deepfabric: Run, biller: BillingProvider) -> None:
    with BillingProvider(Faults(latency=0.02), Answers(mean=20)) as judge:
        llm = {"model": "the-judge", "base_url": judge.base_url, "prices": PRICES}
        budget_config(place, biller, budget={"cost": 0.02}, quality={"judge": {"llm": llm}, "duplicates": "off"})
        done = deepfabric("generate", "config.yaml")
        assert done.returncode == 3, done.stderr
        assert judge.spent > 0 and 0.016 < biller.spent + judge.spent <= 0.02


# ---- several processes, and kills


def test_runs_of_several_processes_that_share_a_budget_do_not_spend_more_together(
    place: Path, biller: BillingProvider
) -> None:
    budget_config(place, biller, at_once=16, budget={"name": "tea", "cost": 0.03})
    processes = [start(place, "--output-save-as", f"out/{name}.jsonl") for name in ("one", "two")]
    said = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [3, 3], said
    assert 0.027 < biller.spent <= 0.03
    assert any((place / "out").glob("*"))


def killed_again_and_again(place: Path, biller: BillingProvider, seed: int, *arguments: str) -> int:
    """Kill a run at random moments and resume it, until its budget is reached; return how often it was killed."""
    dice, kills = random.Random(seed), 0
    process = start(place, *arguments)
    while True:
        time.sleep(dice.uniform(0.5, 3.0))
        if process.poll() is not None:
            out, err = process.communicate()
            assert process.returncode == 3, out + err
            return kills
        process.kill()
        process.communicate()
        kills += 1
        assert biller.spent <= 0.05
        process = start(place, "--resume", *arguments)


@pytest.mark.slow
def test_a_run_that_is_killed_at_random_moments_stays_within_its_budget(place: Path, biller: BillingProvider) -> None:
    biller.faults = Faults(latency=0.2, jitter=0.4)
    budget_config(place, biller, at_once=8, budget={"cost": 0.02})
    kills = killed_again_and_again(place, biller, 1)
    assert biller.spent <= 0.02
    assert biller.spent > 0.02 - (kills + 1) * 8 * 0.0015 and kills, "only calls in flight are lost"


@pytest.mark.slow
@pytest.mark.parametrize("at_once", [1, 32, 256])
@pytest.mark.parametrize("cost", [0.01, 0.1, 1.0])
def test_budgets_of_any_size_hold_at_any_number_of_calls_in_flight(
    place: Path, deepfabric: Run, biller: BillingProvider, cost: float, at_once: int
) -> None:
    if at_once == 1 and cost > 0.1:
        biller.answers.mean = 1500  # otherwise it takes minutes
    biller.faults = Faults(latency=0.001 if at_once == 1 else 0.1, jitter=0.4)
    budget_config(place, biller, samples=50_000, at_once=at_once, budget={"cost": cost})
    done = deepfabric("generate", "config.yaml")
    assert done.returncode == 3, done.stderr
    assert 0.9 * cost <= biller.spent <= cost


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_a_named_budget_holds_through_kills_of_all_who_share_it(
    place: Path, biller: BillingProvider, seed: int
) -> None:
    biller.faults = Faults(latency=0.1, jitter=0.5, rate_limited=0.05)
    budget_config(place, biller, at_once=8, budget={"name": "tea", "cost": 0.05})
    other = start(place, "--output-save-as", "out/other.jsonl")
    killed_again_and_again(place, biller, seed)
    other.communicate(timeout=60)
    assert other.returncode == 3 and biller.spent <= 0.05
