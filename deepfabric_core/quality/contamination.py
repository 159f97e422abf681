"""The gate against contamination: no sample repeats a run of words of an evaluation set.

A text of the evaluation set that has fewer words than such a run counts if it is repeated as a whole and isn't too
short for that. In scripts without spaces, two characters count as one word. Runs that many items share are the set's
manner of speaking, and tell nothing. What only says the same in other words isn't found.

All runs of the evaluation set are kept as hashes, sorted; what they find is compared with the text itself.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deepfabric_core.errors import ConfigError
from deepfabric_core.printable import printable
from deepfabric_core.quality.candidate import Candidate
from deepfabric_core.quality.finding import Finding
from deepfabric_core.quality.word_runs import hashes_of_runs, hashes_of_words
from deepfabric_core.wording import counted
from deepfabric_core.words import words_in

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from deepfabric_core.quality.word_runs import Hashes

# A shorter text is nobody's property, even if it is the whole of a question.
_FEWEST_WORDS = 8
# A run in more items than this tells nothing.
_MOST_ITEMS = 10
# Of longer texts, only the beginning is looked at.
_LONGEST_ITEM = 4000
_LONGEST_TEXT = 100_000
# With their hashes, so many words take some 700 MB.
MOST_WORDS = 40_000_000
# So many of the places where a hash is found are looked at in a text.
_MOST_COMPARED = 50
_BITS_A_RUN = 6
_EVIDENCE_WORDS = 40
_EVIDENCE_CHARACTERS = 300
_CHARACTERS_A_WORD = 2
_ADVICE = (
    "it repeats a question or an answer of a test that must stay unseen; write about something else in other words"
)


@dataclass(frozen=True, slots=True)
class EvaluationItem:
    """One item of an evaluation set: the set's name, where the item stands in it, and its texts."""

    source: str
    place: str
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Overlap:
    """A run of words that a sample shares with an item: in which text of the sample, how many words, and which."""

    part: str
    source: str
    place: str
    words: int
    span: str

    def finding(self) -> Finding:
        """Return what is against a sample with this overlap."""
        run = f"{counted(self.words, 'word')} in a row of its {self.part}"
        reason = f"{run} {'is' if self.words == 1 else 'are'} those of {self.source}, {self.place}"
        return Finding("contamination", self.source, reason, _ADVICE, self.span)


class ContaminationIndex:
    """The runs of words of evaluation sets: 13 or 14 bytes for each, and the words of each text.

    Raises:
        ConfigError: the items have more than `most_words` words.
    """

    def __init__(self, items: Iterable[EvaluationItem], ngram: int = 13, *, most_words: int = MOST_WORDS) -> None:
        self._ngram = ngram
        self._most_words = most_words
        self._texts: list[str] = []
        self._items: list[tuple[str, str]] = []
        self._runs = self._built(items)

    @property
    def size(self) -> int:
        """How many texts of evaluation sets it holds."""
        return len(self._texts)

    def finding(self, candidate: Candidate) -> Finding | None:
        """Return what is against a candidate, or None: its longest overlap."""
        longest = max(self.overlaps(candidate), key=lambda one: one.words, default=None)
        return longest.finding() if longest else None

    def overlaps(self, candidate: Candidate) -> Iterator[Overlap]:
        """Yield the longest overlap of each text of a candidate that has one."""
        for part, text in candidate.texts():
            words = words_in(text[:_LONGEST_TEXT])
            longest = max(self._matches(words), key=lambda match: match.count, default=None)
            if longest:
                source, place = self._items[longest.text]
                shared = words[longest.begin : longest.begin + longest.count]
                yield Overlap(part, source, place, longest.count, _span(text, shared))

    def _built(self, items: Iterable[EvaluationItem]) -> dict[int, _Runs]:
        import numpy as np

        hashes: defaultdict[int, list[Hashes]] = defaultdict(list)
        numbers: defaultdict[int, list[int]] = defaultdict(list)
        left = self._most_words
        for item, words in self._distinct_texts(items):
            left -= len(words)
            if left < 0:
                raise ConfigError(
                    f"The sets of quality.contamination.against have more than {self._most_words:,} words, which would "
                    f"take too much memory; {item.source} is the first too many, so name fewer of them."
                )
            size = self._size_of_runs(words)
            hashes[size].append(np.unique(hashes_of_runs(hashes_of_words(words), size)))
            numbers[size].append(len(self._texts))
            self._texts.append(" ".join(words))
            self._items.append((item.source, item.place))
        return {size: _Runs(hashes.pop(size), numbers[size]) for size in sorted(numbers)}

    def _distinct_texts(self, items: Iterable[EvaluationItem]) -> Iterator[tuple[EvaluationItem, list[str]]]:
        """Yield the words of each text that is long enough, such as a passage of several questions, once."""
        seen: set[int] = set()
        for item in items:
            for text in item.texts:
                words = words_in(text[:_LONGEST_TEXT])[:_LONGEST_ITEM]
                if self._size_of_runs(words):
                    whole = int(hashes_of_runs(hashes_of_words(words), len(words))[0])
                    if whole not in seen:
                        seen.add(whole)
                        yield item, words

    def _size_of_runs(self, words: Sequence[str]) -> int:
        """Return how long the runs of a text are that count: its own length if it is shorter; 0 if it is too short."""
        a_word = _CHARACTERS_A_WORD if sum(map(_is_character, words)) * 2 > len(words) else 1
        return 0 if len(words) < _FEWEST_WORDS * a_word else min(len(words), self._ngram * a_word)

    def _matches(self, words: Sequence[str]) -> Iterator[_Match]:
        """Yield the runs that the words have in common with a text; each is as long as can be."""
        hashes = hashes_of_words(words)
        for size, runs in self._runs.items():
            end = 0
            for begin, text in runs.found(hashes_of_runs(hashes, size)):
                if begin + size > end and (match := self._compared(words, begin, size, text)):
                    end = match.begin + match.count
                    yield match

    def _compared(self, words: Sequence[str], begin: int, size: int, text: int) -> _Match | None:
        """Return the run that begins there, extended in both directions, if it stands in a text of the set."""
        others = self._texts[text].split(" ")
        run = list(words[begin : begin + size])
        at = next((at for at in range(len(others) - size + 1) if others[at : at + size] == run), None)
        if at is None:
            return None
        before = _common(reversed(words[:begin]), reversed(others[:at]))
        after = _common(words[begin + size :], others[at + size :])
        return _Match(begin - before, before + size + after, text)


