"""`MadeAgain`: which rejected samples of a view are made again, and how far that is."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any


class MadeAgain:
    """Rows whose samples are made again since they `began`, and those of them that were."""

    def __init__(self) -> None:
        self._wanted: set[int] = set()
        self._made: set[int] = set()
        self._is_over = False

    def begin(self, rows: Iterable[int]) -> None:
        """Begin with the rows of rejected samples."""
        self._wanted, self._made, self._is_over = set(rows), set(), False

    def note(self, changed: Collection[int]) -> bool:
        """Note the rows of which there is something new; return whether any of them was to be made again."""
        made = self._wanted.intersection(changed)
        self._made |= made
        return bool(made)

    def end(self) -> None:
        """Note that no more come."""
        self._is_over = True

    @property
    def message(self) -> dict[str, Any] | None:
        """What the page is told; None if none were to be made again."""
        if not self._wanted:
            return None
        return {"type": "made_again", "rows": sorted(self._made), "total": len(self._wanted), "is_over": self._is_over}
