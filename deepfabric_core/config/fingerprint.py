"""What of a config decides the data, so that a resumed run doesn't mix two datasets without a word.

What may be secret stands in it as a keyed hash; what is a secret for certain, such as a header, not at all: a token may
be exchanged for another one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from deepfabric_core.config.schema import Config
from deepfabric_core.config.secret_keys import holds_at
from deepfabric_core.config.secret_values import Holds, lasting_part, masked_address
from deepfabric_core.redaction import HIDDEN, is_secret_name, without_lookalikes

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


# What begins a keyed hash; the name of its key and the hash itself follow, after a colon each.
HASHED = "hmac-sha256"

# Answers the keyed hash of a text, or HIDDEN where there is no key.
KeyedHash = Callable[[str], str]


def fingerprint(config: Config, keyed_hash: KeyedHash) -> Fingerprint:
    """Every key that decides the data, dotted, with its value as JSON, or as what stands for a secret."""
    return without_secrets(dict(_leaves(config.model_dump(mode="json"), "")), keyed_hash)


def without_secrets(prints: Mapping[str, str], keyed_hash: KeyedHash) -> Fingerprint:
    """A fingerprint in which no secret stands, also where an earlier version made it; another time changes nothing."""
    return {key: _without_secret(key, value, keyed_hash) for key, value in prints.items()}


def changed(before: Mapping[str, str], now: Mapping[str, str], *, topics_given: bool = False) -> list[str]:
    """The keys whose values differ; those of topics don't count where topics are given now, or were before."""
    if topics_given or not part_of_topics(before):
        before, now = without_topics(before), without_topics(now)
    return [key for key in sorted({*before, *now}) if _differ(before.get(key), now.get(key))]


def _without_secret(key: str, value: str, keyed_hash: KeyedHash) -> str:
    if value == HIDDEN or value.startswith(f"{HASHED}:"):
        return value
    holds = holds_at(key)
    if holds is None:
        named = is_secret_name(key) and value.startswith('"') and value != '""'
        secret = named or without_lookalikes(value) != value
        return keyed_hash(f"{key} {value}") if secret else value
    content = _content(value)
    if not content:
        return value
    if holds is Holds.VALUES:
        return HIDDEN
    lasting = lasting_part(content, holds)
    if holds is Holds.ADDRESS and masked_address(lasting) == lasting:
        return json.dumps(lasting, ensure_ascii=False)
    return keyed_hash(f"{key} {json.dumps(lasting)}")


def _content(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value


def _differ(one: str | None, other: str | None) -> bool:
    """Whether two values differ for certain: hashes by two keys, or none for want of a key, say nothing."""
    if one is None or other is None or one == other:
        return one != other
    keys = [_key_of(value) for value in (one, other)]
    return None in keys or (keys[0] == keys[1] and HIDDEN not in keys)


def _key_of(value: str) -> str | None:
    """The name of the key of a hash, HIDDEN for what stands for a value that nobody may know, else None."""
    if value == HIDDEN:
        return HIDDEN
    return value.split(":")[1] if value.startswith(f"{HASHED}:") else None


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
