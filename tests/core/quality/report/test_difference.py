"""The difference of two datasets: figures of both, and topics that only one has."""

from __future__ import annotations

from deepfabric_core.quality.report.difference import difference
from tests.core.quality.report.test_sums import record, sums


def test_figures_of_both_stand_side_by_side() -> None:
    old = sums([record(topic_path=["Tea", "Green"], cost=1.0)])
    new = sums([record(topic_path=["Tea", "Black"], answer="So!!! it is indeed"), record()])
    found = difference(new, old)
    figures = {one["what"]: (one["old"], one["new"]) for one in found["figures"]}
    assert figures["samples"] == (1, 2)
    assert figures["samples that failed a check"] == (0.0, 0.5)
    assert figures["tokens of an answer, median"] == (3, 3)
    assert figures["cost"] == (1.0, None)
    assert "judge's mean score" not in figures
    assert found["topics_gained"]["paths"] == [["Tea", "Black"]]
    assert found["topics_lost"]["paths"] == [["Tea", "Green"]]


def test_two_empty_datasets_differ_in_nothing() -> None:
    found = difference(sums([]), sums([]))
    assert all(one["old"] == one["new"] for one in found["figures"])
    assert found["topics_gained"]["count"] == found["topics_lost"]["count"] == 0
