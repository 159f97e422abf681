"""`RateHistory` and `sparkline`: what was made in each second of the last minute, as numbers and as a small picture."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import groupby

from deepfabric_core.events import Stage
from deepfabric_core.run.state import RunState

# In seconds.
WINDOW = 60
_SMOOTHED_OVER = 5


class RateHistory:
    """The samples (or topics) per second and the calls in flight of the current stage, over the last minute.

    As in all other rates, pauses don't count: it stands still from when the last call in flight has ended.
    """

    def __init__(self) -> None:
        self._made_per_second: deque[float] = deque(maxlen=WINDOW + _SMOOTHED_OVER - 1)
        self._in_flight: deque[float] = deque(maxlen=WINDOW)
        self._stage: Stage | None = None
        self._seconds = 0
        self._next_at = 0.0
        self._noted_at = 0.0
        self._made = 0

    def note(self, state: RunState, now: float) -> None:
        """Record the state once a second has passed; `now` is in seconds of a clock that is never set, if possible."""
        if state.stage is None:
            return
        made = state.progress_of(state.stage).done
        paused = state.paused_at is not None and not state.calls_in_flight
        if state.stage != self._stage:
            self._stage = state.stage
            self._made_per_second.clear()
            self._in_flight.clear()
            self._go_on(made, now)
        elif paused or now < self._noted_at:
            self._go_on(made, now)
        elif now >= self._next_at:
            passed = 1 + int(now - self._next_at)
            rate = max(0, made - self._made) / (now - self._noted_at)
            self._made_per_second.extend([rate] * min(passed, WINDOW))
            self._in_flight.extend([float(state.calls_in_flight or 0)] * min(passed, WINDOW))
            self._seconds, self._next_at = self._seconds + passed, self._next_at + passed
            self._made, self._noted_at = made, now

    def _go_on(self, made: int, now: float) -> None:
        self._made, self._noted_at, self._next_at = made, now, now + 1

    @property
    def rate(self) -> float | None:
        """Items made per second over the time that the sparkline shows, or None in the first second."""
        known = tuple(self._made_per_second)[-WINDOW:]
        return sum(known) / len(known) if known else None

    def rates(self, columns: int) -> list[float]:
        """Return the items made per second over the last minute, in so many columns at most, each value smoothed."""
        known = tuple(self._made_per_second)
        parts = (known[max(0, end - _SMOOTHED_OVER) : end] for end in range(1, len(known) + 1))
        return self._columns([_mean(part) for part in parts][-WINDOW:], columns)

    def in_flight(self, columns: int) -> list[float]:
        """Return the calls in flight over the last minute, in so many columns at most."""
        return self._columns(list(self._in_flight), columns)

    def _columns(self, values: Sequence[float], columns: int) -> list[float]:
        """Return means of equally many seconds each; a column keeps its seconds while the picture moves on."""
        if columns < 1:
            return []
        width, first = -(-WINDOW // columns), self._seconds - len(values)
        numbered = groupby(enumerate(values, first), key=lambda item: item[0] // width)
        return [_mean([value for _, value in column]) for _, column in numbered][-columns:]


def heights(values: Iterable[float], highest: int) -> list[int]:
    """Return whole numbers from 0, for nothing, to `highest`, for the largest of the values.

    >>> heights([0, 1, 2, 4], 8)
    [0, 2, 4, 8]
    """
    known = list(values)
    top = max(known, default=0.0)
    return [round(value / top * highest) if top > 0 else 0 for value in known]


def sparkline(values: Sequence[float], width: int, sparks: str, rows: int = 1) -> list[str]:
    """Return the latest values as lines of so many columns and rows, scaled so that the highest fills the height.

    >>> sparkline([0, 1, 2, 4], 6, "_.-#")
    ['  _.-#']
    >>> sparkline([0, 1, 2, 4], 6, "_.-#", rows=2)
    ['    _#', '  _-##']
    """
    shown = list(values)[-width:] if width > 0 else []
    drawn = [1 + height for height in heights(shown, rows * len(sparks) - 1)]
    below = [row * len(sparks) for row in reversed(range(rows))]
    return ["".join(_part(height - under, sparks) for height in drawn).rjust(width) for under in below]


def _part(height: int, sparks: str) -> str:
    """Return the character for the part of a column that lies in one row."""
    return sparks[min(height, len(sparks)) - 1] if height > 0 else " "


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
