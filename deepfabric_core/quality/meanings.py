"""The gate against duplicates by meaning: samples said in other words, found by vectors of a static embedding model.

What is compared is the average of two likenesses, of the questions and of the answers: such a model takes "open an
account" and "close an account" for nearly the same, and it is the answers that tell them apart. Of a record of the
user's own schema all texts together are compared. Samples that ask about other numbers are different ones.

The signs of a vector's projections on 256 fixed directions are kept as bits. Two vectors differ in as many of them as
their angle says, give or take; so bits are compared with those of all samples, and vectors only where few bits differ.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from deepfabric_core.quality.candidate import Candidate
from deepfabric_core.quality.duplicates import Match, NameOf, TextOf, finding_of
from deepfabric_core.quality.finding import Finding
from deepfabric_core.quality.sample_print import compared_texts, is_pair, numbers_in

# Returns a vector for each text, all of the same length; one of zeros for a text without known words.
Embed = Callable[[Sequence[str]], NDArray[np.float32]]

THRESHOLD = 0.9
_BITS = 256
_WORDS = _BITS // 64
_AT_ONCE = 65_536
_EMBEDDED_AT_ONCE = 512
_FEWEST = 256
# More than enough for any question; models read some hundred words at most.
_READ_CHARACTERS = 4_000
_SEED = 20_261


@dataclass(frozen=True, slots=True)
class _Meaning:
    """The meaning of one candidate: a vector of length 1, its bits, and a hash of the numbers that are asked about."""

    vector: NDArray[np.float32]
    bits: NDArray[np.uint64]
    numbers: int


class MeaningIndex:
    """All samples that a candidate's meaning is compared with; as a `DuplicateIndex` compares words.

    A sample takes four bytes for each place of the model's vectors, and 44 more.
    """

    def __init__(
        self,
        embed: Embed,
        threshold: float = THRESHOLD,
        *,
        expected: int = 0,
        text_of: TextOf | None = None,
        name_of: NameOf | None = None,
    ) -> None:
        self.threshold = threshold
        self.embed = embed
        self._text_of = text_of
        self._name_of = name_of
        self._planes: NDArray[np.float32] | None = None
        self._expected = max(expected, _FEWEST)
        self._vectors = np.zeros((0, 0), np.float16)
        self._bits = np.zeros((0, _WORDS), np.uint64)
        self._numbers = np.zeros(0, np.uint32)
        self._keys = array("q")
        self._pending: dict[Hashable, tuple[Candidate, _Meaning]] = {}
        share = math.acos(threshold) / math.pi
        self._most_bits = _BITS * share + 3.5 * math.sqrt(_BITS * share * (1 - share))

    def __len__(self) -> int:
        """Return how many samples a candidate is compared with, without pending ones."""
        return len(self._keys)

    @property
    def memory(self) -> int:
        """How many bytes the samples take."""
        return self._vectors.nbytes + self._bits.nbytes + self._numbers.nbytes + self._keys.itemsize * len(self._keys)

    def add(self, key: int, candidate: Candidate) -> None:
        """Add a sample that is accepted already."""
        self.load([(key, candidate)])

    def load(self, samples: Iterable[tuple[int, Candidate]]) -> None:
        """Add many samples, which are embedded many at once."""
        remaining = iter(samples)
        while some := list(islice(remaining, _EMBEDDED_AT_ONCE)):
            for (key, _), meaning in zip(some, self._meanings([one for _, one in some]), strict=True):
                if meaning is not None:
                    self._append(key, meaning)

    def nearest(self, candidate: Candidate, owner: Hashable | None = None) -> Match | None:
        """Return the sample that means the same as a candidate; what `owner` has pending isn't compared with."""
        [own] = self._meanings([candidate])
        return None if own is None else self._nearest(own, owner)

    def claim(self, candidate: Candidate, owner: Hashable) -> Match | None:
        """Return the sample that means the same; if there is none, keep the candidate as its owner's pending one."""
        self.release(owner)
        [own] = self._meanings([candidate])
        match = None if own is None else self._nearest(own, owner)
        if own is not None and match is None:
            self._pending[owner] = (candidate, own)
        return match

    def accept(self, owner: Hashable, key: int) -> None:
        """Make a sample of what an owner has claimed, if anything."""
        if held := self._pending.pop(owner, None):
            self._append(key, held[1])

    def release(self, owner: Hashable) -> None:
        """Give up what an owner has claimed, if anything."""
        self._pending.pop(owner, None)

    def finding(self, candidate: Candidate, owner: Hashable) -> Finding | None:
        """Claim a candidate, and return what there is against it."""
        match = self.claim(candidate, owner)
        return None if match is None else finding_of(match, candidate, self._name_of)

    def _meanings(self, candidates: Sequence[Candidate]) -> Iterator[_Meaning | None]:
        """Yield the meaning of each candidate; None if it has none that the model knows."""
        parts = [_compared_parts(candidate) for candidate in candidates]
        texts = [text.encode("utf-8", "replace").decode() for pair in parts for text in pair]
        units = iter([_unit(vector) for vector in self.embed(texts)])
        for asked, _ in parts:
            first, second = next(units), next(units)
            first, second = (second if first is None else first), (first if second is None else second)
            if first is None or second is None:
                yield None
                continue
            whole = np.concatenate([first, second]) * np.float32(math.sqrt(0.5))
            yield _Meaning(whole, self._bits_of(whole), numbers_in(asked))

    def _bits_of(self, vector: NDArray[np.float32]) -> NDArray[np.uint64]:
        if self._planes is None:
            self._planes = np.random.default_rng(_SEED).standard_normal((len(vector), _BITS), np.float32)
        return np.packbits(vector @ self._planes > 0).view(np.uint64)

    def _append(self, key: int, meaning: _Meaning) -> None:
        row = len(self._keys)
        if row == len(self._numbers):
            self._make_room(max(self._expected, 2 * row), len(meaning.vector))
        self._vectors[row], self._bits[row], self._numbers[row] = meaning.vector, meaning.bits, meaning.numbers
        self._keys.append(key)

    def _make_room(self, capacity: int, length: int) -> None:
        more = capacity - len(self._numbers)
        self._vectors = np.concatenate([self._vectors.reshape(-1, length), np.zeros((more, length), np.float16)])
        self._bits = np.concatenate([self._bits, np.zeros((more, _WORDS), np.uint64)])
        self._numbers = np.concatenate([self._numbers, np.zeros(more, np.uint32)])

    def _nearest(self, own: _Meaning, owner: Hashable | None) -> Match | None:
        others = [held for other, held in self._pending.items() if other != owner and held[1].numbers == own.numbers]
        likes = [(float(held.vector @ own.vector), candidate) for candidate, held in others]
        likeness, pending = max(likes, key=lambda like: like[0], default=(0.0, None))
        if likeness >= self.threshold:
            return Match("meaning", likeness, None, pending)
        row, likeness = self._most_alike(own)
        if likeness < self.threshold:
            return None
        key = self._keys[row]
        return Match("meaning", likeness, key, self._text_of(key) if self._text_of else None)

    def _most_alike(self, own: _Meaning) -> tuple[int, float]:
        """Return the row of the sample whose meaning is nearest, and the cosine; -1 if none is near at all."""
        best = (-1, -1.0)
        for begin in range(0, len(self._keys), _AT_ONCE):
            end = min(begin + _AT_ONCE, len(self._keys))
            differing = np.bitwise_count(self._bits[begin:end] ^ own.bits).sum(axis=1, dtype=np.uint16)
            near = begin + np.flatnonzero((differing <= self._most_bits) & (self._numbers[begin:end] == own.numbers))
            if len(near):
                likeness = self._vectors[near].astype(np.float32) @ own.vector
                at = int(likeness.argmax())
                best = max(best, (int(near[at]), float(likeness[at])), key=lambda found: found[1])
        return best


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Return a vector of length 1 in the same direction; None if it has no direction."""
    length = float(np.linalg.norm(vector))
    known = math.isfinite(length) and length > np.finfo(np.float32).tiny
    return np.asarray(vector, np.float32) / np.float32(length) if known else None


def _compared_parts(candidate: Candidate) -> tuple[str, str]:
    """Return the two texts whose meaning is compared: question and answer, or twice the whole of another record."""
    if is_pair(candidate):
        return candidate.question[:_READ_CHARACTERS], candidate.answer[:_READ_CHARACTERS]
    texts = compared_texts(candidate)[:_READ_CHARACTERS]
    whole = "\n".join(text[:_READ_CHARACTERS] for text in texts)[:_READ_CHARACTERS]
    return whole, whole
