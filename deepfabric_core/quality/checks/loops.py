"""Texts that say the same again and again, as models do until they are cut off."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

from deepfabric_core.quality.checks.check import Problem, excerpt
from deepfabric_core.quality.checks.passages import MOST_CHARACTERS, Passages

_ADVICE = "it repeated itself: say each thing once, and then end"
# A quick look: so many short parts of a text, evenly spread, are counted in it.
_PROBES = 12
_PROBE_CHARACTERS = 20
_NEAR = 3000
_SEEN_AGAIN = 2
_FEWEST_CHARACTERS = 60
# A word, or a single character where no spaces are between words; marks don't count.
_TOKEN = re.compile("[\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\\W_]+")
_ROW = 4
_MOST_TOKENS = 3000
# How often a row of at most so many tokens has to come in succession to be no refrain.
_TIMES = ((4, 8), (11, 4), (39, 3), (_MOST_TOKENS, 2))
_LEAST_LOOPED = 20
# The part of a text that was said before, word for word, and how often the most frequent row is said then.
_MOSTLY = 0.55
_TIMES_SPREAD = 5


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A stretch of `length` tokens, up to `end`, each of which is the one `period` tokens before."""

    end: int = 0
    period: int = 1
    length: int = 0

    @property
    def is_loop(self) -> bool:
        """Whether it goes on so long that nobody meant it."""
        times = 1 + self.length / self.period
        enough = next(times for most, times in _TIMES if self.period <= most)
        return times >= enough and self.length + self.period >= _LEAST_LOOPED


def loop(passages: Passages) -> Problem | None:
    """Return what is wrong if a text runs in a circle, or mostly says again what it has said."""
    for passage in passages.all:
        if _may_repeat(passage.text) and (found := _repeated(_tokens_of(passage.prose))):
            return Problem(f"the {passage.name} repeats itself", _ADVICE, excerpt(found))
    return None


def _tokens_of(prose: str) -> list[str]:
    if len(prose) > MOST_CHARACTERS:
        prose = prose[: MOST_CHARACTERS // 2] + prose[-MOST_CHARACTERS // 2 :]
    return _TOKEN.findall(prose.lower())


def _may_repeat(text: str) -> bool:
    """Return whether parts of a text stand in it three times; quick, and true of any text that runs in a circle."""
    if len(text) < _FEWEST_CHARACTERS:
        return False
    step = max(1, (len(text) - _PROBE_CHARACTERS) // _PROBES)
    hits = 0
    for begin in range(step // 2, len(text) - _PROBE_CHARACTERS, step):
        part = text[begin : begin + _PROBE_CHARACTERS]
        hits += text.count(part, max(0, begin - _NEAR), begin + _NEAR) > 1
    return hits >= _SEEN_AGAIN


def _repeated(tokens: Sequence[str]) -> str | None:
    """Return what a text repeats, as evidence; None if it is as it should be."""
    if len(tokens) > _MOST_TOKENS:
        half = _MOST_TOKENS // 2
        return _repeated(tokens[:half]) or _repeated(tokens[-half:])
    rows = [tuple(tokens[begin : begin + _ROW]) for begin in range(len(tokens) - _ROW + 1)]
    longest = _longest_stretch(rows)
    if longest.is_loop:
        repeated = tokens[longest.end - longest.period : longest.end]
        return " ".join(repeated) if any(any(map(str.isalpha, token)) for token in repeated) else None
    frequent = {row: times for row, times in Counter(rows).items() if times >= _TIMES_SPREAD}
    mostly = sum(frequent.values()) >= _MOSTLY * len(rows)
    return " ".join(max(frequent.items(), key=itemgetter(1))[0]) if frequent and mostly else None


def _longest_stretch(rows: Sequence[tuple[str, ...]]) -> _Stretch:
    """Return the longest stretch that repeats what was shortly before."""
    seen: dict[tuple[str, ...], int] = {}
    longest = _Stretch()
    period = length = 0
    for place, row in enumerate(rows):
        before, seen[row] = seen.get(row, place), place
        if not period or rows[place - period] != row:
            period, length = place - before, _ROW - 1
        if not period:
            continue
        length += 1
        if length > longest.length:
            longest = _Stretch(place + _ROW, period, length)
    return longest
