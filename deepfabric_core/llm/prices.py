"""The cost of a call, computed like litellm does and from its price list, without importing litellm.

Prices that the config gives take the place of the list's. A price that isn't known is None, never 0.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from deepfabric_core.config.llm import Llm, ModelPrices
from deepfabric_core.llm.chat_completions import cached_tokens, count, part, stored_tokens, tokens_said

_Entries = Mapping[str, Mapping[str, Any]]

_PACKAGE = "litellm"
_LIST = "model_prices_and_context_window_backup.json"
# The list of the parts that the package was built from says when; the files' own dates are those of the installation.
_BUILT = re.compile(r'"timestamp":\s*"(\d{4}-\d{2}-\d{2})T')
_HEAD_CHARACTERS = 2000
# The list's names of providers, where they differ from ours; it has some more for the kinds of a provider's models.
_LISTED = {
    "vllm": ("hosted_vllm",),
    "bedrock": ("bedrock", "bedrock_converse"),
    "cohere": ("cohere", "cohere_chat"),
}
# They answer on one's own machines, or from what is written already.
_FREE = ("simulated", "demo", "recorded", "local", "ray-vllm")
_PER_MILLION = 1e-6
_PARTS = (
    "input_cost_per_token",
    "output_cost_per_token",
    "cache_read_input_token_cost",
    "cache_creation_input_token_cost",
)
_REASONING = "output_cost_per_reasoning_token"
_TIERED = "tiered_pricing"
_KEPT = re.compile(rf"({'|'.join(_PARTS)}|{_REASONING}|{_TIERED}|regional_|default_reasoning_effort|prompt_cache_min)")
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


class PriceList(NamedTuple):
    """The name and version of a price list, and the day on which it was built if that is known."""

    name: str
    date: str | None

    def __str__(self) -> str:
        return f"{self.name} of {self.date}" if self.date else self.name


@cache
def price_list() -> PriceList | None:
    """Return which price list is used; None if there is none, since litellm isn't installed."""
    try:
        package = distribution(_PACKAGE)
    except PackageNotFoundError:
        return None
    return PriceList(f"{_PACKAGE} {package.version}", _built(package))


def _built(package: Distribution) -> str | None:
    folder = Path(str(package.locate_file(f"{_PACKAGE}-{package.version}.dist-info"))) / "sboms"
    for file in sorted(folder.glob("*.json")):  # which is quicker than to read the list of all files
        try:
            found = _BUILT.search(file.read_text()[:_HEAD_CHARACTERS])
        except (OSError, ValueError):
            continue
        if found:
            return found[1]
    return None


def costs_nothing(settings: Llm) -> bool:
    """Return whether a model's calls cost nothing: it is simulated, or answers on one's own machines."""
    return settings.provider in _FREE


def prices_of(settings: Llm) -> Prices:
    """Return the prices of a model: the config's, or else the list's; 0 for a model that costs nothing."""
    own = ModelPrices(input=0, output=0) if costs_nothing(settings) else settings.prices
    return Prices(settings.provider, settings.model, settings.address, own)


class Rates(NamedTuple):
    """US dollars per token, for prompts longer than `above` tokens."""

    above: float
    fresh: float
    answered: float
    cached: float
    stored: float
    reasoning: float


