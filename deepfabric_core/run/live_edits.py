"""What a person changes about the topics while a run is at work."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from deepfabric_core.errors import ConfigError
from deepfabric_core.topics.model import Topics

Edit = Callable[[Topics], Topics]


class LiveEdits:
    """Edits that wait for the run's next safe point: what is in flight is finished, and nothing more begun, before."""

    def __init__(self) -> None:
        self._edits: deque[Edit] = deque()

    def ask(self, edit: Edit) -> None:
        """Have the topics edited. May be called from any thread."""
        self._edits.append(edit)

    @property
    def pending(self) -> bool:
        """Whether any edit waits."""
        return bool(self._edits)

    def apply(self, topics: Topics) -> Topics:
        """The topics after all edits that wait, in their order; one that doesn't fit any more changes nothing."""
        while self._edits:
            edit = self._edits.popleft()
            try:
                topics = edit(topics)
            except ConfigError:
                continue
        return topics
