"""Keep an edited record within the output schema of its run, and the values of its fields of their kinds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from deepfabric_core.chat.json_schema import Checker, Misfit, Schema, Uncheckable
from deepfabric_core.config.schema import Config
from deepfabric_core.errors import ConfigError
from deepfabric_core.samples.reading import mapping_of
from deepfabric_nb.samples.make_again import kept_run_of
from deepfabric_nb.samples.sources import RunSource, SampleSource

_LONGEST = 300


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_IS: dict[str, Callable[[Any], bool]] = {
    "integer": lambda value: _is_number(value) and value == int(value),
    "number": _is_number,
    "boolean": lambda value: isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "null": lambda value: value is None,
}
# What each kind is called, with an example of what is to be written.
_WORDS = {
    "integer": ("a whole number", "such as 15, without quotes"),
    "number": ("a number", "such as 1.5, without quotes"),
    "boolean": ("true or false", "without quotes"),
    "string": ("a text", ""),
    "array": ("a list", 'such as ["a", "b"]'),
    "object": ("an object", 'such as {"a": 1}'),
    "null": ("null", "without quotes"),
}


def schema_of(source: SampleSource) -> Schema | None:
    """Return the output schema of the run that a source is of, if it is known and the records follow it."""
    if isinstance(source, RunSource):
        config = source.run.job.config
        return config.generation.output_schema if config.output.format == "custom" else None
    kept = kept_run_of(source.dataset) if source.dataset else None
    try:
        known = Config.model_validate(kept.written) if kept else None
    except ValueError:
        return None
    return known.generation.output_schema if known and known.output.format == "custom" else None


def kinds_of(name: str, value: Any, schema: Schema | None) -> tuple[str, ...]:
    """Return the kinds of values that a field may hold, as JSON Schema names them; () for any.

    They are those of the schema or, where it says none, that of the value; of a number any number.
    """
    said = mapping_of(mapping_of(mapping_of(schema).get("properties")).get(name)).get("type")
    kinds = [said] if isinstance(said, str) else said if isinstance(said, list) else []
    if schema is not None:
        return tuple(kind for kind in kinds if isinstance(kind, str) and kind in _IS)
    return tuple(kind for kind in ("number", "boolean", "array", "object") if _IS[kind](value))


def is_of(value: Any, kinds: tuple[str, ...]) -> bool:
    """Return whether a value is of one of some kinds; of no kinds, any is."""
    return not kinds or any(_IS[kind](value) for kind in kinds)


def wanted(name: str, kinds: tuple[str, ...]) -> str:
    """Return the sentence that says which value a field wants.

    >>> wanted("minutes", ("integer",))
    'minutes: a whole number is wanted, such as 15, without quotes.'
    """
    example = _WORDS[kinds[0]][1] if len(kinds) == 1 else ""
    return f"{name}: {' or '.join(_WORDS[kind][0] for kind in kinds)} is wanted{f', {example}' if example else ''}."


def check_edit(before: Mapping[str, Any], after: Mapping[str, Any], schema: Schema) -> None:
    """Check that an edited record fits its schema, if it did so before.

    Raises:
        ConfigError: it doesn't; the message says where and why.
    """
    checker = Checker(schema)
    if (misfit := _misfit(checker, after)) is not None and _misfit(checker, before) is None:
        where = "/".join(map(str, misfit.path)) or "The record"
        raise ConfigError(f"{where} doesn't fit the run's output_schema: {misfit.message[:_LONGEST]}.")


def _misfit(checker: Checker, record: Mapping[str, Any]) -> Misfit | None:
    try:
        return checker.misfit({name: value for name, value in record.items() if name != "metadata"})
    except Uncheckable:
        return None
