"""The budget and the prices of a config, as they are written and as flags change them."""

from __future__ import annotations

from typing import Any

import pytest

from deepfabric_core.amounts import Amounts
from deepfabric_core.config.load import load
from deepfabric_core.config.schema import Config
from deepfabric_core.errors import ConfigError

REST = "topics: {prompt: Tea}\ngeneration: {system_prompt: You teach.}\noutput: {save_as: tea.jsonl}\n"
PRICED = "llm: {model: our-own, prices: {input: 0.01, output: 0.02}}\n"


def loaded(text: str, **flags: Any) -> Config:
    return load(
        text + REST, source="tea.yaml", overrides={key.replace("__", "."): v for key, v in flags.items()}
    ).config


def test_a_budget_is_written_in_dollars_tokens_calls_and_time() -> None:
    text = "budget: {cost: 5.50, tokens: 2_000_000, calls: 10, time: 1h30m}\n"
    assert loaded(text).budget.limits == Amounts(5.5, 2_000_000, 10, 5400.0)
    assert loaded("").budget.is_unlimited
    assert loaded(text, budget__time="45s", budget__cost=1.0).budget.limits == Amounts(1.0, 2_000_000, 10, 45.0)


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        ("cost: true", "budget.cost: it must be a number"),
        ("tokens: yes", "budget.tokens: it must be a number"),
        ("time: true", "budget.time: it must be a number"),
        ("cost: 0", "budget.cost: must be greater than 0"),
        ("calls: -1", "budget.calls: must be"),
        ("time: soon", "budget.time: it must be a time such as 2h"),
        ("token: 5", "did you mean budget.tokens?"),
    ],
)
def test_what_is_no_limit_is_refused_with_a_sentence(budget: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        loaded(f"budget: {{{budget}}}\n")
    assert said in str(refused.value) and "tea.yaml, line 1" in str(refused.value)


def test_another_model_named_by_a_flag_does_not_have_the_prices_of_the_configs_model() -> None:
    for flags in ({"llm__model": "gpt-4o"}, {"llm__provider": "anthropic"}):
        every = {
            **flags,
            **{f"{section}__{key}": v for section in ("topics", "generation") for key, v in flags.items()},
        }
        config = loaded(PRICED, **every)
        assert config.topics.llm.prices is None and config.generation.llm.prices is None
    same = loaded(PRICED, llm__model="our-own", topics__llm__model="our-own", generation__llm__model="our-own")
    assert same.generation.llm.prices is not None


def test_a_sections_other_model_has_prices_of_its_own_or_none() -> None:
    own = "topics: {prompt: Tea, llm: {model: small, prices: {input: 1, output: 2}}}\n"
    text = PRICED + own + REST.partition("\n")[2]
    config = load(text, source="tea.yaml").config
    assert config.topics.llm.prices and config.topics.llm.prices.input == 1
    assert config.generation.llm.prices and config.generation.llm.prices.input == 0.01
    without = load(text.replace(", prices: {input: 1, output: 2}", ""), source="tea.yaml").config
    assert without.topics.llm.prices is None
