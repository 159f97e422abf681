"""The print of a sample: the few bytes by which it is compared with a million others.

It holds a MinHash of the runs of three words in the sample's texts, of which two prints share about as many places as
the samples share runs; and hashes of all the words, of the question's, of the answer's, and of the numbers asked about.
"""

from __future__ import annotations

import hashlib
import re
import struct
import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NewType
from zlib import crc32

from deepfabric_core.quality.candidate import Candidate
from deepfabric_core.words import shingles, words_or_signs

SamplePrint = NewType("SamplePrint", bytes)

# Another value of any of these makes other prints: `VERSION` says so to whoever keeps prints.
PLACES = 128
RUN = 3
_SEED = 20_261
_LAYOUT = struct.Struct(f"<{PLACES}sQQQI")
PRINT_BYTES = _LAYOUT.size
VERSION = 1

# A shorter answer, such as "Yes." or "The second one", may be that of many questions.
_SHORTEST_ANSWER = 12
# What is read of each text, so that the time for one sample is bounded; all of it counts for whether texts are equal.
_READ_CHARACTERS = 24_000

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True, slots=True)
class Likeness:
    """How much two prints are alike: the estimated share of common runs of words, and which hashes are equal."""

    shared: float
    same_words: bool
    same_question: bool
    same_answer: bool
    same_numbers: bool


def print_of(candidate: Candidate) -> SamplePrint | None:
    """Return the print of a candidate; None if it has no words and no signs, so that nothing can be compared."""
    texts = compared_texts(candidate)
    words = [words_or_signs(text[:_READ_CHARACTERS]) for text in texts]
    runs = [run for own in words for run in shingles(own, RUN)]
    if not runs:
        return None
    whole = _hash_of([word for own in words for word in own], "".join(text[_READ_CHARACTERS:] for text in texts))
    question = answer = 0
    if is_pair(candidate) and words[0]:
        question = _hash_of(words[0], texts[0][_READ_CHARACTERS:])
    if is_pair(candidate) and len(words[1]) >= _SHORTEST_ANSWER:
        answer = _hash_of(words[1], texts[1][_READ_CHARACTERS:])
    return SamplePrint(_LAYOUT.pack(_minima(runs), whole, question, answer, _numbers_in(texts[0])))


def runs_of(candidate: Candidate) -> set[str]:
    """Return the runs of words in a candidate, which its print is made of."""
    return {run for text in compared_texts(candidate) for run in shingles(words_or_signs(text[:_READ_CHARACTERS]), RUN)}


def is_pair(candidate: Candidate) -> bool:
    """Whether a candidate is a question and its answer, and nothing else that people read but reasoning."""
    both = (candidate.question, candidate.answer)
    return candidate.is_conversation or (all(both) and all(text in both for text in candidate.fields.values()))


def compared_texts(candidate: Candidate) -> Sequence[str]:
    """Return question and answer or, of a record of the user's own schema, all texts."""
    return (candidate.question, candidate.answer) if is_pair(candidate) else tuple(candidate.fields.values())


def _minima(runs: list[str]) -> bytes:
    """Return the lowest byte of each place of the MinHash."""
    from rensa import RMinHash

    sketch = RMinHash(PLACES, _SEED)
    sketch.update(runs)
    values = array("I", sketch.digest())
    if sys.byteorder == "big":
        values.byteswap()
    return values.tobytes()[:: values.itemsize]


def _hash_of(words: list[str], rest: str) -> int:
    """Return a hash that isn't 0."""
    text = " ".join(words) if not rest else f"{' '.join(words)}\n{rest}"
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") or 1


def _numbers_in(text: str) -> int:
    """Return a hash of the numbers in a text, whatever their order; 0 if there are none."""
    found = _NUMBER.findall(text[:_READ_CHARACTERS])
    return (crc32(" ".join(sorted(set(found))).encode()) or 1) if found else 0
