"""Make the checks ready that a config or a notebook asks for."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from pydantic import ValidationError, validate_call

from deepfabric_core.errors import ConfigError
from deepfabric_core.quality.checks.check import Check, CheckKind, Settings
from deepfabric_core.quality.checks.own_checks import (
    PLACES,
    OwnCheck,
    PatternCheck,
    function_check,
    imported_check,
    packaged_check,
    packaged_checks,
    pattern_check,
)
from deepfabric_core.quality.checks.registry import BY_NAME, KINDS

_FORMS = "default, none, or a list of names, {name: {options}}, {python: module.function} and {regex: pattern}"


def choose(wanted: object, settings: Settings, functions: Sequence[OwnCheck] = ()) -> tuple[Check, ...]:
    """Return the checks that are wanted, ready to be applied.

    Args:
        wanted: `default`, `none` or None, or a list as in a config: of names, where `default` stands for all that are
            on by default; {name: {option: value}}, also {default: {without: [name, ...]}}; {python: module.function};
            {regex: pattern, in: answer, must: not_match, reason: ...}; and functions. A check that is named twice
            has the later options; functions and patterns of one name are numbered.
        settings: what checks need to know of the run.
        functions: further checks, applied last.

    Raises:
        ConfigError: something there is unknown or can't be used.
    """
    if wanted is None or wanted == "none":
        entries: list[object] = []
    elif isinstance(wanted, str):
        entries = [wanted]
    elif isinstance(wanted, Sequence):
        entries = list(wanted)
    else:
        raise ConfigError(f"checks has to be {_FORMS}.")
    made = [check for entry in entries for check in _checks_of(entry, settings)]
    made += map(function_check, functions)
    return tuple(_of_different_names(made))


def _of_different_names(checks: Sequence[Check]) -> Iterable[Check]:
    named: dict[str, Check] = {}
    for check in checks:
        name, number = check.name, 1
        while name in named and check.name not in BY_NAME:
            number += 1
            name = f"{check.name} ({number})"
        named[name] = Check(name, check.find)
    return named.values()


def _checks_of(entry: object, settings: Settings) -> Iterator[Check]:
    """Yield the checks that one entry of a list stands for."""
    if isinstance(entry, str):
        yield from _named(entry, {}, settings)
    elif callable(entry):
        yield function_check(entry)
    elif not isinstance(entry, Mapping) or not entry or not all(isinstance(key, str) for key in entry):
        raise ConfigError(f"checks: {str(entry)[:80]} can't be used; it has to be {_FORMS}.")
    elif "regex" in entry:
        yield pattern_check(_pattern(entry, settings))
    elif "python" in entry:
        yield _imported(entry)
    else:
        for name, options in entry.items():
            yield from _named(name, {} if options is None else options, settings)


def _imported(entry: Mapping[str, Any]) -> Check:
    place = entry["python"]
    if not isinstance(place, str) or set(entry) - {"python", "name"}:
        raise ConfigError("checks: python has to be a text as in mymodule.my_check, and may have a name beside it.")
    return imported_check(place, str(entry.get("name") or ""))


def _pattern(entry: Mapping[str, Any], settings: Settings) -> PatternCheck:
    try:
        pattern = PatternCheck.model_validate(entry)
    except ValidationError as problem:
        raise ConfigError(f"checks: regex: {_first_mistake(problem)}.") from problem
    if pattern.within not in PLACES and not settings.own_schema:
        raise ConfigError(f"checks: regex: in: {pattern.within!r} must be one of {', '.join(PLACES)}.")
    return pattern


def _named(name: str, options: object, settings: Settings) -> Iterator[Check]:
    if not isinstance(options, Mapping):
        raise ConfigError(f"checks: {name}: its options have to be keys with values.")
    if name == "default":
        left_out = _left_out(options)
        for kind in KINDS:
            if kind.default and kind.name not in left_out:
                yield ready(kind, {}, settings)
    elif name in BY_NAME:
        yield ready(BY_NAME[name], options, settings)
    else:
        yield _of_a_package(name, options)


def _left_out(options: Mapping[str, Any]) -> frozenset[str]:
    without = options.get("without", [])
    if set(options) - {"without"} or not isinstance(without, list):
        raise ConfigError("checks: default takes the option without, a list of names.")
    for name in without:
        if name not in BY_NAME:
            raise _unknown(str(name), list(BY_NAME))
    return frozenset(without)


def ready(kind: CheckKind, options: Mapping[str, Any], settings: Settings) -> Check:
    """Return a check of the registry, with options of its own.

    Raises:
        ConfigError: its package isn't installed, or it has no such options.
    """
    if kind.package and find_spec(kind.package) is None:
        raise ConfigError(
            f"checks: {kind.name} needs the package {kind.package}: pip install 'deepfabric-nb[quality]'."
        )
    if not options:
        return Check(kind.name, kind.make(settings))
    try:
        return Check(kind.name, validate_call(kind.make)(settings, **options))
    except ValidationError as problem:
        raise ConfigError(f"checks: {kind.name}: {_first_mistake(problem)}.") from problem


def _first_mistake(problem: ValidationError) -> str:
    mistake = problem.errors(include_url=False)[0]
    place = str(mistake["loc"][-1]) if mistake["loc"] else "it"
    unknown = mistake["type"] in {"unexpected_keyword_argument", "extra_forbidden"}
    return f"there is no option {place}" if unknown else f"{place}: {mistake['msg'][:1].lower()}{mistake['msg'][1:]}"


def _of_a_package(name: str, options: Mapping[str, Any]) -> Check:
    brought = packaged_checks()
    if name not in brought:
        raise _unknown(name, [*BY_NAME, *brought, "default"])
    if options:
        raise ConfigError(f"checks: {name} takes no options.")
    return packaged_check(brought[name])


def _unknown(name: str, known: Sequence[str]) -> ConfigError:
    near = difflib.get_close_matches(name[:50], known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}."
    return ConfigError(f"checks: there is no check {name[:50]!r}; {hint}")
