"""The benchmark itself, on one tiny case."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench.__main__ import sized, taking_part
from tests.bench.cases import CASES, REFUSAL_MS, REFUSALS, Case, refusal_name
from tests.bench.contestants import BARE_AIOHTTP, OURS, Packaged, contestants
from tests.bench.exports import bare, ours
from tests.bench.ideal import in_flight, tree_seconds
from tests.bench.measure import Bench
from tests.bench.peers.packages import PACKAGES
from tests.bench.refusals import by_refusal
from tests.bench.table import cells, markdown, plain
from tests.core.export.samples import answered, worked, write
from tests.provider import Faults

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
    assert len(plain(cells(rows)).splitlines()) == 4
    assert len(markdown(cells(rows)).splitlines()) == 4


def test_a_tiny_case_of_refusals_makes_a_table_that_tells_of_everyone_and_why_a_peer_could_not_take_part(
    tmp_path: Path,
) -> None:
    case = next(case for case in CASES if case.name == refusal_name(150, "places-retry-after"))
    few, bench = replace(case, samples=60, patience=30), Bench()
    package = PACKAGES[0]
    package.failure(tmp_path).write_text("no such version", encoding="utf-8")
    rows = [bench.measure(few, contestant) for contestant in (OURS, Packaged(package, tmp_path))]
    ours, peer = rows
    assert (ours.exit_code, ours.samples) == (0, 60), ours.last_words
    assert ours.ideal == 1.0 and ours.refused > 0
    assert peer.trouble and peer.trouble.endswith("not installed: no such version")
    table = by_refusal(rows)
    column = table[0].index("50 in flight, Retry-After")
    assert [line[:2] for line in table[1:]] == [["150 ms", "ours"], ["150 ms", package.title], ["any", "ideal"]]
    assert table[1][column] == f"{ours.share:.2f} / {ours.refused / 60:.2f}"
    assert table[2][column] == "not installed: no such version"
    assert table[3][column] == "1.00 / 0.00, 1.0 s"
    assert table[1][2] == "-"


def test_a_refusal_takes_so_long_and_holds_a_place_in_the_cases_that_say_so() -> None:
    cases = {case.name: case for case in CASES if case.kind == "refusals"}
    assert len(cases) == len(REFUSAL_MS) * len(REFUSALS) == 20
    for case in cases.values():
        Faults(**case.faults)
        assert (case.samples, case.width, case.faults["latency"]) == (1000, 256, 0.5)
    assert cases["refusal-300ms-places-silent"].faults["refusal_latency"] == 0.3
    with_peers = [name for name, case in cases.items() if len(taking_part(case, contestants(None, Path()))) > 1]
    assert with_peers == [refusal_name(150, limit) for limit in REFUSALS if "silent" not in limit]


def test_a_number_of_samples_goes_before_quick_and_leaves_fixed_cases_alone() -> None:
    assert sized(TINY, samples=500, quick=True).samples == 500
    assert sized(TINY, samples=None, quick=True).samples == 6
    assert sized(replace(TINY, fixed=True), samples=500, quick=False).samples == 20


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


def test_an_export_is_compared_with_reading_and_writing_bare(tmp_path: Path) -> None:
    from datasets import Dataset  # type: ignore[import-untyped]

    dataset = write(tmp_path / "tea.jsonl", answered(), worked())
    for way in (bare, ours):
        way(dataset, tmp_path / "tea.parquet")
        assert Dataset.from_parquet(str(tmp_path / "tea.parquet")).num_rows == 2
