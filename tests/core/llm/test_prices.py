"""Prices: against litellm's own for every model that the direct path may call, and those that the config gives."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from importlib.metadata import version
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deepfabric_core.config.llm import Llm, ModelPrices
from deepfabric_core.llm.clients.litellm_model import import_litellm
from deepfabric_core.llm.prices import Prices, costs_nothing, price_list, prices_of

USAGES: dict[str, dict[str, Any]] = {
    "plain": {"prompt_tokens": 1200, "completion_tokens": 345},
    "cached": {
        "prompt_tokens": 5000,
        "completion_tokens": 20,
        "prompt_tokens_details": {"cached_tokens": 4096, "audio_tokens": 0},
    },
    "stored": {
        "prompt_tokens": 5000,
        "completion_tokens": 20,
        "prompt_tokens_details": {"cached_tokens": 1000, "cache_write_tokens": 2000},
    },
    "reasoning": {
        "prompt_tokens": 70,
        "completion_tokens": 3000,
        "completion_tokens_details": {"reasoning_tokens": 2500, "accepted_prediction_tokens": 0, "audio_tokens": 0},
    },
    "at the long prompt's limit": {"prompt_tokens": 272000, "completion_tokens": 10},
    "a long prompt": {
        "prompt_tokens": 300000,
        "completion_tokens": 4000,
        "prompt_tokens_details": {"cached_tokens": 131072},
        "completion_tokens_details": {"reasoning_tokens": 100},
    },
}
TIERS = (None, "default", "flex", "priority")


def chat_models(provider: str) -> list[str]:
    entries = import_litellm().model_cost.items()
    kinds = ("chat", "completion", "responses")
    return [
        name
        for name, entry in entries
        if entry.get("litellm_provider") == provider and entry.get("mode") in kinds and "input_cost_per_token" in entry
    ]


def litellms(
    provider: str, model: str, served: str, usage: dict[str, Any], tier: str | None, region: str | None = None
) -> float | None:
    """What litellm says that a call costs, in the way it finds it out after each call."""
    litellm = import_litellm()
    total = usage["prompt_tokens"] + usage["completion_tokens"]
    response = litellm.ModelResponse(model=served, usage=litellm.Usage(**usage, total_tokens=total))
    if tier is not None:
        response.service_tier = tier
    try:
        return float(
            litellm.completion_cost(
                completion_response=response,
                model=model,
                custom_llm_provider=provider,
                call_type="acompletion",
                data_residency=region,
            )
        )
    except Exception:  # noqa: BLE001 - what it raises for an unknown model has no name of its own
        return None


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("shape", USAGES)
def test_every_model_of_openai_costs_what_litellm_says(shape: str, tier: str | None) -> None:
    models = chat_models("openai")
    assert len(models) > 50
    usage = USAGES[shape]
    for model in models:
        expected = litellms("openai", model, model, usage, tier)
        assert Prices("openai", model).cost(model, usage, tier) == pytest.approx(expected, rel=1e-9), model


@pytest.mark.parametrize("provider", ["openrouter", "ollama", "hosted_vllm"])
def test_every_model_of_the_other_providers_costs_what_litellm_says(provider: str) -> None:
    for model in [*chat_models(provider), "openai/gpt-4o", "gpt-4o", "unheard-of"]:
        bare = model.removeprefix(f"{provider}/")
        if provider == "ollama" and bare == model:
            continue  # litellm asks the server of an unknown model, and there is none here
        for usage in USAGES.values():
            assert Prices(provider, bare).cost(bare, usage) == litellms(provider, bare, bare, usage, None), model


def test_a_model_without_a_price_has_no_cost_where_litellm_says_that_it_is_free() -> None:
    usage, model = USAGES["plain"], "anthropic/claude-sonnet-4.5"
    assert litellms("openrouter", model, model, usage, None) == 0.0
    assert Prices("openrouter", model).cost(model, usage) is None


@pytest.mark.parametrize(
    ("asked", "served"),
    [
        ("gpt-4o", "gpt-4o-2024-05-13"),
        ("gpt-4o", "GPT-4o"),
        ("gpt-4o", "openai/gpt-4o"),
        ("gpt-4o", "local-model"),
        ("gpt-4o", "gpt-4o-2031-01-31"),
        ("local-model", "gpt-4o-mini"),
        ("ft:gpt-4o-2024-08-06", "ft:gpt-4o-2024-08-06:my-org:suffix:id"),
        ("ft:gpt-4o-2024-08-06:my-org::id", "ft:gpt-4o-2024-08-06:my-org::id"),
        ("local-model", "another"),
        ("meta-llama/Llama-3.1-8B", "meta-llama/Llama-3.1-8B"),
    ],
)
def test_the_model_that_served_decides_and_where_it_has_no_price_the_one_asked_for(asked: str, served: str) -> None:
    usage = USAGES["cached"]
    assert Prices("openai", asked).cost(served, usage) == pytest.approx(litellms("openai", asked, served, usage, None))


def test_openais_regional_hosts_cost_more() -> None:
    usage, model = USAGES["a long prompt"], "gpt-5.5"
    cost = Prices("openai", model, "https://eu.api.openai.com/v1").cost(model, usage)
    assert cost == pytest.approx(litellms("openai", model, model, usage, None, "eu"))
    assert cost != pytest.approx(Prices("openai", model).cost(model, usage))


@pytest.mark.parametrize(
    ("provider", "model", "kind", "listed"),
    [
        ("anthropic", "claude-sonnet-4-5", "anthropic", "claude-sonnet-4-5"),
        ("gemini", "gemini-2.5-pro", "gemini", "gemini/gemini-2.5-pro"),
        ("vertex_ai", "gemini-2.5-pro", "vertex_ai", "gemini-2.5-pro"),
        ("vertex_ai", "claude-sonnet-4-5", "vertex_ai", "vertex_ai/claude-sonnet-4-5"),
        ("bedrock", "amazon.nova-lite-v1:0", "bedrock", "amazon.nova-lite-v1:0"),
        ("azure", "gpt-4o", "azure", "azure/gpt-4o"),
        ("deepseek", "deepseek-chat", "deepseek", "deepseek/deepseek-chat"),
        ("mistral", "mistral-large-latest", "mistral", "mistral/mistral-large-latest"),
        ("cohere", "command-a-03-2025", "cohere_chat", "command-a-03-2025"),
        ("dashscope", "qwen-flash", "dashscope", "dashscope/qwen-flash"),
    ],
)
def test_the_models_of_every_kind_of_provider_are_found(provider: str, model: str, kind: str, listed: str) -> None:
    prices = prices_of(Llm(provider=provider, model=model))
    usage = USAGES["plain"]
    assert prices.cost(model, usage) == pytest.approx(litellms(kind, listed, listed, usage, None))
    assert prices.likely(1200, 345) == pytest.approx(prices.cost(model, usage))


OWN = ModelPrices(input=1, output=10, cached_input=0.25)


def test_prices_of_the_config_hold_for_its_model_whichever_model_answers() -> None:
    prices = prices_of(Llm(model="gpt-4o", prices=OWN))
    usage = {"prompt_tokens": 1000, "completion_tokens": 100, "prompt_tokens_details": {"cached_tokens": 800}}
    assert prices.cost("gpt-4o-2024-05-13", usage, "priority") == pytest.approx((200 + 0.25 * 800 + 10 * 100) / 1e6)
    assert prices.likely(1000, 100, cached=800) == prices.cost(None, usage)
    assert prices.most(1000, 100) == pytest.approx((1000 + 10 * 100) / 1e6)


def test_cached_tokens_cost_as_much_as_others_unless_the_config_says_otherwise() -> None:
    prices = prices_of(Llm(provider="vllm", model="own", prices=ModelPrices(input=1, output=10)))
    assert prices.likely(1000, 0, cached=1000) == prices.likely(1000, 0) == pytest.approx(0.001)


@pytest.mark.parametrize("model", ["unheard-of", "container"])
def test_an_unknown_price_is_unknown_and_never_0(model: str) -> None:
    prices = prices_of(Llm(model=model))
    assert prices.most(10, 10) is prices.likely(10, 10) is prices.cost(model, USAGES["plain"]) is None
    assert not prices.are_known


@pytest.mark.parametrize(
    "usage", [None, {}, "text", {"prompt_tokens": 0, "completion_tokens": 0}, {"completion_tokens": 7}]
)
def test_a_reply_without_token_counts_has_no_known_cost(usage: Any) -> None:
    assert Prices("openai", "gpt-4o").cost("gpt-4o", usage) is None
    assert prices_of(Llm(prices=OWN)).cost("gpt-4o", usage) is None


@pytest.mark.parametrize("provider", ["simulated", "demo", "local", "ray-vllm"])
def test_what_answers_on_machines_of_ones_own_costs_nothing(provider: str) -> None:
    settings = Llm(provider=provider, model="any")
    assert costs_nothing(settings)
    assert prices_of(settings).most(1000, 1000) == 0


def test_a_server_of_ones_own_has_no_price_until_the_config_gives_one() -> None:
    settings = Llm(provider="vllm", model="own")
    assert not costs_nothing(settings)
    assert prices_of(settings).most(1000, 1000) is None


counts = st.integers(0, 400_000)


@given(prompt=st.integers(1, 400_000), completion=counts, cached=counts, stored=counts, thought=counts)
@example(prompt=200_001, completion=0, cached=200_001, stored=0, thought=0)
@example(prompt=100, completion=0, cached=10**9, stored=10**9, thought=0)
def test_no_call_costs_more_than_the_most_or_less_than_nothing(
    prompt: int, completion: int, cached: int, stored: int, thought: int
) -> None:
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "prompt_tokens_details": {"cached_tokens": cached, "cache_creation_tokens": stored},
        "completion_tokens_details": {"reasoning_tokens": min(thought, completion)},
    }
    for priced in (
        Llm(),
        Llm(provider="anthropic", model="claude-sonnet-4-5"),
        Llm(model="gpt-5.5"),
        Llm(prices=OWN),
    ):
        prices = prices_of(priced)
        cost, most = prices.cost(None, usage), prices.most(prompt, completion)
        assert cost is not None
        assert most is not None
        assert 0 <= cost <= most * (1 + 1e-9)


def test_the_price_list_has_the_packages_version_and_the_day_of_its_making() -> None:
    found = price_list()
    assert found is not None
    assert found.name == f"litellm {version('litellm')}"
    assert found.date is None or date.fromisoformat(found.date) <= date.today()  # noqa: DTZ011 - a day, not a moment
    assert str(found).startswith(found.name)


def test_prices_are_read_without_importing_litellm() -> None:
    code = (
        "import sys\nfrom deepfabric_core.config.llm import Llm\nfrom deepfabric_core.llm import prices\n"
        "assert prices.prices_of(Llm()).are_known and prices.price_list()\nassert 'litellm' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
