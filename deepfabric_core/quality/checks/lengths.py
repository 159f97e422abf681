"""Texts that are empty, or shorter or longer than is asked for."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field

from deepfabric_core.errors import ConfigError
from deepfabric_core.quality.checks.check import Find, Problem, Settings, excerpt
from deepfabric_core.quality.checks.passages import Passage, Passages
from deepfabric_core.wording import counted

Length = Annotated[int, Field(ge=0)]

_ANYTHING = re.compile(r"[^\W_]|[^\x00-\u2bff\ud800-\udfff\ufeff\ufffd]")
# Languages that put no spaces between words have about two characters in a word.
_UNSPACED = re.compile("[\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_CHARACTERS_A_WORD = 2


def empty(passages: Passages) -> Problem | None:
    """Return what is wrong if question, answer or reasoning, or all texts of a record, hold nothing to read."""
    parts = passages.all
    empties = [one for one in parts if not _ANYTHING.search(one.text)]
    most = 0 if passages.is_conversation else len(parts) - 1
    if len(empties) <= max(0, most):
        return None
    what = f"the {empties[0].name}" if passages.is_conversation and empties else "the record"
    return Problem(
        f"{what} is empty", f"{what} was empty: write it in full", excerpt(empties[0].text) if empties else ""
    )


def length(_: Settings, *, min_words: Length = 3, max_words: Length = 1500) -> Find:
    """Return the check that an answer has `min_words` to `max_words` words.

    Raises:
        ConfigError: no answer can.
    """
    if min_words > max_words:
        raise ConfigError(f"checks: length: min_words ({min_words}) is more than max_words ({max_words}).")

    def find(passages: Passages) -> Problem | None:
        # The texts of an own schema may be titles and labels, so only all of them together can be too short.
        words = sum(map(_words_in, passages.answers))
        if min_words <= words <= max_words:
            return None
        way, limit, advice = (
            ("short", f"fewer than {min_words}", "say more") if words < min_words else
            ("long", f"more than {max_words}", "be briefer")
        )  # fmt: skip
        reason = f"the answer is too {way}: {counted(words, 'word')}, {limit}"
        return Problem(reason, f"the answer was too {way}, {limit} words: {advice}")

    return find


def _words_in(passage: Passage) -> int:
    unspaced = 0 if passage.text.isascii() else len(_UNSPACED.findall(passage.text))
    return len(passage.text.split()) + unspaced // _CHARACTERS_A_WORD
