"""Prints that are alike are found among many, and what is found doesn't depend on how they were added."""

import random
import time

import pytest

from deepfabric_core.quality.candidate import Candidate
from deepfabric_core.quality.print_index import PrintIndex
from deepfabric_core.quality.sample_print import PLACES, PRINT_BYTES, SamplePrint, print_of

DICE = random.Random(7)


def _random_print(dice: random.Random) -> SamplePrint:
    return SamplePrint(dice.randbytes(PRINT_BYTES))


def _changed(one: SamplePrint, places: int, dice: random.Random) -> SamplePrint:
    """The same print with other values at some places, and none of its hashes."""
    changed = bytearray(one[:PLACES] + dice.randbytes(PRINT_BYTES - PLACES))
    for place in dice.sample(range(PLACES), places):
        changed[place] ^= dice.randrange(1, 256)
    return SamplePrint(bytes(changed))


def test_of_ten_thousand_prints_the_ones_alike_are_found() -> None:
    dice = random.Random(1)
    known = [_random_print(dice) for _ in range(10_000)]
    index = PrintIndex(0.6)
    for begin in range(0, 9_000, 700):
        index.add_all(known[begin : min(begin + 700, 9_000)])
    for one in known[9_000:]:
        index.add(one)
    found = 0
    for row in range(0, 10_000, 100):
        alike = index.alike(_changed(known[row], 38, dice))
        found += [at for at, _ in alike] == [row]
        assert all(abs(likeness.shared - 0.70) < 0.02 for _, likeness in alike)
    assert found >= 99
    assert index.alike(_random_print(dice)) == []


@pytest.mark.parametrize("hashed", range(3))
def test_a_print_with_an_equal_hash_is_found_whatever_else_differs(hashed: int) -> None:
    dice = random.Random(2)
    index = PrintIndex(0.6, expected=500)
    index.add_all([_random_print(dice) for _ in range(500)])
    own = PLACES + 8 * hashed
    sought, known = bytearray(_random_print(dice)), _random_print(dice)
    sought[own : own + 8] = known[own : own + 8]
    row = index.add(known)
    [(at, likeness)] = index.alike(SamplePrint(bytes(sought)))
    assert at == row
    assert [likeness.same_words, likeness.same_question, likeness.same_answer] == [hashed == n for n in range(3)]


def test_many_prints_at_once_are_found_as_if_added_one_by_one() -> None:
    dice = random.Random(3)
    some = [_random_print(dice) for _ in range(40)]
    known = [_changed(dice.choice(some), 30, dice) for _ in range(2_000)]
    at_once, singly = PrintIndex(0.6), PrintIndex(0.6, expected=5_000)
    at_once.add_all(known)
    for one in known:
        singly.add(one)
    assert all(at_once.alike(one) == singly.alike(one) for one in some)


def test_prints_that_share_a_band_with_all_others_are_found_too() -> None:
    """Of a thousand samples in one form, each band may be shared by hundreds: the one that is alike is found."""
    dice = random.Random(4)
    form = _random_print(dice)
    known = [_changed(form, 62, dice) for _ in range(3_000)]
    index = PrintIndex(0.7)
    index.add_all(known)
    begin = time.process_time()
    assert all(row in [at for at, _ in index.alike(_changed(known[row], 20, dice))] for row in range(0, 3_000, 60))
    assert time.process_time() - begin < 10


def test_a_sample_takes_less_than_a_kilobyte() -> None:
    index = PrintIndex(0.6, expected=20_000)
    dice = random.Random(5)
    index.add_all([_random_print(dice) for _ in range(20_000)])
    assert index.memory / 20_000 < 1_000
    grown = PrintIndex(0.6)
    for _ in range(5):
        grown.add_all([_random_print(dice) for _ in range(6_000)])
    assert grown.memory / len(grown) < 1_500


def test_an_empty_index_has_nothing_alike() -> None:
    one = print_of(Candidate("Why?", "So."))
    assert one is not None and PrintIndex(0.6).alike(one) == []
    assert len(PrintIndex(0.4)) == 0
