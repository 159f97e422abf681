"""The wish to stop, passed from whoever watches to whoever works."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


class Stopped(Exception):
    """What was about to begin doesn't, since a stop was asked for."""


@dataclass
class Stop:
    """Once requested, no new work begins; what is in flight finishes.

    >>> stop = Stop()
    >>> stop.request()
    >>> stop.requested
    True
    """

    requested: bool = False
    _listeners: list[Callable[[], None]] = field(default_factory=list)

    def request(self) -> None:
        """Ask for a stop. May be called from a signal handler and from any thread; only the first time counts."""
        if self.requested:
            return
        self.requested = True
        for tell in tuple(self._listeners):
            tell()

    def listen(self, tell: Callable[[], None]) -> Callable[[], None]:
        """Have `tell` called at the request, in whatever thread that comes from; answers how to end that."""
        self._listeners.append(tell)
        return lambda: self._listeners.remove(tell)
