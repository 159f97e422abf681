"""What of a config decides the data, so that a resumed run doesn't mix two datasets without a word."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from deepfabric_core.config.schema import Config

# Left out, and why. A key stands for everything below it; `*` stands for one name.
_NOT_DATA: Mapping[str, str] = {
    "llm": "topics.llm and generation.llm are complete by themselves",
    "*.llm.base_url": "where the model is, not which one",
    "*.llm.timeout": "patience",
    "*.llm.client": "the same calls, made in another way",
    "*.llm.simulated": "delays and faults only",
    "topics.max_concurrent": "speed",
    "topics.max_retries": "patience",
    "topics.expansion_retries": "patience",
    "topics.save_as": "a place",
    "generation.max_retries": "patience",
    "generation.sample_retries": "patience",
    "generation.rate_limit": "speed and patience",
    "generation.save_as": "a place",
    "output.save_as": "a place",
    "output.num_samples": "a larger dataset holds the smaller one",
    "output.batch_size": "speed",
    "output.checkpoint": "safety",
    "output.formatters": "without effect",
    "evaluation": "without effect",
    "huggingface": "where it is published",
    "kaggle": "where it is published",
    "deepfabric_cloud": "without effect",
}

Fingerprint = dict[str, str]

_TOPICS = "topics."


def fingerprint(config: Config) -> Fingerprint:
    """Every key that decides the data, dotted, with its value as JSON."""
    return dict(_leaves(config.model_dump(mode="json"), ""))


def changed(before: Mapping[str, str], now: Mapping[str, str], *, topics_given: bool = False) -> list[str]:
    """The keys whose values differ; those of topics don't count where topics are given now, or were before."""
    if topics_given or not part_of_topics(before):
        before, now = without_topics(before), without_topics(now)
    return [key for key in sorted({*before, *now}) if before.get(key) != now.get(key)]


def part_of_topics(prints: Mapping[str, str]) -> Fingerprint:
    """What decides the topics, where they are grown."""
    return {key: value for key, value in prints.items() if key.startswith(_TOPICS)}


def without_topics(prints: Mapping[str, str]) -> Fingerprint:
    """What decides the samples of given topics."""
    return {key: value for key, value in prints.items() if not key.startswith(_TOPICS)}


def _leaves(value: Any, key: str) -> Iterator[tuple[str, str]]:
    if key and _left_out(key):
        return
    if isinstance(value, dict) and value and key != "generation.output_schema":
        for name, part in value.items():
            yield from _leaves(part, f"{key}.{name}" if key else name)
    else:
        yield key, json.dumps(value, sort_keys=True, ensure_ascii=False)


def _left_out(key: str) -> bool:
    first, _, rest = key.partition(".")
    return key in _NOT_DATA or f"*.{rest}" in _NOT_DATA or first in _NOT_DATA
