"""`LiveEdits`: topic edits by the user during a run."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from deepfabric_core.errors import ConfigError
from deepfabric_core.topics.model import Topics

Edit = Callable[[Topics], Topics]


class LiveEdits:
    """Edits that are applied at the run's next safe point: after calls in flight have ended, before new ones begin."""

    def __init__(self) -> None:
        self._edits: deque[Edit] = deque()

    def ask(self, edit: Edit) -> None:
        """Add an edit of the topics. May be called from any thread."""
        self._edits.append(edit)

    @property
    def pending(self) -> bool:
        """Whether any edit waits to be applied."""
        return bool(self._edits)

    def apply(self, topics: Topics) -> Topics:
        """Return the topics after all waiting edits, in order. An edit that isn't possible any more is skipped."""
        while self._edits:
            edit = self._edits.popleft()
            try:
                topics = edit(topics)
            except ConfigError:
                continue
        return topics
