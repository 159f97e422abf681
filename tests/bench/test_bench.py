"""The benchmark itself, on one tiny case."""

import pytest

from tests.bench.cases import Case
from tests.bench.contestants import BARE_AIOHTTP, OURS
from tests.bench.ideal import in_flight, tree_seconds
from tests.bench.measure import Bench
from tests.bench.table import cells, markdown, plain

TINY = Case("tiny", "20 samples at 50 ms, 5 at once", 20, 5, {"latency": 0.05}, in_flight(5, 0.05), patience=30)


def test_a_tiny_case_makes_a_table_with_sensible_numbers() -> None:
    bench = Bench()
    rows = [bench.measure(TINY, contestant) for contestant in (OURS, BARE_AIOHTTP)]
    for row in rows:
        assert (row.exit_code, row.samples, row.refused) == (0, 20, 0), row.last_words
        assert row.ideal and row.seconds and row.cpu_ms and row.share
        assert 0.19 < row.ideal < 0.3 and row.ideal <= row.seconds <= row.wall
        assert 0 < row.share <= 1 and 0 < row.cpu < row.wall * 4
        assert row.cpu_ms == pytest.approx(row.cpu * 1000 / 20)
        assert 10 < row.peak_mb < 2000
    heading, ours, bare = cells(rows)
    assert heading[:3] == ["case", "contestant", "samples"]
    assert ours[:3] == ["tiny", "ours", "20"] and bare[:3] == ["tiny", "bare aiohttp", "20"]
    assert bare[heading.index("to bare")] == "1.00"
    assert len(plain(rows).splitlines()) == 4
    assert len(markdown(rows).splitlines()) == 4


def test_calls_take_at_best_as_many_rounds_as_the_places_allow_and_longer_with_stragglers() -> None:
    assert in_flight(8, 0.5)(24) == 1.5
    assert in_flight(8, 0.5)(25) == 2.0
    assert in_flight(8, 0.5, straggling=1)(8) == 5.0
    assert 2.0 < (in_flight(8, 0.5, straggling=0.05)(25) or 0) <= 10.0
    assert (in_flight(8, 0.5, hang=0.5, timeout=3)(8) or 0) >= 3.5


def test_a_tree_takes_at_best_as_long_as_its_levels_or_its_calls_whatever_is_more() -> None:
    assert tree_seconds(1, 4, 16, 1.0) == 4
    assert tree_seconds(5, 2, 100, 1.0) == 2
    assert tree_seconds(5, 2, 2, 1.0) == 4
    assert tree_seconds(5, 4, 16, 1.0) == 12
