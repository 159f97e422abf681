"""Samples by topic: branches, leaves, what has no sample, and merging."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.quality.report.topic_counts import TopicCounts

PATHS = [("Tea", "Green", "Sencha"), ("Tea", "Green", "Matcha"), ("Tea", "Black"), ("茶", "<b>"), ()]


def counts(paths: list[tuple[str, ...]], score: float | None = None) -> TopicCounts:
    found = TopicCounts()
    for path in paths:
        found.add(path, None, score)
    return found


def branch(found: dict[str, Any], *names: str) -> dict[str, Any]:
    level = found["branches"]
    node: dict[str, Any] = {}
    for name in names:
        node = next(one for one in level if one["name"] == name)
        level = node["branches"]
    return node


def test_branches_are_below_each_other_and_the_largest_is_first() -> None:
    found = counts([PATHS[2], *PATHS[:2], PATHS[0]]).as_object(None)
    assert branch(found, "Tea")["samples"] == 4
    assert [one["name"] for one in branch(found, "Tea")["branches"]] == ["Green", "Black"]
    assert branch(found, "Tea", "Green", "Sencha")["samples"] == 2
    assert found["covered"] == 3 and found["most_per_topic"] == 2


def test_topics_of_a_file_without_samples_are_named() -> None:
    found = counts(PATHS[:2]).as_object(PATHS[:3])
    assert (found["known"], found["missing"], found["missing_paths"]) == (3, 1, [["Tea", "Black"]])


def test_samples_with_an_id_alone_are_found_at_their_topics_path() -> None:
    found = TopicCounts()
    for topic_id in ("a", "a", "b", 7, None):
        found.add((), topic_id, None)
    found.resolve({"a": PATHS[0], "c": PATHS[2]})
    said = found.as_object([PATHS[0], PATHS[2]])
    assert branch(said, "Tea", "Green")["samples"] == 2
    assert (said["samples_with_id_only"], said["samples_without_topic"], said["missing"]) == (1, 2, 1)


def test_scores_are_averaged_by_branch() -> None:
    found = counts(PATHS[:2], 4.0)
    found.add(PATHS[2], None, 2.0)
    found.add(PATHS[2], None, None)
    said = found.as_object(None)
    assert branch(said, "Tea")["score"] == round(10 / 3, 3)
    assert branch(said, "Tea", "Black")["score"] == 2.0


def test_topics_gained_and_lost_are_those_that_only_one_has() -> None:
    old, new = counts(PATHS[:2]), counts(PATHS[1:3])
    assert new.lacking(old) == {"count": 1, "paths": [list(PATHS[0])]}
    assert old.lacking(new) == {"count": 1, "paths": [list(PATHS[2])]}


def test_ten_thousand_branches_are_cut_to_a_bound_and_all_samples_still_count() -> None:
    found = counts([("Tea", f"branch {number}", "leaf") for number in range(10_000)]).as_object(None)
    assert found["covered"] == 10_000
    assert branch(found, "Tea")["samples"] == 10_000
    assert not found["branches_complete"]
    assert len(branch(found, "Tea")["branches"]) < 4_000


@given(st.lists(st.sampled_from(PATHS), max_size=20), st.lists(st.sampled_from(PATHS), max_size=20))
def test_two_parts_come_to_the_same_as_the_whole(one: list[tuple[str, ...]], other: list[tuple[str, ...]]) -> None:
    merged = counts(one, 3.0)
    merged.merge(counts(other, 3.0))
    assert merged.as_object(PATHS[:4]) == counts(one + other, 3.0).as_object(PATHS[:4])
