"""The cost of a call, computed like litellm does and from its price list, without importing litellm."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from deepfabric_core.llm.chat_completions import count, part

PriceList = Mapping[str, Mapping[str, Any]]

_LIST = "model_prices_and_context_window_backup.json"
_PARTS = (
    "input_cost_per_token",
    "output_cost_per_token",
    "cache_read_input_token_cost",
    "cache_creation_input_token_cost",
)
_REASONING = "output_cost_per_reasoning_token"
_KEPT = re.compile(rf"({'|'.join(_PARTS)}|{_REASONING}|regional_|default_reasoning_effort)")
# Service tiers that may have served a call, and the suffix of their prices' names.
_TIERS = {
    "flex": "_flex",
    "priority": "_priority",
    "fast": "_priority",
    "balanced": "_balanced",
    "ultrafast": "_ultrafast",
}
_ABOVE = re.compile(rf"(?:{'|'.join(_PARTS)})_above_(\d+)(k?)_tokens(.*)")
# Limits for names that a server returns: no model's name is longer, no endpoint serves more models under one name.
_LONGEST_NAME = 200
_REMEMBERED = 64
_REGIONS = {"eu.api.openai.com": "eu", "us.api.openai.com": "us"}


class Rates(NamedTuple):
    """US dollars per token, for prompts longer than `above` tokens."""

    above: float
    fresh: float
    answered: float
    cached: float
    stored: float
    reasoning: float


class Prices:
    """The prices of one provider's models, for calls of the model `model`. Creating it takes about 50 ms."""

    def __init__(self, provider: str, model: str, base_url: str = "") -> None:
        self._provider = provider
        self._model = model
        self._region = _REGIONS.get(urlsplit(base_url).hostname or "") if provider == "openai" else None
        self._list = _price_list(provider)
        self._known: dict[tuple[str, str], tuple[Rates, ...] | None] = {}

    @property
    def reasons_by_default(self) -> bool:
        """Return whether the model reasons unless told not to, according to the price list."""
        return (self._entry(self._model) or {}).get("default_reasoning_effort") != "none"

    def cost(self, served: Any, usage: Any, tier: Any = None) -> float | None:
        """Return the cost of a call in US dollars, or None if no price is known.

        Args:
            served: the model that answered, as the provider states it; invalid values are ignored.
            usage: the provider's usage object.
            tier: the service tier, as the provider states it.
        """
        named = served if isinstance(served, str) and 0 < len(served) <= _LONGEST_NAME else self._model
        key = (named, _TIERS.get(tier, "") if isinstance(tier, str) else "")
        if key not in self._known:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[key] = self._rates(*key)
        levels = self._known[key]
        if levels is None:
            return None
        asked = count(part(usage, "prompt_tokens"))
        return _sum(next(rates for rates in levels if asked > rates.above), asked, usage)

    def _rates(self, served: str, suffix: str) -> tuple[Rates, ...] | None:
        entry = self._entry(served)
        if entry is None:
            entry = self._entry(self._model)
        if entry is None:
            return None
        uplift = entry.get(f"regional_processing_uplift_multiplier_{self._region}") or 1.0
        levels = [Rates(level.above, *(rate * uplift for rate in level[1:])) for level in _levels(entry, suffix)]
        return tuple(reversed(levels))

    def _entry(self, name: str) -> Mapping[str, Any] | None:
        bare = name.removeprefix(f"{self._provider}/")
        family = re.sub(r"(:[^:]*){3}$" if "ft:" in bare else r"-\d{4}-\d{2}-\d{2}$", "", bare)
        names = (f"{self._provider}/{bare}", bare, f"{self._provider}/{family}", family)
        return next((self._list[one.lower()] for one in names if one.lower() in self._list), None)


@cache
def _price_list(provider: str) -> PriceList:
    """Return the provider's entries of litellm's list, by name in lower case; empty if litellm isn't installed."""
    found = find_spec("litellm")
    if found is None or found.origin is None:
        return {}
    entries = json.loads((Path(found.origin).parent / _LIST).read_bytes())
    return {
        name.lower(): {key: value for key, value in entry.items() if _KEPT.match(key)}
        for name, entry in entries.items()
        if entry.get("litellm_provider") == provider
    }


def _levels(entry: Mapping[str, Any], suffix: str) -> Iterator[Rates]:
    """Yield the rates for short prompts, then those for longer and longer ones."""
    found: dict[str, Any] = {part: entry.get(part + suffix) or entry.get(part) for part in _PARTS}
    yield _with_defaults(-1, found, entry, suffix)
    for above, label in _thresholds(entry, suffix):
        for kind in _PARTS:
            long = f"{kind}_above_{label}_tokens"
            found[kind] = next((entry[key] for key in (long + suffix, long) if entry.get(key) is not None), found[kind])
        yield _with_defaults(above, found, entry, suffix)


def _thresholds(entry: Mapping[str, Any], suffix: str) -> list[tuple[int, str]]:
    matches = [match for match in map(_ABOVE.fullmatch, entry) if match and match[3] in ("", suffix)]
    return sorted({(int(match[1]) * (1000 if match[2] else 1), match[1] + match[2]) for match in matches})


def _with_defaults(above: float, found: Mapping[str, Any], entry: Mapping[str, Any], suffix: str) -> Rates:
    """Return rates in which a kind of token without a price of its own costs as much as a plain one."""
    fresh, answered, cached, stored = (found[part] for part in _PARTS)
    fresh, answered = fresh or 0.0, answered or 0.0
    reasoning = entry.get(_REASONING + suffix)
    if reasoning is None and not (suffix and entry.get(_PARTS[1] + suffix) is not None):
        reasoning = entry.get(_REASONING)
    return Rates(
        above,
        fresh,
        answered,
        fresh if cached is None else cached,
        fresh if stored is None else stored,
        answered if reasoning is None else reasoning,
    )


def _sum(rates: Rates, asked: int, usage: Any) -> float:
    prompt = part(usage, "prompt_tokens_details")
    cached = count(part(prompt, "cached_tokens"))
    stored = count(part(prompt, "cache_write_tokens")) or count(part(prompt, "cache_creation_tokens"))
    answered = count(part(usage, "completion_tokens"))
    thought = count(part(part(usage, "completion_tokens_details"), "reasoning_tokens"))
    return float(
        max(asked - cached - stored, 0) * rates.fresh
        + cached * rates.cached
        + stored * rates.stored
        + max(answered - thought, 0) * rates.answered
        + thought * rates.reasoning
    )
