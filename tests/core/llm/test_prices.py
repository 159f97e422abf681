"""The direct path's prices against litellm's own, for every model that the direct path may call."""

from __future__ import annotations

from typing import Any

import pytest

from deepfabric_core.llm.clients.litellm_model import import_litellm
from deepfabric_core.llm.prices import Prices

USAGES: dict[str, dict[str, Any]] = {
    "plain": {"prompt_tokens": 1200, "completion_tokens": 345},
    "nothing": {"prompt_tokens": 0, "completion_tokens": 0},
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
    return [name for name, entry in entries if entry.get("litellm_provider") == provider and entry.get("mode") in kinds]


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
