"""Check JSON Schemas from users and tool servers, and validate values against them.

Every check terminates: patterns have a time limit, the steps of a check are counted, and nothing is fetched.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any, NamedTuple

from deepfabric_core.chat.safe_regex import PatternError, Searches, compiled

Schema = Mapping[str, Any]
_Keyword = Callable[[Any, Any, Any, Any], Any]

_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
# Keywords whose schemas apply to the value itself, and not to something inside it.
_BESIDE = ("not", "if", "then", "else")
_LISTED_BESIDE = ("allOf", "anyOf", "oneOf")
# Keywords that hold schemas by name, and keywords that hold plain values, which contain no schemas.
_OF_SCHEMAS = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"})
_OF_VALUES = frozenset({"const", "enum", "default", "examples"})
# A step is one keyword of a schema applied to one value. Even a choice between many alternatives takes fewer.
_STEPS, _STEPS_A_VALUE = 20_000, 100


class Unusable(ValueError):
    """A schema can't be used; the message completes a sentence that names the schema."""


class Misfit(NamedTuple):
    """Where a value doesn't satisfy a schema, and how."""

    path: tuple[str | int, ...]
    message: str


class Uncheckable(ValueError):
    """A value can't be checked; the message completes a sentence."""


class Checker:
    """Validates values against a JSON Schema."""

    def __init__(self, schema: Schema) -> None:
        from referencing import Registry  # late, as jsonschema

        self._steps_left = 0
        self._searches = Searches()
        # An explicit registry: without one, remote references would be fetched.
        self._validator = self._validators(schema)(schema, registry=Registry())

    def misfit(self, value: Any) -> Misfit | None:
        """Return the first place where a value doesn't satisfy the schema, or None if it does.

        Raises:
            Uncheckable: the check takes too long, or the schema can't be applied.
        """
        from referencing.exceptions import Unresolvable  # late, as jsonschema

        self._searches = Searches()
        try:
            self._steps_left = _STEPS + _STEPS_A_VALUE * _size(value)
            error = next(iter(self._validator.iter_errors(value)), None)
            return None if error is None else Misfit(tuple(error.absolute_path), error.message)
        except (PatternError, OverflowError) as problem:
            raise Uncheckable(str(problem)) from problem
        except Unresolvable as problem:
            raise Uncheckable(f"the $ref {problem.ref} of its schema leads nowhere") from problem
        except RecursionError as problem:
            raise Uncheckable("it is nested too deeply, or its schema has no end") from problem

    def _validators(self, schema: Schema) -> Any:
        """Return the validator class for the schema's dialect, with keywords that always terminate."""
        from attrs import evolve

        dialect = _dialect(schema)
        keywords = dict(dialect.VALIDATORS)
        keywords |= {"pattern": self._pattern, "patternProperties": self._pattern_properties}
        keywords["uniqueItems"] = _unique_items
        keywords["additionalProperties"] = self._beside_patterns(dialect.VALIDATORS["additionalProperties"])
        extend: Any = _jsonschema().validators.extend
        made = extend(dialect, {name: self._counted(keyword) for name, keyword in keywords.items()})
        # Its own `evolve` looks up a part's `$schema`, and would use keywords that may not terminate.
        made.evolve = evolve
        return made

    def _counted(self, keyword: _Keyword) -> _Keyword:
        def step(validator: Any, value: Any, instance: Any, schema: Any) -> Any:
            self._steps_left -= 1
            if self._steps_left < 0:
                raise Uncheckable("its schema can be fitted in too many ways to try them all")
            return keyword(validator, value, instance, schema)

        return step

    def _pattern(self, validator: Any, pattern: str, instance: Any, _: Any) -> Iterator[Exception]:
        from jsonschema.exceptions import ValidationError

        if validator.is_type(instance, "string") and not self._searches.finds(pattern, instance):
            said = "isn't in the form that the schema asks for" if instance.strip() else "is empty"
            yield ValidationError(f"{instance!r} {said}")

    def _pattern_properties(
        self, validator: Any, patterns: Mapping[str, Any], instance: Any, _: Any
    ) -> Iterator[Exception]:
        if validator.is_type(instance, "object"):
            for pattern, below in patterns.items():
                for name in self._named_so(pattern, instance):
                    yield from validator.descend(instance[name], below, path=name, schema_path=pattern)

    def _beside_patterns(self, keyword: _Keyword) -> _Keyword:
        """Wrap the keyword: it is passed the matching properties, so that it doesn't search for patterns itself."""

        def additional(validator: Any, value: Any, instance: Any, schema: Any) -> Any:
            patterns = schema.get("patternProperties", {})
            if not patterns or not validator.is_type(instance, "object"):
                return keyword(validator, value, instance, schema)
            named = {name: True for pattern in patterns for name in self._named_so(pattern, instance)}
            return keyword(validator, value, instance, {"properties": {**schema.get("properties", {}), **named}})

        return additional

    def _named_so(self, pattern: str, instance: Mapping[str, Any]) -> list[str]:
        return [name for name in instance if self._searches.finds(pattern, name)]


def _unique_items(validator: Any, unique: bool, instance: Any, _: Any) -> Iterator[Exception]:
    """Check `uniqueItems` in linear time."""
    from jsonschema.exceptions import ValidationError

    if unique and validator.is_type(instance, "array") and len({_identity(item) for item in instance}) < len(instance):
        yield ValidationError(f"{instance!r} has non-unique elements")


