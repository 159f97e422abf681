"""Prints that are like one of another group are found as if each were compared with all others."""

import random
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.quality.prints_across import alike_across
from deepfabric_core.quality.sample_print import PLACES, PRINT_BYTES, SamplePrint

THRESHOLD, MARGIN = 0.6, 0.11


def _like(one: SamplePrint, places: int, hashed: int, dice: random.Random) -> SamplePrint:
    """A print with other values at some places, and one hash of the same, or none."""
    other = bytearray(one[:PLACES] + dice.randbytes(PRINT_BYTES - PLACES))
    for place in dice.sample(range(PLACES), places):
        other[place] ^= dice.randrange(1, 256)
    if hashed < 3:
        other[PLACES + 8 * hashed : PLACES + 8 * hashed + 8] = one[PLACES + 8 * hashed : PLACES + 8 * hashed + 8]
    return SamplePrint(bytes(other))


def _are_compared_and_alike(one: SamplePrint, other: SamplePrint) -> bool:
    own, others = one[PLACES:], other[PLACES:]
    if any(own[at : at + 8] == others[at : at + 8] != bytes(8) for at in (0, 8, 16)):
        return True
    shared = sum(a == b for a, b in zip(one[:PLACES], other[:PLACES], strict=True)) / PLACES
    in_a_band = any(one[at : at + 4] == other[at : at + 4] for at in range(0, PLACES, 4))
    return in_a_band and (shared - 1 / 256) / (1 - 1 / 256) >= THRESHOLD - MARGIN


@given(st.integers(0, 2**32), st.integers(1, 60), st.integers(1, 4), st.integers(0, 50), st.integers(0, 90))
def test_those_are_found_that_share_a_band_or_a_hash_with_one_of_another_group(
    seed: int, own: int, groups: int, copies: int, changed: int
) -> None:
    dice = random.Random(seed)
    prints = [SamplePrint(dice.randbytes(PRINT_BYTES)) for _ in range(own)]
    for _ in range(copies):
        prints.append(_like(dice.choice(prints), min(PLACES, changed), dice.randrange(4), dice))
    group_of = [dice.randrange(groups) for _ in prints]
    alike: set[int] = set()
    for one, other in combinations(range(len(prints)), 2):
        if group_of[one] != group_of[other] and _are_compared_and_alike(prints[one], prints[other]):
            alike |= {one, other}
    found = alike_across(prints, group_of, THRESHOLD, MARGIN)
    taken = {number for number in range(len(prints)) if found[number]}
    assert taken >= alike
    if copies <= 31:  # so that no chain is too long to look at
        assert taken == alike


def test_prints_with_nothing_in_common_are_left_out_and_of_too_many_equal_ones_all_are_taken() -> None:
    dice = random.Random(5)
    prints = [SamplePrint(dice.randbytes(PRINT_BYTES)) for _ in range(5000)]
    groups = [number % 7 for number in range(5000)]
    assert not alike_across(prints, groups, THRESHOLD, MARGIN).any()
    equal = [*prints, *[_like(prints[0], 0, 3, dice) for _ in range(200)]]
    found = alike_across(equal, [*groups, *[3] * 200], THRESHOLD, MARGIN)
    assert [number for number in range(5200) if found[number]] == [0, *range(5000, 5200)]


def test_none_and_one_are_like_no_other() -> None:
    assert not alike_across([], [], THRESHOLD).any()
    assert not alike_across([SamplePrint(bytes(PRINT_BYTES))], [0], THRESHOLD).any()
