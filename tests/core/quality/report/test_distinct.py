"""Distinct-n: exact for small datasets, within a percent for large ones, the same in any order and from any process."""

from __future__ import annotations

import pickle
from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.quality.report.distinct import DistinctCount, WordVariety

texts = st.lists(st.lists(st.sampled_from(["a", "b", "c", "ä", "猫", "\ud800"]), max_size=8), max_size=12)


def variety(of: list[list[str]]) -> WordVariety:
    found = WordVariety()
    for words in of:
        found.add(words)
    return found


def expected(of: list[list[str]], length: int) -> tuple[int, int]:
    runs = [tuple(words[at : at + length]) for words in of for at in range(len(words) - length + 1)]
    return len(runs), len(set(runs))


@given(texts)
def test_small_counts_are_exact_and_no_sequence_goes_across_texts(of: list[list[str]]) -> None:
    for found in variety(of).as_object():
        assert (found["total"], found["distinct"]) == expected(of, found["words"])
        assert found["exact"]


@given(texts, texts)
def test_two_parts_come_to_the_same_as_the_whole(one: list[list[str]], other: list[list[str]]) -> None:
    merged = pickle.loads(pickle.dumps(variety(one)))  # noqa: S301 - as from another process
    merged.merge(variety(other))
    assert merged.as_object() == variety(one + other).as_object()


def test_the_order_of_words_counts() -> None:
    found = variety([["a", "b"], ["b", "a"]]).as_object()
    assert [one["distinct"] for one in found] == [2, 2, 0]
    assert found[2]["share"] is None


def test_a_million_hashes_are_counted_within_a_percent_from_little_memory() -> None:
    generator = np.random.default_rng(5)
    found = DistinctCount()
    for _ in range(20):
        found.add(generator.integers(0, 1 << 64, 50_000, dtype=np.uint64))
    assert not found.is_exact
    assert abs(found.count - 1_000_000) < 10_000
    assert len(pickle.dumps(found)) < (1 << 19) + 1000


def test_many_words_are_counted_within_two_percent() -> None:
    random = Random(3)
    of = [[f"w{random.randrange(3000)}" for _ in range(200)] for _ in range(600)]
    for found in variety(of).as_object():
        total, distinct = expected(of, found["words"])
        assert found["total"] == total
        assert abs(found["distinct"] - distinct) <= 0.02 * distinct
