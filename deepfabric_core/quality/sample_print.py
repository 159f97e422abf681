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
from itertools import chain
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
SHORTEST_ANSWER = 12
# What is read of each text, so that the time for one sample is bounded; all of it counts for whether texts are equal.
_READ_CHARACTERS = 24_000
_READ_IN_ALL = 2 * _READ_CHARACTERS

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
    words = _words_of(texts)
    runs = list(chain.from_iterable(shingles(own, RUN) for own in words))
    if not runs:
        return None
    hashes = [_hash_of(own, text) for own, text in zip(words, texts, strict=True)]
    whole = _number(hashlib.blake2b(b"".join(hashes), digest_size=8).digest())
    pair = is_pair(candidate)
    question = _number(hashes[0]) if pair and words[0] else 0
    answer = _number(hashes[1]) if pair and len(words[1]) >= SHORTEST_ANSWER else 0
    return SamplePrint(_LAYOUT.pack(_minima(runs), whole, question, answer, numbers_in(texts[0])))


def runs_of(candidate: Candidate) -> set[str]:
    """Return the runs of words in a candidate, which its print is made of."""
    return set(chain.from_iterable(shingles(own, RUN) for own in _words_of(compared_texts(candidate))))


def _words_of(texts: Sequence[str]) -> list[list[str]]:
    """Return the words of each text, as far as they are read: all texts together may be many, and long."""
    left = _READ_IN_ALL
    found = []
    for text in texts:
        read = text[: min(left, _READ_CHARACTERS)]
        left -= len(read)
        found.append(words_or_signs(read))
    return found


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


def _hash_of(words: list[str], text: str) -> bytes:
    """Return a hash of the words of a text, and of what comes after the part that is read."""
    hashed = hashlib.blake2b(" ".join(words).encode("utf-8", "surrogatepass"), digest_size=8)
    if len(text) > _READ_CHARACTERS or (text and not words):
        hashed.update(text[_READ_CHARACTERS if words else 0 :].encode("utf-8", "surrogatepass"))
    return hashed.digest()


def _number(digest: bytes) -> int:
    """Return a hash as a number that isn't 0."""
    return int.from_bytes(digest, "little") or 1


def numbers_in(text: str) -> int:
    """Return a hash of the numbers in a text, whatever their order; 0 if there are none."""
    found = _NUMBER.findall(text[:_READ_CHARACTERS])
    return (crc32(" ".join(sorted(set(found))).encode()) or 1) if found else 0
