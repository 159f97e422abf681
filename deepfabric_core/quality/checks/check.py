"""What a check is: a function that looks at a candidate's texts and says what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from deepfabric_core.quality.checks.passages import Passages

_SHOWN_CHARACTERS = 160


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a candidate; see `Finding` for how `reason` and `advice` complete sentences."""

    reason: str
    advice: str
    evidence: str = ""


Find = Callable[[Passages], Problem | None]


@dataclass(frozen=True, slots=True)
class Settings:
    """What checks need to know of a run.

    `language` is an ISO 639-1 code; `prompts` are the instructions that are sent to the model, as the user wrote them.
    `own_schema` says that records have places of the user's own instead of a question and an answer.
    """

    language: str | None = None
    prompts: tuple[str, ...] = ()
    own_schema: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """A check that is ready to be applied."""

    name: str
    find: Find


@dataclass(frozen=True, slots=True)
class CheckKind:
    """A check in the registry; `make` makes it ready for a run, with the options of the config as keywords.

    `package` is the optional package that it needs.
    """

    name: str
    description: str
    make: Callable[..., Find]
    default: bool = True
    package: str = ""


def plainly(find: Find) -> Callable[[Settings], Find]:
    """Return the `make` of a check that depends on no settings and has no options."""

    def make(_: Settings) -> Find:
        return find

    return make


def excerpt(text: str, begin: int = 0, end: int | None = None) -> str:
    """Return a part of a text on one line, shortened."""
    part = " ".join(text[begin : begin + 4 * _SHOWN_CHARACTERS if end is None else end].split())
    return part if len(part) <= _SHOWN_CHARACTERS else f"{part[: _SHOWN_CHARACTERS - 1]}…"
