"""What was a while ago: one value a second, for sparklines."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from deepfabric_core.events import Stage
from deepfabric_core.run.state import RunState

# In seconds.
_KEPT = 300
_SMOOTHED_OVER = 5


class RateHistory:
    """The samples (or topics) a second and the calls in flight of the stage under way, over the last minutes."""

    def __init__(self) -> None:
        self._rates: deque[float] = deque(maxlen=_KEPT)
        self.in_flight: deque[float] = deque(maxlen=_KEPT)
        self._stage: Stage | None = None
        self._second = 0
        self._made = 0

    def note(self, state: RunState, now: float) -> None:
        """Take down where the run stands; whatever is noted within a second counts as one."""
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
        """Made a second, each the mean of a few seconds, since one by one they jump."""
        known = tuple(self._rates)
        parts = (known[max(0, end - _SMOOTHED_OVER) : end] for end in range(1, len(known) + 1))
        return [sum(part) / len(part) for part in parts]


def sparkline(values: Sequence[float], width: int, sparks: str, rows: int = 1) -> list[str]:
    """The latest values in so many columns and rows, the highest one as high as there is room.

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
    """What of a column lies in one row."""
    return sparks[min(height, len(sparks)) - 1] if height > 0 else " "
