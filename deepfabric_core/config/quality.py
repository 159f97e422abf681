"""`quality`: which samples are accepted, and what becomes of those that aren't."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from deepfabric_core.config.judge import JudgesConfig
from deepfabric_core.config.section import Section, switched


def _named(against: list[str]) -> list[str]:
    if not against:
        raise ValueError("it must name an evaluation set, as in [exam.jsonl]")
    return against


# One name, or several.
Listed = Annotated[list[str], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)]


class Duplicates(Section):
    """What counts as a repetition: of this dataset's samples, and of those in the files of `against`.

    `threshold` is the share of their runs of three words that two samples have in common. `embeddings` is a folder with
    a model2vec model, or the name of one on the hub, and compares by meaning, too: from `similarity`, a cosine, on.
    """

    threshold: float = Field(default=0.6, ge=0.3, le=1)
    against: Listed = []
    embeddings: str | None = Field(default=None, min_length=1)
    similarity: float = Field(default=0.9, ge=0.5, le=1)


class Contamination(Section):
    """Evaluation sets that no sample may repeat `ngram` words in a row of.

    Each of `against` is a file, `hf:name` of a dataset in the local cache of Hugging Face, or a known benchmark's name,
    whose file is in `folder`. Nothing is ever downloaded.
    """

    against: Annotated[Listed, AfterValidator(_named)]
    ngram: int = Field(default=13, ge=4, le=50)
    folder: str | None = Field(default=None, min_length=1)


# A check by its name, or with options; {python: module.function}; {regex: ..., ...}.
CheckChoice = str | dict[str, Any]


def _checks(value: object) -> object:
    if isinstance(value, list):
        return value
    if isinstance(value, Mapping) and value:
        raise ValueError("it must be default, none or a list, as in [default, {length: {min_words: 20}}]")
    with suppress(ValueError):
        return "none" if switched(value) is None and value is not None else "default"
    return [value]


class Quality(JudgesConfig):
    """Which samples are accepted. One that isn't is made again, at most `attempts` times, with the reason.

    After that it is left out (`drop`) or taken all the same (`keep`). The run stops early once the share of the samples
    that are accepted falls below `min_acceptance`.
    """

    duplicates: Annotated[Duplicates | None, BeforeValidator(switched)] = Duplicates()
    checks: Annotated[Literal["default", "none"] | list[CheckChoice], BeforeValidator(_checks)] = "default"
    contamination: Annotated[Contamination | None, BeforeValidator(switched)] = None
    attempts: int = Field(default=2, ge=0, le=100)
    on_exhausted: Literal["drop", "keep"] = "drop"
    min_acceptance: float = Field(default=0.1, ge=0, le=1)

    @property
    def is_off(self) -> bool:
        """Whether every sample is accepted."""
        gates = self.duplicates, self.contamination, *self.all_judges
        return self.checks in ("none", []) and all(gate is None for gate in gates)


_EVERYTHING_OFF = {"duplicates": None, "checks": "none"}


def switched_quality(value: object) -> object:
    """Return the keys of `quality` for one of the words that turn it on or off, or the value itself."""
    section = switched(value)
    return _EVERYTHING_OFF if section is None and value is not None else section
