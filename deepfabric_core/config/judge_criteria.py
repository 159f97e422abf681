"""What a judge looks at: the criteria that are known by name, and how criteria of one's own are written."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any

from pydantic import Field, model_validator

from deepfabric_core.config.section import Section

# The criteria that can be named alone.
KNOWN: Mapping[str, str] = {
    "correctness": "What is stated is true. Calculations, code and names are right, and nothing of weight is made up.",
    "helpfulness": "The answer does all that is asked for, in enough detail to be of use to whoever asked.",
    "clarity": "Question and answer can be understood by themselves, and are well ordered, without padding.",
    "on_topic": "The sample is about its topic, down to the last and most specific part of the topic's path.",
    "reasoning": "Each step of the reasoning follows from what is known, and together they lead to the answer given.",
    "tool_use": "Each tool call is needed and has right arguments, and the answer rests on what the tools returned.",
    "consistency": "The fields of the record fit together: no two of them contradict each other.",
    "content": "Each field holds what its name says: specific and true, neither empty nor a placeholder.",
    "safety": "Nothing in the sample does harm, insults anyone, or helps to do either.",
}

_LONGEST_NAME = 40
_KEYS = frozenset({"name", "description", "min", "scores"})


class Criterion(Section):
    """One thing that a judge gives a score for; `min` is the least that its own score must be.

    `scores` says what single scores mean, for this criterion.
    """

    name: str = Field(min_length=1, max_length=_LONGEST_NAME)
    description: str = Field(min_length=1, max_length=1000)
    min: float | None = None
    scores: dict[int, str] = {}

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, written: object) -> object:
        """Take the name of a known criterion, or a mapping of a name to a description or to further keys."""
        if isinstance(written, str):
            return _completed({"name": written})
        if isinstance(written, Mapping) and len(written) == 1 and not _KEYS & written.keys():
            ((name, rest),) = written.items()
            return _completed({"name": name, **(rest if isinstance(rest, Mapping) else {"description": rest})})
        return _completed(dict(written)) if isinstance(written, Mapping) else written


def _completed(written: dict[Any, Any]) -> dict[Any, Any]:
    """Return a criterion with its name as a key, and with the description of a known one."""
    if not isinstance(name := written.get("name"), str):
        return written
    key = re.sub(r"\W+", "_", name.strip().casefold()).strip("_")
    known = {"description": KNOWN[key]} if key in KNOWN else {}
    if written.get("description") is None and not known:
        raise ValueError(_unknown(name, key))
    given = {field: value for field, value in written.items() if value is not None}
    return {**known, **given, "name": key}


def _unknown(name: str, key: str) -> str:
    close = difflib.get_close_matches(key, KNOWN, n=1)
    advice = f"did you mean {close[0]}?" if close else f"known are {', '.join(KNOWN)};"
    return f"there is no criterion {name}: {advice} for one of your own, write {{{name}: what it asks for}}"
