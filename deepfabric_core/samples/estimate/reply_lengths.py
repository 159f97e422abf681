"""How long replies are before any was seen, by what is asked for: wide guesses, which a few samples replace."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from deepfabric_core.amounts import Range
from deepfabric_core.config.schema import Config, TopicsConfig
from deepfabric_core.samples.estimate.ranges import capped, within

# Tokens, and by which factor they may be more or fewer.
_NAME = 7.0
_LINKED_NAME = 18.0
_QUESTION = 45.0
_ANSWER = 330.0
_REASONING = 350.0
_FORM = 15.0
_CALL = 60.0
_CRITERION = 50.0
_COMPARISON = 60.0
_TEXT_FIELD = 40.0
_LONG_TEXT_FIELD = 120.0
_OTHER_FIELD = 4.0
_ITEMS_OF_A_LIST = 3
_DEEPEST = 8
_FEW, _SOME, _MANY = 1.5, 2.0, 2.5

# Tokens that models think with before they answer, which are paid as part of the reply.
_THINKS = re.compile(r"(?:^|/)(?:o\d|gpt-5(?!.*chat)|grok-4|gemini-2\.5-pro|deepseek-r)|reason|think|magistral")
_THOUGHTS = Range(150.0, 600.0, 3000.0)


def of_topics(settings: TopicsConfig, *, linked: bool) -> Range:
    """Return the tokens of a reply that names the subtopics of a topic."""
    each = _LINKED_NAME if linked else _NAME
    return _thought(within(_FORM + settings.degree * each, _FEW), settings.llm.model, settings.max_tokens)


def of_sample(config: Config) -> Range:
    """Return the tokens of a reply that holds a sample; of an agent, its task."""
    generation = config.generation
    if config.uses_tools:
        length = within(_FORM + _QUESTION, _SOME)
    elif config.output.format == "custom" and generation.output_schema is not None:
        length = within(_of_schema(generation.output_schema), _MANY)
    else:
        reasoning = _REASONING if generation.conversation.type == "cot" else 0.0
        length = within(_FORM + _QUESTION + reasoning + _ANSWER, _MANY)
    return _thought(length, generation.llm.model, generation.max_tokens)


def of_agent_steps(config: Config) -> tuple[Range, Range]:
    """Return the tokens of an agent's reply with a call, and of its answer."""
    generation = config.generation
    lengths = within(_CALL, _SOME), within(_ANSWER, _MANY)
    call, answer = (_thought(one, generation.llm.model, generation.max_tokens) for one in lengths)
    return call, answer


def of_scores(criteria: int, model: str, max_tokens: int) -> Range:
    """Return the tokens of a judge's reply with a reason and a score for each criterion."""
    return _thought(within(_FORM + criteria * _CRITERION, _SOME), model, max_tokens)


def of_comparison(model: str, max_tokens: int) -> Range:
    """Return the tokens of a judge's reply that says which of two samples is better."""
    return _thought(within(_FORM + _COMPARISON, _SOME), model, max_tokens)


def _thought(length: Range, model: str, max_tokens: int) -> Range:
    """Return the length of a reply with what the model thinks before it, within the most that is allowed."""
    if _THINKS.search(model.casefold()):
        likely = length.likely + _THOUGHTS.likely
        length = Range(length.low + _THOUGHTS.low, likely, length.high + _THOUGHTS.high)
    return capped(length, max_tokens)


def _of_schema(schema: Mapping[str, Any], depth: int = 0) -> float:
    """Return about how many tokens an object of a JSON Schema takes."""
    if depth > _DEEPEST:
        return _OTHER_FIELD
    kind = schema.get("type")
    if kind == "object" or "properties" in schema:
        properties = schema.get("properties") or {}
        return _OTHER_FIELD + sum(_OTHER_FIELD + _of_part(part, depth) for part in properties.values())
    if kind == "array":
        items = schema.get("items")
        number = min(max(schema.get("minItems", 0), _ITEMS_OF_A_LIST), schema.get("maxItems", _ITEMS_OF_A_LIST))
        return float(number * _of_part(items, depth))
    if "enum" in schema or "const" in schema:
        return _OTHER_FIELD
    return _of_text(schema) if kind in ("string", None) else _OTHER_FIELD


def _of_part(part: object, depth: int) -> float:
    return _of_schema(part, depth + 1) if isinstance(part, Mapping) else _TEXT_FIELD


def _of_text(schema: Mapping[str, Any]) -> float:
    if "maxLength" in schema:
        return float(min(_LONG_TEXT_FIELD, schema["maxLength"] / 4))
    return float(max(_TEXT_FIELD, schema.get("minLength", 0) / 4))