def _identity(value: Any) -> Any:
    """Return a hashable key that is the same for equal JSON values: 1 and 1.0 are equal, 1 and true are not."""
    if isinstance(value, dict):
        return frozenset((name, _identity(below)) for name, below in value.items())
    if isinstance(value, list):
        return tuple(_identity(below) for below in value)
    return (isinstance(value, bool), value)


def _size(value: Any) -> int:
    """Return how many values a value consists of, itself included."""
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(_size, below))


def check_schema(schema: Schema) -> None:
    """Check that a schema is valid and that values can be checked against it.

    Raises:
        Unusable: it isn't a JSON Schema, or holds a reference or a pattern that can't be used.
    """
    if not isinstance(schema.get("$schema", ""), str):
        raise Unusable("`$schema` must be a text")
    dialect = _dialect(schema)
    try:
        dialect.check_schema(schema, format_checker=dialect.FORMAT_CHECKER)
        parts = list(_parts(schema))
        for part in parts:
            for pattern in _patterns(part):
                compiled(pattern)
    except _jsonschema().exceptions.SchemaError as problem:
        place = "/".join(str(part) for part in problem.path)
        raise Unusable(f"not a JSON Schema: {place or 'the schema'}: {problem.message}") from problem
    except PatternError as problem:
        raise Unusable(str(problem)) from problem
    except RecursionError as problem:
        raise Unusable("its schema is nested too deeply") from problem
    if any("unevaluatedProperties" in part for part in parts) and any("patternProperties" in part for part in parts):
        raise Unusable("unevaluatedProperties and patternProperties don't go together; write additionalProperties")


def check_ends(schema: Schema) -> None:
    """Check that no part of a valid schema refers back to itself for the same value.

    Raises:
        Unusable: a part does, so that no check would terminate.
    """
    done: set[int] = set()
    try:
        for part in _parts(schema):
            _check_ends(part, schema, {}, done)
    except RecursionError as problem:
        raise Unusable("its references are nested too deeply") from problem


def _check_ends(part: Schema, root: Schema, above: Mapping[int, Schema], done: set[int]) -> None:
    if id(part) in above:
        said = next((each[key] for each in above.values() for key in _REFERENCES if key in each), "#")
        raise Unusable(f"its $ref {said} leads back to itself without end; put a property or items in between")
    if id(part) not in done:
        for beside in _beside(part, root):
            _check_ends(beside, root, {**above, id(part): part}, done)
        done.add(id(part))


def _beside(part: Schema, root: Schema) -> Iterator[Schema]:
    """Return the schemas that a part applies to the same value as itself."""
    found = [*_targets(part, root)]
    found += [part.get(key) for key in _BESIDE]
    found += [below for key in _LISTED_BESIDE for below in part.get(key, ())]
    found += part.get("dependentSchemas", {}).values()
    return (below for below in found if isinstance(below, Mapping))


def follow(reference: str, schema: Schema) -> Any:
    """Return the part of the schema that a reference points to; nothing is fetched.

    Raises:
        Unusable: the target doesn't exist, or isn't a schema.
    """
    from referencing import Registry  # late, as jsonschema
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012

    resource = DRAFT202012.create_resource(schema)
    place = resource.id() or ""
    registry: Registry[Any] = Registry().with_resource(place, resource)
    try:
        found = registry.resolver(place).lookup(reference).contents
    except (Unresolvable, ValueError, TypeError, AttributeError) as problem:
        raise Unusable(f"its $ref {reference} leads nowhere; define that part under $defs") from problem
    if not isinstance(found, (Mapping, bool)):
        raise Unusable(f"its $ref {reference} leads to what isn't a schema")
    return found


def _dialect(schema: Schema) -> Any:
    jsonschema = _jsonschema()
    return jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)


def _jsonschema() -> ModuleType:
    """Import jsonschema, late: it takes 60 ms.

    Where the package rfc3987_syntax is installed, as beside JupyterLab, it would take seconds more to build the grammar
    of the formats "iri" and "iri-reference", which aren't checked here.
    """
    hidden: Any = None
    in_the_way = "jsonschema" not in sys.modules and "rfc3987_syntax" not in sys.modules
    if in_the_way:
        sys.modules["rfc3987_syntax"] = hidden
    try:
        import jsonschema
    finally:
        if in_the_way:
            del sys.modules["rfc3987_syntax"]
    return jsonschema


def _parts(schema: Schema) -> Iterator[Schema]:
    """Yield the schema and each schema inside it once, including those that are only reachable by a reference.

    Raises:
        Unusable: the target of a reference doesn't exist.
    """
    waiting: list[Any] = [schema]
    seen: set[int] = set()
    while waiting:
        part = waiting.pop()
        if isinstance(part, Mapping) and id(part) not in seen:
            seen.add(id(part))
            yield part
            waiting += _below(part)
            waiting += _targets(part, schema)


def _below(part: Schema) -> Iterator[Any]:
    """Yield the values of a schema's keywords that may be schemas; the caller skips what isn't one."""
    for keyword, value in part.items():
        if keyword in _OF_SCHEMAS and isinstance(value, Mapping):
            yield from value.values()
        elif keyword not in _OF_VALUES:
            yield from value if isinstance(value, list) else (value,)


def _targets(part: Schema, root: Schema) -> Iterator[Any]:
    return (follow(part[key], root) for key in _REFERENCES if isinstance(part.get(key), str))


def _patterns(part: Schema) -> Iterator[str]:
    if isinstance(pattern := part.get("pattern"), str):
        yield pattern
    if isinstance(patterns := part.get("patternProperties"), Mapping):
        yield from patterns
