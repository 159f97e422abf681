"""Checks of the user's own: functions, and regular expressions, which are searched under a time limit."""

from __future__ import annotations

import importlib
import inspect
import traceback
from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from deepfabric_core.chat.safe_regex import PatternError, Searches, compiled
from deepfabric_core.errors import ConfigError
from deepfabric_core.printable import printable
from deepfabric_core.quality.candidate import Candidate
from deepfabric_core.quality.checks.check import Check, Problem, excerpt
from deepfabric_core.quality.checks.passages import Passage, Passages

ENTRY_POINTS = "deepfabric.checks"
# Given a sample, it returns what is wrong with it, or False if it is bad; None or True if it is good.
OwnCheck = Callable[[Candidate], "str | bool | None"]

_GETS = (
    "A check gets the sample, with its texts .question, .answer and .reasoning, its .path of topics, and its .record; "
    "it returns a text that says what is wrong, or False, or else None or True"
)
_SHOWN = 60
# In seconds, of one pattern in all texts of one sample.
_PATTERN_SECONDS = 0.05

# Where a pattern is looked for in a conversation.
PLACES = ("question", "answer", "reasoning", "any")

Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class PatternCheck(BaseModel):
    """A regular expression as a config has it; it has the syntax of Python's `re`, and may occur anywhere in a text.

    `in` is question, answer, reasoning, the place of a field, or `any` for each text.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    regex: Annotated[str, Field(min_length=1)]
    within: Word = Field(default="answer", alias="in")
    must: Literal["match", "not_match"] = "not_match"
    reason: Word | None = None
    name: Word | None = None


def function_check(function: OwnCheck, name: str = "") -> Check:
    """Return the check that a function makes.

    Raises:
        ConfigError: it isn't a function that can be called with one sample.
    """
    name = name or str(getattr(function, "__name__", type(function).__name__))
    if not callable(function) or inspect.iscoroutinefunction(function):
        raise ConfigError(f"checks: {name} isn't an ordinary function. {_GETS}.")
    return Check(name, lambda passages: _asked(function, name, passages.candidate))


def _asked(function: OwnCheck, name: str, candidate: Candidate) -> Problem | None:
    """Return what a function says of a candidate.

    Raises:
        ConfigError: it fails, or returns something else than a text, True, False or None.
    """
    try:
        said: Any = function(candidate)
    except Exception as problem:
        told = printable(f"{type(problem).__name__}: {problem}", 200)
        raise ConfigError(f"the check {name} failed with {told} ({_line_of(problem)})") from problem
    # The bool of numpy and pandas isn't Python's.
    if type(said).__name__ in {"bool", "bool_"}:
        said = None if said else f"the check {name} says no"
    if said is not None and not isinstance(said, str):
        kind = type(said).__name__
        raise ConfigError(f"The check {name} returned a value of type {kind} for {_named(candidate)}. {_GETS}.")
    return Problem(said, said) if said else None


def _line_of(problem: Exception) -> str:
    """Return the line where an exception was raised."""
    last = traceback.extract_tb(problem.__traceback__)[-1]
    return f"{Path(last.filename).name}, line {last.lineno}"


def _named(candidate: Candidate) -> str:
    topic = f" about {printable(candidate.path[-1], _SHOWN)}" if candidate.path else ""
    return f"the sample{topic} that begins with “{printable(excerpt(candidate.whole), _SHOWN)}”"


def imported_check(place: str, name: str = "") -> Check:
    """Return the check that is named by its place, as in `mymodule.my_check`.

    Raises:
        ConfigError: it can't be imported, or isn't a function.
    """
    module, _, attribute = place.replace(":", ".").rpartition(".")
    if not module:
        raise ConfigError(f"checks: python: {place!r} names no module: write it as in mymodule.my_check.")
    try:
        function = getattr(importlib.import_module(module), attribute)
    except Exception as problem:
        told = printable(f"{type(problem).__name__}: {problem}", 200)
        raise ConfigError(
            f"checks: {place} can't be imported ({told}). Install its package, or name its folder in PYTHONPATH."
        ) from problem
    return function_check(function, name or place)


def packaged_checks() -> dict[str, EntryPoint]:
    """Return the checks that installed packages bring, by their names."""
    return {point.name: point for point in entry_points(group=ENTRY_POINTS)}


def packaged_check(point: EntryPoint) -> Check:
    """Return the check of an installed package.

    Raises:
        ConfigError: it can't be imported, or isn't a function.
    """
    return imported_check(f"{point.module}.{point.attr}", point.name)


def pattern_check(pattern: PatternCheck) -> Check:
    """Return the check of a regular expression.

    Raises:
        ConfigError: it isn't a regular expression.
    """
    try:
        compiled(pattern.regex)
    except PatternError as problem:
        raise ConfigError(f"checks: {problem}.") from problem
    name = pattern.name or f"regex {printable(pattern.regex, 40)}"
    wanted = pattern.must == "match"

    def find(passages: Passages) -> Problem | None:
        searches = Searches(_PATTERN_SECONDS)
        try:
            for passage in _texts(passages, pattern.within):
                if searches.finds(pattern.regex, passage.text) != wanted:
                    what = "doesn't match" if wanted else "matches"
                    reason = (
                        pattern.reason or f"the {passage.name} {what} the pattern {printable(pattern.regex, _SHOWN)!r}"
                    )
                    return Problem(reason, reason, excerpt(passage.text))
        except PatternError as problem:
            return Problem(str(problem), "it was too irregular to be checked: write plain text")
        return None

    return Check(name, find)


def _texts(passages: Passages, within: str) -> Sequence[Passage]:
    if within == "any":
        return passages.all
    named = [one for one in passages.all if one.name == within]
    text = getattr(passages.candidate, within, "") if within in {"question", "answer", "reasoning"} else ""
    return named or [Passage(within, text)]
