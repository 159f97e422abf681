"""The rows, and the table that they make: plain, as Markdown, or as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

BARE = "bare aiohttp"

# By how much start-ups differ from each other.
_NOISE = 0.1


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one contestant did in one case; times are in seconds, `seconds` from the server's side."""

    case: str
    contestant: str
    asked: int
    samples: int
    seconds: float | None
    ideal: float | None
    refused: int
    cpu: float
    start_up: float
    peak_mb: float
    wall: float
    exit_code: int
    stopped: bool
    last_words: str
    counts: Mapping[str, Any]

    @property
    def rate(self) -> float | None:
        """Samples a second."""
        return self.samples / self.seconds if self.seconds and self.samples else None

    @property
    def share(self) -> float | None:
        """The share of the ideal that was reached."""
        return self.ideal / self.seconds if self.ideal and self.seconds else None

    @property
    def refused_per_sample(self) -> float | None:
        """Refused calls for each sample."""
        return self.refused / self.samples if self.samples else None

    @property
    def cpu_ms(self) -> float | None:
        """Processor time for each sample beyond a start-up; of the whole process where there are no samples.

        A difference that is small beside the start-up tells nothing.
        """
        if not self.asked:
            return self.cpu * 1000
        beyond, samples = self.cpu - self.start_up, self.samples - (1 if self.start_up else 0)
        return beyond * 1000 / samples if samples > 0 and beyond > self.start_up * _NOISE else None

    @property
    def trouble(self) -> str | None:
        """What went wrong, in a sentence."""
        name = f"{self.case}, {self.contestant}"
        if self.stopped:
            return f"{name}: not done after {self.wall:.0f} s, so it was stopped; counted are the calls answered"
        return f"{name}: exit code {self.exit_code}: {self.last_words}" if self.exit_code else None


def _number(value: float | None, digits: int = 0, unit: str = "") -> str:
    return "-" if value is None else f"{value:,.{digits}f}{unit}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def _to_bare(row: Row, bare: Mapping[str, float | None]) -> str:
    rate = bare.get(row.case)
    return f"{row.rate / rate:.2f}" if rate and row.rate else "-"


Column = Callable[[Row, Mapping[str, float | None]], str]

_COLUMNS: dict[str, Column] = {
    "case": lambda row, _: row.case,
    "contestant": lambda row, _: row.contestant,
    "samples": lambda row, _: f"{row.samples:,}" + (f" of {row.asked:,}" if row.samples != row.asked else ""),
    "seconds": lambda row, _: _number(row.seconds, 2),
    "ideal": lambda row, _: _number(row.ideal, 2),
    "share of ideal": lambda row, _: _percent(row.share),
    "samples/s": lambda row, _: _number(row.rate, 1),
    "to bare": _to_bare,
    "refused/sample": lambda row, _: _number(row.refused_per_sample, 2),
    "peak in flight": lambda row, _: str(row.counts["peak_in_flight"]) if row.counts["requests"] else "-",
    "CPU ms/sample": lambda row, _: _number(row.cpu_ms, 2),
    "peak MB": lambda row, _: _number(row.peak_mb),
    "wall s": lambda row, _: _number(row.wall, 2),
    "exit": lambda row, _: "stopped" if row.stopped else str(row.exit_code),
}


def cells(rows: Sequence[Row]) -> list[list[str]]:
    """The table as text, its heading first; the bare loop is compared with where it took part."""
    bare = {row.case: row.rate for row in rows if row.contestant == BARE}
    return [list(_COLUMNS), *([column(row, bare) for column in _COLUMNS.values()] for row in rows)]


def plain(table: Sequence[Sequence[str]]) -> str:
    """Columns aligned, and an empty line where the first one changes."""
    widths = _widths(table)
    lines: list[str] = []
    for number, line in enumerate(table):
        if number and line[0] != table[number - 1][0]:
            lines.append("")
        lines.append("  ".join(_aligned(line, widths)).rstrip())
    return "\n".join(lines)


def markdown(table: Sequence[Sequence[str]]) -> str:
    """A table that GitHub draws."""
    heading, *rest = table
    rule = [" --- ", " --- ", *([" ---: "] * (len(heading) - 2))]
    lines = [f"| {' | '.join(line)} |" for line in (heading, *rest)]
    return "\n".join([lines[0], f"|{'|'.join(rule)}|", *lines[1:]])


def as_json(rows: Sequence[Row]) -> str:
    """Everything that was measured."""
    return json.dumps(
        [asdict(row) | {"rate": row.rate, "share": row.share, "cpu_ms": row.cpu_ms} for row in rows], indent=1
    )


def _widths(table: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*table, strict=True)]


def _aligned(line: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Words to the left, numbers to the right."""
    padded = zip(line, widths, strict=True)
    return [cell.ljust(width) if at < 2 else cell.rjust(width) for at, (cell, width) in enumerate(padded)]
