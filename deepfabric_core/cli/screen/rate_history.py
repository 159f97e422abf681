"""`RateHistory` and `sparkline`: rates of the last minutes, one value per second."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from deepfabric_core.events import Stage
from deepfabric_core.run.state import RunState

# In seconds.
_KEPT = 300
_SMOOTHED_OVER = 5


class RateHistory:
    """The samples (or topics) per second and the calls in flight of the current stage, over the last minutes."""

    def __init__(self) -> None:
        self._rates: deque[float] = deque(maxlen=_KEPT)
        self.in_flight: deque[float] = deque(maxlen=_KEPT)
        self._stage: Stage | None = None
        self._second = 0
        self._made = 0

    def note(self, state: RunState, now: float) -> None:
        """Record the state; calls within one second count as one."""
        if state.stage is None:
            return
        made = (state.topics_progress if state.stage == "topics" else state.samples_progress).done
        passed = int(now) - self._second
        if state.stage != self._stage:
            self._begin(state.stage)
        elif passed < 1:
            return
        else:
            for _ in range(min(passed, _KEPT)):
                self._rates.append((made - self._made) / passed)
                self.in_flight.append(state.calls_in_flight or 0)
        self._second, self._made = int(now), made

    def _begin(self, stage: Stage) -> None:
        self._stage = stage
        self._rates.clear()
        self.in_flight.clear()

    @property
    def rates(self) -> list[float]:
        """Items made per second, each value averaged over a few seconds."""
        known = tuple(self._rates)
        parts = (known[max(0, end - _SMOOTHED_OVER) : end] for end in range(1, len(known) + 1))
        return [sum(part) / len(part) for part in parts]


def sparkline(values: Sequence[float], width: int, sparks: str, rows: int = 1) -> list[str]:
    """Return the latest values as lines of so many columns and rows, scaled so that the highest fills the height.

    >>> sparkline([0, 1, 2, 4], 6, "_.-#")
    ['  _.-#']
    >>> sparkline([0, 1, 2, 4], 6, "_.-#", rows=2)
    ['    _#', '  _-##']
    """
    shown = list(values)[-width:] if width > 0 else []
    highest, levels = max(shown, default=0.0), rows * len(sparks) - 1
    heights = [1 + (round(value / highest * levels) if highest > 0 else 0) for value in shown]
    below = [row * len(sparks) for row in reversed(range(rows))]
    return ["".join(_part(height - under, sparks) for height in heights).rjust(width) for under in below]


def _part(height: int, sparks: str) -> str:
    """Return the character for the part of a column that lies in one row."""
    return sparks[min(height, len(sparks)) - 1] if height > 0 else " "
