"""What is reckoned from a config alone, and from what an unfinished run took."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepfabric_core.amounts import Expected
from deepfabric_core.config.llm import Llm
from deepfabric_core.config.load import load
from deepfabric_core.errors import ConfigError
from deepfabric_core.events import Emit, RunExpected
from deepfabric_core.llm.connect import CallPolicy
from deepfabric_core.run.estimate.estimate import Estimate, estimate
from deepfabric_core.run.estimate.levers import levers
from deepfabric_core.run.estimate.preview import preview_of
from deepfabric_core.run.job import Job
from deepfabric_core.run.pipeline import Connect, generate
from deepfabric_core.stop import Stop
from tests.core.samples.calibration import Behaviour, Bill, BillingModel

PRICED: dict[str, Any] = {"provider": "ollama", "model": "ours", "prices": {"input": 0.15, "output": 0.6}}


def job_with(place: Path, **sections: Any) -> Job:
    config: dict[str, Any] = {
        "llm": PRICED,
        "topics": {"prompt": "Tea", "depth": 2, "degree": 4},
        "generation": {"system_prompt": "You teach."},
        "output": {"save_as": str(place / "tea.jsonl"), "num_samples": "auto"},
    }
    for name, keys in sections.items():
        config[name] = {**config.get(name, {}), **keys}
    return Job(load(json.dumps(config), source="c.json").config, checkpoint_path=place / "kept")


def estimated(place: Path, **sections: Any) -> Estimate:
    return estimate(job_with(place, **sections))


def likely_cost(found: Estimate) -> float:
    assert found.total.cost is not None
    return found.total.cost.likely


def test_calls_are_those_of_the_plan_and_a_few_more(place: Path) -> None:
    found = estimated(place)
    assert found.samples == 16
    assert found.by_purpose["samples"].calls == (16, 16, 16)
    assert 5 <= found.by_purpose["topics"].calls.likely < 6
    assert "judge" not in found.by_purpose
    assert 21 < found.total.calls.likely < 25


def test_a_judge_reads_each_sample_and_the_best_of_several_is_compared_in_both_orders(place: Path) -> None:
    judged = estimated(place, quality={"judge": {}})
    chosen = estimated(place, quality={"judge": {}, "compare": {"best_of": 3}})
    assert 16 < judged.by_purpose["judge"].calls.likely < 25
    assert chosen.by_purpose["samples"].calls.likely == 48
    assert chosen.by_purpose["judge"].calls.likely >= 16 * (3 + 6)


def test_nothing_is_made_again_where_every_sample_is_accepted(place: Path) -> None:
    found = estimated(place, quality={"duplicates": False, "checks": "none"}, generation={"sample_retries": 0})
    assert set(found.by_purpose) == {"topics", "samples"}


def test_longer_texts_in_the_config_make_longer_prompts(place: Path) -> None:
    short, long = (estimated(place, generation={"system_prompt": "Teach. " * times}) for times in (1, 1001))
    more = long.by_purpose["samples"].prompt_tokens.likely - short.by_purpose["samples"].prompt_tokens.likely
    assert more == pytest.approx(16 * 7000 / 4, rel=0.01)


def test_no_reply_is_longer_than_max_tokens(place: Path) -> None:
    found = estimated(place, generation={"max_tokens": 100})
    assert found.by_purpose["samples"].completion_tokens.high <= 16 * 100 * 1.0001


def test_later_cycles_have_longer_prompts(place: Path) -> None:
    once, often = (estimated(place, output={"num_samples": number}) for number in (16, 160))
    assert often.by_purpose["samples"].prompt_tokens.likely > 11 * once.by_purpose["samples"].prompt_tokens.likely


@given(st.integers(1, 400), st.integers(1, 3), st.integers(1, 8), st.booleans())
@settings(max_examples=25)
def test_every_range_is_in_order_and_more_samples_never_cost_less(
    samples: int, depth: int, degree: int, judged: bool
) -> None:
    def of(number: int) -> Expected:
        topics = {"prompt": "Tea", "depth": depth, "degree": degree}
        quality: dict[str, Any] = {"judge": {}} if judged else {}
        return estimated(Path("nowhere"), topics=topics, output={"num_samples": number}, quality=quality).total

    found, more = of(samples), of(samples + 7)
    for range_ in (found.calls, found.prompt_tokens, found.completion_tokens, found.tokens, found.cost, found.seconds):
        assert range_ is not None
        assert 0 <= range_.low <= range_.likely <= range_.high
    assert found.cost is not None
    assert more.cost is not None
    assert more.cost.likely > found.cost.likely
    assert found.tokens.likely == pytest.approx(found.prompt_tokens.likely + found.completion_tokens.likely)


def test_each_kind_of_conversation_has_an_estimate(place: Path) -> None:
    schema = {"type": "object", "properties": {"steps": {"type": "array", "items": {"type": "string"}}}}
    kinds: list[dict[str, Any]] = [
        {"generation": {"conversation": {"type": "cot"}}},
        {"generation": {"conversation": {"type": "cot", "reasoning_style": "agent"}}},
        {"generation": {"output_schema": schema}, "output": {"format": "custom"}},
        {"topics": {"mode": "graph", "depth": 3}},
    ]
    basic = likely_cost(estimated(place))
    for sections in kinds:
        assert 0.2 * basic < likely_cost(estimated(place, **sections)) < 20 * basic


def test_a_model_without_a_price_has_an_unknown_cost_and_known_tokens(place: Path) -> None:
    found = estimated(place, llm={"provider": "ollama", "model": "nobody-prices-this", "prices": None})
    assert found.total.cost is None
    assert found.total.tokens.likely > 1000
    assert found.unpriced == ("ollama/nobody-prices-this",)


def test_a_judge_without_a_price_makes_the_whole_cost_unknown(place: Path) -> None:
    judge = {"llm": {"provider": "ollama", "model": "nobody-prices-this"}}
    found = estimated(place, quality={"judge": judge})
    assert found.total.cost is None
    assert found.by_purpose["samples"].cost is not None
    assert found.by_purpose["judge"].cost is None


def test_a_simulated_model_costs_nothing(place: Path) -> None:
    found = estimated(place, llm={"provider": "simulated", "model": "m", "prices": None})
    assert found.is_free
    assert found.total.cost == (0, 0, 0)


def test_a_model_of_its_own_has_its_own_price(place: Path) -> None:
    cheap = {"topics": {"llm": {"model": "other", "prices": {"input": 0, "output": 0}}}}
    assert estimated(place, **cheap).by_purpose["topics"].cost == (0, 0, 0)
    assert likely_cost(estimated(place, **cheap)) < likely_cost(estimated(place))


def test_a_long_shared_beginning_is_in_the_providers_cache(place: Path) -> None:
    sections = {"llm": {"provider": "openai", "model": "gpt-4o"}, "generation": {"system_prompt": "Teach. " * 2000}}
    cached = {"input": 0.15, "output": 0.6, "cached_input": 0.0}
    whole = estimated(place, **{**sections, "llm": {**sections["llm"], "prices": PRICED["prices"]}})
    kept = estimated(place, **{**sections, "llm": {**sections["llm"], "prices": cached}})
    assert likely_cost(kept) < 0.6 * likely_cost(whole)


def test_what_costs_less_is_reckoned_and_the_largest_comes_first(place: Path) -> None:
    job = job_with(place, llm={"provider": "openai", "model": "gpt-4o", "prices": None}, quality={"judge": {}})
    found = estimate(job)
    less = levers(job, found)
    assert [lever.what for lever in less][1:] == ["gpt-4o-mini as judge", "gpt-4o-mini for samples"]
    assert [lever.saves for lever in less] == sorted((lever.saves for lever in less), reverse=True)
    changed = job.config.generation.model_copy(
        update={"llm": job.config.generation.llm.model_copy(update={"model": "gpt-4o-mini"})}
    )
    other = estimate(replace(job, config=job.config.model_copy(update={"generation": changed})))
    assert less[2].saves == pytest.approx(likely_cost(found) - likely_cost(other))


def seconds(found: Estimate) -> float:
    assert found.total.seconds is not None
    return found.total.seconds.likely


def test_the_time_is_that_of_calls_one_after_the_other_as_many_at_once_as_may_be(place: Path) -> None:
    slow = {"provider": "simulated", "model": "m", "prices": None, "simulated": {"latency": 1.0}}
    one, four = (estimated(place, llm=slow, output={"batch_size": at_once}) for at_once in (1, 4))
    assert seconds(one) == pytest.approx(2 + 16, rel=0.1)
    assert seconds(four) == pytest.approx(2 + 4, rel=0.1)


def test_the_configs_own_limits_make_it_longer(place: Path) -> None:
    found = estimated(place, generation={"rate_limit": {"requests_per_minute": 6}})
    assert found.total.seconds is not None
    assert found.total.seconds.low >= 21 * 10


def test_topics_that_are_loaded_take_no_calls(place: Path) -> None:
    (place / "t.jsonl").write_text('{"path": ["A", "B"]}\n{"path": ["A", "C"]}\n')
    found = estimate(replace(job_with(place), topics_load=place / "t.jsonl"))
    assert found.samples == 2
    assert "topics" not in found.by_purpose
    assert set(estimate(replace(job_with(place), topic_only=True)).by_purpose) == {"topics"}


# ---- with real samples


def connected(bill: Bill, behaviour: Behaviour | None = None) -> Connect:
    asked = dict[str, int]()

    @asynccontextmanager
    async def connect(_: Llm, policy: CallPolicy, emit: Emit, __: Stop) -> AsyncIterator[BillingModel]:
        yield BillingModel(behaviour or Behaviour(), 1, policy.purpose, emit, bill, asked)

    return connect


def made(job: Job, bill: Bill, behaviour: Behaviour | None = None) -> list[Any]:
    events: list[Any] = []
    asyncio.run(generate(job, emit=events.append, stop=Stop(), connect=connected(bill, behaviour)))
    return events


def previewed(place: Path, bill: Bill, number: int, behaviour: Behaviour | None = None, **sections: Any) -> Job:
    job = job_with(place, **sections)
    making = preview_of(job, number)
    assert making is not None
    made(making, bill, behaviour)
    return job


def test_after_a_preview_what_is_spent_counts_exactly_and_the_range_is_narrower(place: Path) -> None:
    bill = Bill()
    before = estimated(place).total.cost
    job = previewed(place, bill, 10, output={"num_samples": 100})
    after = estimate(job)
    assert after.total.rests_on == 10
    assert after.spent.cost == pytest.approx(bill.cost)
    assert after.total.cost is not None
    assert before is not None
    assert after.total.cost.high / after.total.cost.low < before.high / before.low
    assert after.total.cost.low > bill.cost


def test_a_preview_grows_only_the_topics_that_it_needs(place: Path) -> None:
    bill = Bill()
    previewed(place, bill, 3, topics={"depth": 4, "degree": 10})
    assert bill.calls == 1 + 3 + 3 + 3 + 3
    assert not (place / "tea.jsonl").exists()
    assert not (place / "tea_topics.jsonl").exists()


@pytest.mark.parametrize("sections", [{}, {"output": {"num_samples": 7}}, {"output": {"num_samples": 40}}])
def test_a_run_goes_on_from_a_preview_and_pays_nothing_twice(place: Path, sections: dict[str, Any]) -> None:
    whole = Bill()
    made(job_with(place / "whole", **sections), whole)
    bill = Bill()
    job = previewed(place, bill, 5, **sections)
    made(replace(job, resume=True), bill)
    assert bill.calls == whole.calls
    assert (bill.cost, bill.tokens) == pytest.approx((whole.cost, whole.tokens))


def test_a_preview_can_be_enlarged(place: Path) -> None:
    bill = Bill()
    job = previewed(place, bill, 2)
    making = preview_of(job, 6)
    assert making is not None
    made(making, bill)
    assert estimate(job).total.rests_on == 6
    assert preview_of(job, 6) is None
    assert bill.calls == 1 + 4 + 6


def test_a_preview_of_more_than_all_samples_makes_all(place: Path) -> None:
    bill = Bill()
    job = previewed(place, bill, 50, output={"num_samples": 5})
    found = estimate(job).total
    assert found.calls == (bill.calls, bill.calls, bill.calls)
    assert found.cost is not None
    assert found.cost == pytest.approx((bill.cost, bill.cost, bill.cost))


def test_there_is_no_preview_of_topics_alone_or_of_what_is_complete(place: Path) -> None:
    job = job_with(place)
    with pytest.raises(ConfigError, match="--topic-only makes no samples"):
        preview_of(replace(job, topic_only=True), 5)
    made(job, Bill())
    with pytest.raises(ConfigError, match="is complete already"):
        preview_of(job, 5)


def test_repairs_and_refused_samples_of_a_preview_are_expected_of_the_rest(place: Path) -> None:
    bill = Bill()
    trouble = Behaviour(malformed=0.5, refused=0.4)
    sections = {"quality": {"judge": {}, "min_acceptance": 0, "attempts": 6}, "output": {"num_samples": 200}}
    job = previewed(place, bill, 12, trouble, **sections)
    found = estimate(job)
    assert found.by_purpose["repairs"].calls.likely > 30
    assert found.by_purpose["refused samples"].calls.likely > 40
    assert found.by_purpose["judge"].calls.likely > 220


def test_a_run_tells_at_its_start_what_is_expected_and_a_preview_does_not(place: Path) -> None:
    job = job_with(place)
    told = [event for event in made(job, Bill()) if isinstance(event, RunExpected)]
    assert [event.expected.cost for event in told] == [estimate(replace(job, checkpoint_path=place / "x")).total.cost]
    making = preview_of(job_with(place / "other"), 2)
    assert making is not None
    assert not any(isinstance(event, RunExpected) for event in made(making, Bill()))


def test_what_a_run_of_another_config_took_is_not_heeded(place: Path) -> None:
    bill = Bill()
    previewed(place, bill, 4)
    other = job_with(place, generation={"system_prompt": "You act."})
    assert estimate(other).total.rests_on == 0
    assert estimate(replace(other, accept_changes=True)).total.rests_on == 4


def test_of_a_long_log_only_a_part_is_read_and_what_is_spent_is_exact(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bill = Bill()
    trouble = Behaviour(refused=0.5)
    quality = {"judge": {}, "min_acceptance": 0, "attempts": 9}
    job = previewed(place, bill, 40, trouble, quality=quality, output={"num_samples": 80})
    whole = estimate(job)
    monkeypatch.setattr("deepfabric_core.run.estimate.measured._MOST_LINES", 20)
    part = estimate(job)
    assert part.spent == whole.spent
    assert part.total.rests_on < 40
    assert likely_cost(part) == pytest.approx(likely_cost(whole), rel=0.3)
    assert part.total.calls.likely == pytest.approx(whole.total.calls.likely, rel=0.3)


def test_a_damaged_line_is_left_out(place: Path) -> None:
    job = previewed(place, Bill(), 4)
    with job.unfinished_files().samples.open("a") as file:
        file.write('{"topic_id": "x", "cycle": 0, "attempts": 1, "usa')
    assert estimate(job).total.rests_on == 4


def test_fewer_topics_cost_less_as_long_as_there_are_leaves_enough(place: Path) -> None:
    def told(samples: Any, **topics: Any) -> list[str]:
        job = job_with(place, topics={"depth": 3, "degree": 10, **topics}, output={"num_samples": samples})
        return [lever.what for lever in levers(job, estimate(job))]

    assert told(20) == ["fewer topics, by depth 2 instead of 3"]
    assert told(150) == ["fewer topics, by degree 6 instead of 10"]
    assert told("auto") == []
    assert told(1000) == []


def test_a_repair_that_is_possible_is_in_the_range_as_a_whole(place: Path) -> None:
    found = estimated(place, output={"num_samples": 4})
    assert found.by_purpose["repairs"].calls.likely < 0.5
    one = found.by_purpose["samples"].prompt_tokens.likely / 4
    assert found.by_purpose["repairs"].prompt_tokens.high > one


def test_a_budget_that_is_not_enough_says_how_far_it_goes(place: Path) -> None:
    whole = estimated(place, output={"num_samples": 100})
    half = {"calls": 100, "tokens": round(whole.total.tokens.likely / 2), "cost": 0.0000001}
    budget = estimated(place, output={"num_samples": 100}, budget=half).budget
    assert budget is not None
    fits = {fit.limited: fit for fit in budget.limits}
    assert 85 < (fits["calls"].samples or 0) < 100
    assert 40 < (fits["tokens"].samples or 0) < 50
    assert fits["calls"].fits_a_call and not fits["cost"].fits_a_call
    assert fits["cost"].verdict == "not enough"
