"""Parse JSON from a model or a server strictly: no NaN or infinity, and no deep nesting."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

# Deeper than real data, and shallow enough for recursive functions.
_DEEPEST = 100
_SHOWN_CHARACTERS = 300


def parsed(text: str | bytes, *, strict: bool = True) -> Any:
    """Parse a JSON text. Unless `strict`, texts in it may hold line breaks and other control characters as they are.

    Raises:
        ValueError: it isn't JSON, holds a number that isn't a finite float, such as NaN or 1e999, or is nested more
            than 100 levels deep; the message says which.
    """
    if isinstance(text, bytes | bytearray):
        text = text.decode(json.detect_encoding(text), "surrogatepass")
    try:
        value = (_STRICT if strict else _LENIENT).decode(text)
    except RecursionError as problem:
        raise ValueError("it is nested too deeply") from problem
    if text.count("{") + text.count("[") > _DEEPEST and _is_too_deep(value):
        raise ValueError("it is nested too deeply")
    return value


def _refused(name: str) -> float:
    raise ValueError(f"{name} is no JSON value")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits[:_SHOWN_CHARACTERS]} is too large a number")
    return number


# Made once, since that takes longer than to parse a short text.
_STRICT, _LENIENT = (
    json.JSONDecoder(parse_constant=_refused, parse_float=_finite, strict=strict) for strict in (True, False)
)


def _is_too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(_DEEPEST):
        level = [part for whole in level for part in _containers_in(whole)]
        if not level:
            return False
    return True


def _containers_in(whole: Any) -> Iterator[Any]:
    parts = whole.values() if isinstance(whole, dict) else whole if isinstance(whole, list) else ()
    return (part for part in parts if isinstance(part, dict | list))
