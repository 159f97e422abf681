"""Find and mask the secrets in a config: which of its keys may hold secrets is derived from the schema."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from deepfabric_core.config.schema import Config
from deepfabric_core.config.secret_values import (
    Holds,
    filled,
    holding,
    masked,
    masked_words,
    names_variables,
    secrets_of,
)
from deepfabric_core.redaction import HIDDEN, Redactor, is_secret_name, secrets_in_environment

Mask = Callable[[str, Any], Any]


@cache
def places() -> Mapping[str, Holds]:
    """Return every key whose value may be secret, dotted; `*` matches a name that the user chose."""
    return dict(_places(Config, ""))


def _places(model: type[BaseModel], above: str) -> Iterator[tuple[str, Holds]]:
    for name, field in model.model_fields.items():
        if holds := holding(field.metadata):
            yield f"{above}{name}", holds
        for section, between in _sections(field.annotation, "."):
            yield from _places(section, f"{above}{name}{between}")


def _sections(annotation: Any, between: str) -> Iterator[tuple[type[BaseModel], str]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, between
    for part in get_args(annotation):
        yield from _sections(part, ".*." if get_origin(annotation) is dict else between)


def holds_at(key: str) -> Holds | None:
    """Return which part of the value at a dotted key may be secret, or None; the key may be inside such a value."""
    return next((holds for place, holds in places().items() if any(map(_at(key), (place, f"{place}.*")))), None)


def _at(key: str) -> Callable[[str], bool]:
    return lambda place: fnmatchcase(key, place)


def secrets_in(section: BaseModel, environment: Mapping[str, str]) -> frozenset[str]:
    """Return every secret of a config or a section of it, with environment variables filled in."""
    return frozenset(_secrets_in(section, lambda text: filled(text, environment)))


def _secrets_in(value: Any, fill: Callable[[str], str]) -> Iterator[str]:
    if isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            part, holds = getattr(value, name), holding(field.metadata)
            yield from secrets_of(part, holds, fill) if holds else _secrets_in(part, fill)
    elif isinstance(value, Mapping):
        yield from _secrets_in(list(value.values()), fill)
    elif isinstance(value, list):
        for part in value:
            yield from _secrets_in(part, fill)


def redactor(section: BaseModel, environment: Mapping[str, str]) -> Redactor:
    """Return a redactor that hides the secrets of a config or a section of it, and those of the environment."""
    return Redactor(secrets_in(section, environment) | secrets_in_environment(environment))


def masked_config(written: Mapping[str, Any], redact: Callable[[str], str]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return a config as it was written, with possible secrets hidden; and the keys whose values were changed."""

    def mask(key: str, value: Any) -> Any:
        if holds := holds_at(key):
            return masked(value, holds)
        if isinstance(value, str) and value:
            return HIDDEN if is_secret_name(key) else redact(value)
        return value

    return _masked(written, mask)


def portable_config(written: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return a config to run elsewhere, with secrets replaced by environment variables or left out; and their keys."""

    def mask(key: str, value: Any) -> Any:
        holds = holds_at(key)
        if holds is Holds.VALUES and isinstance(value, Mapping):
            return {name: text if names_variables(str(text)) else _variable(name) for name, text in value.items()}
        if holds is Holds.WORDS and isinstance(value, list):
            return masked_words([str(word) for word in value])
        return masked(value, holds) if holds is Holds.ADDRESS and isinstance(value, str | list) else value

    return _masked(written, mask)


def _variable(name: str) -> str:
    return f"${{{re.sub(r'[^A-Z0-9]+', '_', name.upper()).strip('_')}}}"


def _masked(written: Mapping[str, Any], mask: Mask) -> tuple[dict[str, Any], tuple[str, ...]]:
    left_out: dict[str, None] = {}

    def part(key: str, value: Any) -> Any:
        kept_whole = holds_at(key) is not None
        if not kept_whole and isinstance(value, Mapping):
            return {name: part(f"{key}.{name}" if key else str(name), inner) for name, inner in value.items()}
        if not kept_whole and isinstance(value, list):
            return [part(key, inner) for inner in value]
        shown = mask(key, value)
        if shown != value:
            left_out[key] = None
        return shown

    return part("", written), tuple(left_out)
