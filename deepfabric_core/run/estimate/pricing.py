"""What the calls of a model cost, as far as it is known before one is made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from deepfabric_core.config.llm import Llm
from deepfabric_core.llm.prices import costs_nothing, price_list, prices_of
from deepfabric_core.samples.estimate.reckoning import Price

# Providers that keep long prompts in a cache without being asked, or as we ask them.
_CACHING = frozenset({"openai", "azure", "anthropic", "deepseek", "gemini", "xai"})
_SHORTEST_CACHED = 1024
_MILLION = 1_000_000

# How names of models become those of smaller ones. Only those that have a price are offered.
_SMALLER = (
    ("opus", "sonnet"),
    ("sonnet", "haiku"),
    ("-pro", "-flash"),
    ("-flash", "-flash-lite"),
    ("-mini", "-nano"),
    ("large", "medium"),
    ("large", "small"),
    ("medium", "small"),
    ("70b", "8b"),
)


def shortest_cached(settings: Llm) -> float:
    """Return from how many tokens on the provider keeps the beginning of prompts in a cache; infinite if it doesn't."""
    if settings.provider not in _CACHING:
        return float("inf")
    return prices_of(settings).fewest_cached_tokens or _SHORTEST_CACHED


def price_of(settings: Llm) -> Price | None:
    """Return what a call costs by its tokens, or None if that is unknown; the config's prices go first."""
    if costs_nothing(settings):
        return _nothing
    prices = prices_of(settings)
    if not prices.are_known:
        return None
    return lambda prompt, completion, cached: prices.likely(prompt, completion, cached) or 0.0


def _nothing(_prompt: float, _completion: float, _cached: float) -> float:
    return 0.0


def prices_used(models: Iterable[Llm]) -> str:
    """Return where the prices of these models are from: the config, or the list with its version and date."""
    priced = [one for one in models if not costs_nothing(one)]
    own = ["llm.prices of the config"] if any(one.prices is not None for one in priced) else []
    listed = price_list() if any(one.prices is None for one in priced) else None
    return ", and ".join([*own, *([f"price list of {listed}"] if listed else [])])


def smaller_models(settings: Llm) -> Iterator[Llm]:
    """Yield models of the same provider and family that cost less, the most similar one first."""
    now = price_of(settings)
    if now is None or costs_nothing(settings):
        return
    for name in _smaller_names(settings.model):
        other = settings.model_copy(update={"model": name, "prices": None})
        price = price_of(other)
        if price is not None and 0 < price(_MILLION, _MILLION, 0) < now(_MILLION, _MILLION, 0):
            yield other


def _smaller_names(name: str) -> Iterator[str]:
    yield f"{name}-mini"
    for part, smaller in _SMALLER:
        if part in name and smaller not in name:
            yield name.replace(part, smaller)
