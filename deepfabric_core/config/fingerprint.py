"""The fingerprint of a config: the keys that decide the data, so that a resumed run can tell what has changed.

Values that may be secret are kept as a keyed hash. Values that certainly are, such as headers, are hidden, since a
token may be replaced by another one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import PurePath
from typing import Any

from deepfabric_core.config.schema import Config
from deepfabric_core.config.secret_keys import holds_at
from deepfabric_core.config.secret_values import Holds, lasting_part, masked_address
from deepfabric_core.redaction import HIDDEN, is_secret_name, without_lookalikes

# The keys that are left out, and why. A key includes everything below it; `*.llm` is any of the models.
_NOT_DATA: Mapping[str, str] = {
    "llm": "topics.llm and generation.llm are complete by themselves",
    "language": "topics.language and generation.language are complete by themselves",
    "*.llm.base_url": "where the model is, not which one",
    "*.llm.timeout": "patience",
    "*.llm.client": "the same calls, made in another way",
    "*.llm.structured_output": "how JSON is asked for, not what",
    "*.llm.simulated": "delays and faults only",
    "*.llm.demo": "delays only",
    "*.llm.ray_vllm": "how the model is served, not which one",
    "*.llm.prices": "what it costs",
    "*.llm.recorded": "of provider recorded it counts by the trace's name, wherever that is; else it has no effect",
    "topics.max_concurrent": "speed",
    "topics.max_retries": "patience",
    "topics.expansion_retries": "patience",
    "topics.save_as": "a place",
    "topics.weights": "which topics get more samples; those that are made stay",
    "generation.max_retries": "patience",
    "generation.sample_retries": "patience",
    "generation.rate_limit": "speed and patience",
    "generation.save_as": "a place",
    "output.save_as": "a place",
    "output.num_samples": "a larger dataset holds the smaller one",
    "output.batch_size": "speed",
    "output.checkpoint": "safety",
    "output.exports": "what is made of it",
    "output.formatters": "what is made of it",
    "quality.attempts": "patience",
    "quality.on_exhausted": "what becomes of those that are refused",
    "quality.min_acceptance": "patience",
    "quality.judge.max_retries": "patience",
    "quality.judge.reply_retries": "patience",
    "quality.judge.max_concurrent": "speed",
    "budget": "how much of it is made",
    "run": "where it is made",
    "evaluation": "without effect",
    "huggingface": "where it is published",
    "kaggle": "where it is published",
    "deepfabric_cloud": "without effect",
}

Fingerprint = dict[str, str]

_TOPICS = "topics."
# Each section in this list has keys of its own, below its number.
_JUDGES = "quality.judges"

# The prefix of a keyed hash; the name of its key and the hash follow, each after a colon.
HASHED = "hmac-sha256"

# Returns the keyed hash of a text, or HIDDEN if there is no key.
KeyedHash = Callable[[str], str]


def fingerprint(config: Config, keyed_hash: KeyedHash) -> Fingerprint:
    """Return every key that decides the data, dotted, with its value as JSON, or a hash of it if it may be secret."""
    prints = dict(_leaves(config.model_dump(mode="json"), ""))
    return without_secrets(prints | _traces(config), keyed_hash)


def _traces(config: Config) -> Fingerprint:
    """Return the names of the traces from which recorded models answer."""
    quality = config.quality
    models = {"topics.llm": config.topics.llm, "generation.llm": config.generation.llm}
    models |= {"quality.judge.llm": quality.judge.llm} if quality.judge else {}
    models |= {f"{_JUDGES}.{number}.llm": judge.llm for number, judge in enumerate(quality.judges, 1)}
    answering = {key: llm.recorded.path for key, llm in models.items() if llm.provider == "recorded"}
    return {f"{key}.recorded.path": json.dumps(PurePath(path).name) for key, path in answering.items() if path}


def without_secrets(prints: Mapping[str, str], keyed_hash: KeyedHash) -> Fingerprint:
    """Return a fingerprint without secrets, even if an earlier version wrote it; the operation is idempotent."""
    return {key: _without_secret(key, value, keyed_hash) for key, value in prints.items()}


def changed(before: Mapping[str, str], now: Mapping[str, str], *, topics_given: bool = False) -> list[str]:
    """Return the keys whose values differ; keys of topics don't count if topics are loaded now, or were before.

    A key that an earlier version didn't know had its default then, and one that counts no more is passed over.
    """
    before = {key: value for key, value in before.items() if not _counts_no_more(key)}
    if topics_given or not part_of_topics(before):
        before, now = without_topics(before), without_topics(now)
    before = {**{key: value for key, value in _defaults().items() if key in now}, **before}
    return [key for key in sorted({*before, *now}) if _differ(before.get(key), now.get(key))]


def _counts_no_more(key: str) -> bool:
    return key.startswith("topics.weights")


@cache
def _defaults() -> Fingerprint:
    """Return the defaults of the keys that decide the data."""
    required = {"topics": {"prompt": "-"}, "generation": {"system_prompt": "-"}, "output": {"save_as": "-"}}
    return dict(_leaves(Config.model_validate(required).model_dump(mode="json"), ""))


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
    """Return whether two values certainly differ: hashes by different keys, or hidden values, can't be compared."""
    if one is None or other is None or one == other:
        return one != other
    keys = [_key_of(value) for value in (one, other)]
    return None in keys or (keys[0] == keys[1] and HIDDEN not in keys)


def _key_of(value: str) -> str | None:
    """Return the name of the key that made a hash, HIDDEN for a hidden value, or None for a plain value."""
    if value == HIDDEN:
        return HIDDEN
    return value.split(":")[1] if value.startswith(f"{HASHED}:") else None


def part_of_topics(prints: Mapping[str, str]) -> Fingerprint:
    """Return the part of a fingerprint that decides the topics."""
    return {key: value for key, value in prints.items() if key.startswith(_TOPICS)}


def without_topics(prints: Mapping[str, str]) -> Fingerprint:
    """Return the part of a fingerprint that decides a dataset of given topics."""
    return {key: value for key, value in prints.items() if not key.startswith(_TOPICS)}


def _leaves(value: Any, key: str) -> Iterator[tuple[str, str]]:
    if key and _left_out(key):
        return
    if key == _JUDGES and value:
        value = {str(number): judge for number, judge in enumerate(value, 1)}
    if isinstance(value, dict) and value and key != "generation.output_schema":
        for name, part in value.items():
            yield from _leaves(part, f"{key}.{name}" if key else name)
    else:
        yield key, json.dumps(value, sort_keys=True, ensure_ascii=False)


def _left_out(key: str) -> bool:
    first = key.partition(".")[0]
    of_any_judge = re.sub(rf"^{re.escape(_JUDGES)}\.\d+\.", "quality.judge.", key)
    of_any_model = re.sub(r"^(?:topics|generation|quality\.judge)\.llm\.", "*.llm.", of_any_judge)
    return not _NOT_DATA.keys().isdisjoint((key, first, of_any_judge, of_any_model))
