"""What holds calls back, as all screens say it."""

from __future__ import annotations

from functools import reduce as fold

import pytest

from deepfabric_core.events import Bound, Event, LimiterChanged, Paused, RunFinished, Stage, StageStarted
from deepfabric_core.run.state import RunState, reduce
from deepfabric_core.text.what_binds import what_binds


def said(bound: Bound, limit: float, *events: Event, stage: Stage = "samples", window: int = 256) -> str:
    changed = LimiterChanged(8, 8, 3, None, bound, limit)
    return what_binds(fold(reduce, [StageStarted(stage, 10, window, 0.0), changed, *events], RunState()))


@pytest.mark.parametrize(
    ("bound", "limit", "sentence"),
    [
        ("nothing", 0.0, ""),
        ("ceiling", 256, "256 calls at once, as batch_size says"),
        ("places", 50, "50 calls at once; the provider allows no more"),
        ("places", 1, "1 call at once; the provider allows no more"),
        ("rate", 96.4, "about 96 calls a second; the provider allows no more"),
        ("rate", 1234.5, "about 1,200 calls a second; the provider allows no more"),
        ("rate", 2.54, "about 2.5 calls a second; the provider allows no more"),
        ("rate", 1.0, "about 1 call a second; the provider allows no more"),
        ("rate", 0.967, "about 58 calls a minute; the provider allows no more"),
        ("rate", 0.999, "about 60 calls a minute; the provider allows no more"),
        ("rate", 0.02, "about 1.2 calls a minute; the provider allows no more"),
        ("requests_per_minute", 10.000000000002, "10 calls a minute, as rate_limit says"),
        ("requests_per_minute", 0.5, "0.5 calls a minute, as rate_limit says"),
        ("tokens_per_minute", 60000, "60,000 tokens a minute, as rate_limit says"),
        ("tokens_per_minute", 2_000_000, "2,000,000 tokens a minute, as rate_limit says"),
        ("quota", 20.2, "paused 20 s: the provider says that its quota is used up"),
        ("pause", 20.2, "paused 20 s: the provider refuses all calls"),
        ("pause", 0.1, "paused 1 s: the provider refuses all calls"),
        ("overload", 0.118, "the provider is overloaded: 12 % of the calls are refused and repeated"),
    ],
)
def test_each_limit_has_its_sentence(bound: Bound, limit: float, sentence: str) -> None:
    assert said(bound, limit) == sentence


def test_a_ceiling_is_named_after_the_key_of_its_stage() -> None:
    assert said("ceiling", 4, stage="topics", window=4) == "4 calls at once, as max_concurrent says"


def test_a_model_that_takes_fewer_calls_than_the_config_allows_is_told_apart() -> None:
    assert said("ceiling", 1) == "1 call at once; a model in this process takes no more"


def test_nothing_binds_before_the_first_call_in_a_pause_and_after_the_run() -> None:
    assert what_binds(RunState()) == ""
    assert said("rate", 5.0, Paused(1.0)) == said("rate", 5.0, RunFinished("complete", "", 1.0)) == ""
