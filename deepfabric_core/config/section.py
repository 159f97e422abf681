"""`Section`: the base of every part of the config, and what values of several parts are read by."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from deepfabric_core.config.secret_values import holding, masked


class Section(BaseModel):
    """A part of the config. It is immutable, and has no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            holds = holding(type(self).model_fields[name].metadata) if name in type(self).model_fields else None
            yield name, masked(value, holds) if holds else value


# What a section may be set to instead of a mapping of its keys.
_OFF = (False, "off", "none")
_ON = (True, "on", "default")


def switched(value: object) -> object:
    """Return a section without keys for a word that turns it on, None for one that turns it off, or else the value.

    Raises:
        ValueError: it is neither such a word nor a section.
    """
    word = value.strip().lower() if isinstance(value, str) else value
    if isinstance(word, bool | str) and word in _OFF:
        return None
    if isinstance(word, bool | str) and word in _ON:
        return {}
    if value is None or isinstance(value, Mapping | BaseModel):
        return value
    raise ValueError("it must be on, off, or a mapping of keys to values")


def as_json(value: dict[str, Any]) -> dict[str, Any]:
    """Return a value converted to JSON types, since YAML also has dates, sets, infinite numbers and numbers as keys."""
    try:
        made: dict[str, Any] = json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as problem:
        raise ValueError(f"it holds what JSON can't ({problem}); put such a value in quotes") from problem
    return made