class Prices:
    """The prices of one provider's models, for calls of the model `model`. Creating it takes about 50 ms.

    `own` are prices that hold whichever model answers, in place of the list's.
    """

    def __init__(self, provider: str, model: str, base_url: str = "", own: ModelPrices | None = None) -> None:
        self._provider = _LISTED.get(provider, (provider,))[0]
        self._model = model
        self._region = _REGIONS.get(urlsplit(base_url).hostname or "") if provider == "openai" else None
        self._list = _entries(provider)
        self._own = (_rates_of(own),) if own else None
        self._known: dict[tuple[str, str], tuple[Rates, ...] | None] = {}

    @property
    def reasons_by_default(self) -> bool:
        """Return whether the model reasons unless told not to, according to the price list."""
        return (self._entry(self._model) or {}).get("default_reasoning_effort") != "none"

    @property
    def fewest_cached_tokens(self) -> int | None:
        """Return the fewest tokens that the provider caches, according to the price list; None if unsaid."""
        return count((self._entry(self._model) or {}).get("prompt_cache_min_tokens")) or None

    @property
    def are_own(self) -> bool:
        """Return whether they are given, rather than looked up."""
        return self._own is not None

    @property
    def are_known(self) -> bool:
        """Return whether there are prices for the model."""
        return self._levels_for(self._model, "") is not None

    def most(self, prompt_tokens: float, completion_tokens: float) -> float | None:
        """Return the most that a call with so many tokens can cost in US dollars; None if no price is known.

        Prices of a service tier aren't considered.
        """
        levels = self._levels_for(self._model, "")
        if levels is None:
            return None
        asked = max(max(one.fresh, one.cached, one.stored) for one in levels if one.above < prompt_tokens)
        answered = max(max(one.answered, one.reasoning) for one in levels if one.above < prompt_tokens)
        return prompt_tokens * asked + completion_tokens * answered

    def likely(self, prompt_tokens: float, completion_tokens: float, cached: float = 0) -> float | None:
        """Return what a call costs in US dollars, `cached` of whose prompt tokens are cached; None if unknown."""
        levels = self._levels_for(self._model, "")
        if levels is None:
            return None
        rates = _level(levels, prompt_tokens)
        found = min(cached, prompt_tokens)
        return (prompt_tokens - found) * rates.fresh + found * rates.cached + completion_tokens * rates.answered

    def cost(self, served: Any, usage: Any, tier: Any = None) -> float | None:
        """Return the cost of a call in US dollars; None if no price is known, or the usage has no token counts.

        Args:
            served: the model that answered, as the provider states it; invalid values are ignored.
            usage: the provider's usage object.
            tier: the service tier, as the provider states it.
        """
        named = served if isinstance(served, str) and 0 < len(served) <= _LONGEST_NAME else self._model
        levels = self._levels_for(named, _TIERS.get(tier, "") if isinstance(tier, str) else "")
        if levels is None or not tokens_said(usage):
            return None
        asked = count(part(usage, "prompt_tokens"))
        return _sum(_level(levels, asked), asked, usage)

    def _levels_for(self, served: str, suffix: str) -> tuple[Rates, ...] | None:
        """Return the rates, those for the longest prompts first."""
        if self._own is not None:
            return self._own
        key = served, suffix
        if key not in self._known:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[key] = self._rates(*key)
        return self._known[key]

    def _rates(self, served: str, suffix: str) -> tuple[Rates, ...] | None:
        entry = next(filter(_is_priced, map(self._entry, (served, self._model))), None)
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
def _entries(provider: str) -> _Entries:
    """Return what the list has on a provider's models, by name in lower case; nothing if litellm isn't installed."""
    found = find_spec(_PACKAGE)
    if found is None or found.origin is None:
        return {}
    listed = _LISTED.get(provider, (provider,))
    entries = json.loads((Path(found.origin).parent / _LIST).read_bytes())
    return {
        name.lower(): {key: value for key, value in entry.items() if _KEPT.match(key)}
        for name, entry in entries.items()
        if _is_of(entry.get("litellm_provider"), listed)
    }


def _is_of(named: Any, listed: tuple[str, ...]) -> bool:
    return named in listed or (isinstance(named, str) and named.startswith(tuple(f"{one}-" for one in listed)))


def _is_priced(entry: Mapping[str, Any] | None) -> bool:
    found = entry or {}
    return bool(found.get(_TIERED)) or all(found.get(name) is not None for name in _PARTS[:2])


def _rates_of(own: ModelPrices) -> Rates:
    asked, answered = own.input * _PER_MILLION, own.output * _PER_MILLION
    cached = asked if own.cached_input is None else own.cached_input * _PER_MILLION
    return Rates(-1, asked, answered, cached, asked, answered)


def _level(levels: tuple[Rates, ...], asked: float) -> Rates:
    return next(rates for rates in levels if asked > rates.above)


def _levels(entry: Mapping[str, Any], suffix: str) -> Iterator[Rates]:
    """Yield the rates for short prompts, then those for longer and longer ones."""
    if entry.get(_TIERED) and entry.get(_PARTS[0]) is None:
        for place, one in enumerate(entry[_TIERED]):
            yield _with_defaults(one["range"][0] if place else -1, {name: one.get(name) for name in _PARTS}, one, "")
        return
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
    cached = min(cached_tokens(usage), asked)
    stored = min(stored_tokens(usage), asked - cached)
    answered = count(part(usage, "completion_tokens"))
    thought = count(part(part(usage, "completion_tokens_details"), "reasoning_tokens"))
    return float(
        (asked - cached - stored) * rates.fresh
        + cached * rates.cached
        + stored * rates.stored
        + max(answered - thought, 0) * rates.answered
        + thought * rates.reasoning
    )
