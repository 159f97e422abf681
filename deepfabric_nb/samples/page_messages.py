"""`PageMessages`: what a view of samples sends to its page, see `protocol`, and the traits of its widget."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from deepfabric_nb.samples.index import SampleIndex
from deepfabric_nb.samples.protocol import Card, ReviewProgress


class PageMessages:
    """Sends through any widget; its traits are set if it has them.

    `progress` returns how far the review is, which goes with all rows; `card` returns the card of a row.
    """

    def __init__(
        self,
        widget: Any,
        index: SampleIndex,
        *,
        progress: Callable[[], ReviewProgress],
        card: Callable[[int], Card],
    ) -> None:
        self._widget, self._index = widget, index
        self._progress, self._card = progress, card

    def send(self, message: Mapping[str, Any] | None) -> None:
        """Send a message, if there is any."""
        if message is not None:
            self._widget.send(message)

    def rows(self, first: int) -> None:
        """Send the rows from a place on, which are new."""
        self.send({"type": "rows", "from": first, **self._about(range(first, len(self._index)))})

    def changed(self, places: Sequence[int] = ()) -> None:
        """Send rows that have changed; without any, how far the review is."""
        self.send({"type": "changed", "at": list(places), **self._about(places)})

    def _about(self, places: Sequence[int]) -> dict[str, Any]:
        columns, lists = self._index.columns(places), self._index.lists(grown_only=True)
        return {"rows": columns, "review": self._progress(), **lists}

    def cards(self, places: Sequence[int]) -> None:
        """Send the cards of some rows."""
        self.send({"type": "cards", "cards": {str(place): self._card(place) for place in places}})

    def trait(self, name: str) -> Any:
        """Return the value of a trait; None if there is none of that name."""
        return getattr(self._widget, name) if self._widget.has_trait(name) else None

    def set_trait(self, name: str, value: Any) -> None:
        """Set a trait, if there is one of that name."""
        if self._widget.has_trait(name):
            setattr(self._widget, name, value)