@dataclass(frozen=True, slots=True)
class _Match:
    """A run of words: where it begins, how many they are, and in which text of the set it stands."""

    begin: int
    count: int
    text: int


class _Runs:
    """The hashes of all runs of one size, sorted, each with the number of the first text that has it.

    Nearly all runs of a sample are in no text, which most of them show at once: there are six bits or more for each
    hash, one of which is set, and what meets a bit that isn't set is new.
    """

    def __init__(self, hashes: list[Hashes], texts: list[int]) -> None:
        import numpy as np

        owners = np.repeat(np.array(texts, np.uint32), [len(some) for some in hashes])
        joined = np.concatenate(hashes)
        hashes.clear()
        order = np.argsort(joined, kind="stable")
        joined, owners = joined[order], owners[order]
        del order
        firsts = np.flatnonzero(np.r_[True, joined[1:] != joined[:-1]])
        rare = np.diff(np.r_[firsts, len(joined)]) <= _MOST_ITEMS
        self._hashes: Hashes = joined[firsts[rare]]
        self._texts: NDArray[np.uint32] = owners[firsts[rare]]
        self._mask = np.uint64(max(64, 1 << (_BITS_A_RUN * len(self._hashes)).bit_length()) - 1)
        self._bits = np.zeros(int(self._mask + np.uint64(1)) // 8, np.uint8)
        places, bits = self._places_of_bits(self._hashes)
        np.bitwise_or.at(self._bits, places, bits)

    def found(self, hashes: Hashes) -> list[tuple[int, int]]:
        """Return which of some hashes are here, by their places, each with the number of a text."""
        import numpy as np

        places, bits = self._places_of_bits(hashes)
        maybe = np.flatnonzero(self._bits[places] & bits)
        if not len(maybe) or not len(self._hashes):
            return []
        at = np.minimum(np.searchsorted(self._hashes, hashes[maybe]), len(self._hashes) - 1)
        here = np.flatnonzero(self._hashes[at] == hashes[maybe])[:_MOST_COMPARED]
        return list(zip(maybe[here].tolist(), self._texts[at[here]].tolist(), strict=True))

    def _places_of_bits(self, hashes: Hashes) -> tuple[Hashes, NDArray[np.uint8]]:
        """Return in which byte the bit of each hash is, and the bit."""
        import numpy as np

        chosen = hashes & self._mask
        return chosen >> np.uint64(3), np.uint8(1) << (chosen & np.uint64(7)).astype(np.uint8)


def _is_character(word: str) -> bool:
    """Return whether a word is a single character of a script without spaces, beyond Latin and its neighbours."""
    return len(word) == 1 and word > "\u0e00"


def _common(one: Iterable[str], other: Iterable[str]) -> int:
    """Return how many words two sequences have in common at their beginning."""
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count


def _span(text: str, words: Sequence[str]) -> str:
    """Return the passage of a text that has these words; the words themselves if they are written otherwise there."""
    shown = words[:_EVIDENCE_WORDS]
    passage = re.compile(r"\W*".join(map(re.escape, shown)), re.IGNORECASE).search(text[:_LONGEST_TEXT])
    return printable(passage[0] if passage else " ".join(shown), _EVIDENCE_CHARACTERS)
