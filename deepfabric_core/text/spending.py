"""What calls cost, in words and for scripts: altogether, by purpose and per sample."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from deepfabric_core.amounts import PURPOSES, Spending, Spent, Usage, total
from deepfabric_core.wording import counted, money

# What is said of providers whose models never cost anything.
_FREE = {
    "simulated": "a simulated model",
    "demo": "the demo",
    "local": "a local model",
    "ray-vllm": "a model on your own cluster",
}


def cost_in_words(spent: Spent, models: Iterable[str] = ()) -> str:
    """Return what some calls of these models cost, as far as prices are known.

    >>> cost_in_words(Spent(2, Usage(9, 9, 0.5))), cost_in_words(Spent(2, Usage(9, 9, 0.5), unpriced=1))
    ('$0.50', 'at least $0.50 (1 call of unknown price)')
    >>> cost_in_words(Spent(2, Usage(9, 9), unpriced=2)), cost_in_words(Spent(2, Usage(9, 9, 0.0)), ["demo"])
    ('unknown', 'none (the demo)')
    """
    if not spent.attempts:
        return "none"
    if spent.is_free:
        return f"none ({why_free(models)})"
    if spent.usage.cost is None:
        return "unknown"
    unknown = f" ({counted(spent.unpriced, 'call')} of unknown price)" if spent.unpriced else ""
    return f"{'at least ' if unknown else ''}{money(spent.usage.cost)}{unknown}"


def why_free(models: Iterable[str]) -> str:
    """Return why calls of these models, each named with its provider, cost nothing."""
    providers = {name.partition("/")[0] for name in models if name}
    return _FREE.get(providers.pop(), "") if len(providers) == 1 and providers <= _FREE.keys() else "the price is 0"


def are_free(models: Iterable[str]) -> bool:
    """Return whether each of these models, named with its provider, is known never to cost anything.

    Empty names don't count.

    >>> are_free(["simulated/gpt-4o", "demo"]), are_free(["simulated/gpt-4o", "openai/gpt-4o"])
    (True, False)
    """
    return {name.partition("/")[0] for name in models if name} <= _FREE.keys()


def by_purpose(spending: Spending) -> str:
    """Return the cost of each purpose that cost something; empty if there are fewer than two.

    >>> by_purpose({"topics": Spent(1, Usage(9, 9, 0.1)), "samples": Spent(4, Usage(9, 9), unpriced=4)})
    'topics $0.10, samples unknown'
    """
    parts = list(_parts(spending))
    return ", ".join(parts) if len(parts) > 1 else ""


def _parts(spending: Spending) -> Iterator[str]:
    for purpose in PURPOSES:
        spent = spending.get(purpose, Spent())
        if spent.usage.cost:
            yield f"{purpose} {'at least ' if spent.unpriced else ''}{money(spent.usage.cost)}"
        elif spent.unpriced:
            yield f"{purpose} unknown"


def per_sample(spent: Spent, samples: int) -> str:
    """Return what each of some samples cost, with all that was spent to get them; empty if nothing can be said.

    >>> per_sample(Spent(8, Usage(9, 9, 0.5)), 4), per_sample(Spent(8, Usage(9, 9)), 4)
    ('$0.125', '')
    """
    if not samples or not spent.usage.cost:
        return ""
    return f"{'at least ' if spent.unpriced else ''}{money(spent.usage.cost / samples)}"


def cached(usage: Usage) -> str:
    """Return how much of the prompts came from the provider's cache; empty if nothing did.

    >>> cached(Usage(45_000, 800, 0.5, 12_300))
    '12,300 of 45,000 prompt tokens came from the cache'
    """
    if not usage.cached_tokens:
        return ""
    return f"{usage.cached_tokens:,} of {usage.prompt_tokens:,} prompt tokens came from the cache"


def spending_as_json(spending: Spending) -> dict[str, dict[str, Any]]:
    """Return the calls, tokens and cost of each purpose that there is; a cost is without that of unpriced calls."""
    return {purpose: spent_as_json(spending[purpose]) for purpose in PURPOSES if purpose in spending}


def spent_as_json(spent: Spent) -> dict[str, Any]:
    """Return calls, tokens and cost."""
    usage = spent.usage
    return {
        "calls": spent.attempts,
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "cached_tokens": usage.cached_tokens,
        "cost": usage.cost,
        "unpriced_calls": spent.unpriced,
    }


def cost_per_sample(spending: Spending, samples: int) -> float | None:
    """Return the cost of each of some samples in US dollars; None if there are none, or a price is unknown."""
    spent = total(spending)
    if not samples or spent.unpriced or spent.usage.cost is None:
        return None
    return spent.usage.cost / samples
