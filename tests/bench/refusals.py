"""The table of the refusal cases: how much of the limit each contestant used, and how often it was refused."""

from __future__ import annotations

from collections.abc import Sequence

from tests.bench.cases import REFUSAL_MS, REFUSALS, refusal_name
from tests.bench.table import Row


def by_refusal(rows: Sequence[Row]) -> list[list[str]]:
    """The table as text: a line for each contestant and time of a refusal, a column for each limit.

    A cell is the ideal's time by the contestant's, and the refused calls a sample; the ideal is never refused.
    """
    found = {(row.case, row.contestant): row for row in rows}
    names = dict.fromkeys(row.contestant for row in rows)
    lines = [["a 429 takes", "contestant", *(what for what, _ in REFUSALS.values())]]
    for milliseconds in REFUSAL_MS:
        cases = [refusal_name(milliseconds, limit) for limit in REFUSALS]
        lines += [
            [f"{milliseconds} ms", name, *(_cell(found.get((case, name))) for case in cases)]
            for name in names
            if any((case, name) in found for case in cases)
        ]
    return [*lines, ["any", "ideal", *(_ideal(limit, rows) for limit in REFUSALS)]]


def _cell(row: Row | None) -> str:
    if row is None:
        return "-"
    if row.share is None or row.refused_per_sample is None:
        return "stopped" if row.stopped else row.last_words
    short = f" ({row.samples:,} of {row.asked:,})" if row.samples != row.asked else ""
    return f"{row.share:.2f} / {row.refused_per_sample:.2f}{short}"


def _ideal(limit: str, rows: Sequence[Row]) -> str:
    """The seconds of the ideal, of the first run that delivered all."""
    cases = {refusal_name(milliseconds, limit) for milliseconds in REFUSAL_MS}
    whole = (row.ideal for row in rows if row.case in cases and row.ideal and row.samples == row.asked)
    return next((f"1.00 / 0.00, {ideal:.1f} s" for ideal in whole), "-")
