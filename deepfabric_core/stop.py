"""The wish to stop, or to pause, passed from whoever watches to whoever works."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

Listener = Callable[[], None]


class Stopped(Exception):
    """What was about to begin doesn't, since a stop was asked for."""


@dataclass
class Stop:
    """Once a stop is requested, no new work begins; what is in flight finishes. A pause is the same for a while.

    All of it may be called from a signal handler and from any thread.

    >>> stop = Stop()
    >>> stop.pause()
    >>> stop.paused
    True
    >>> stop.request()
    >>> stop.requested, stop.paused
    (True, False)
    """

    requested: bool = False
    _pausing: bool = False
    _listeners: list[Listener] = field(default_factory=list)
    _pause_listeners: list[Listener] = field(default_factory=list)

    @property
    def paused(self) -> bool:
        """Whether calls that could begin wait until work goes on; a stop ends every pause."""
        return self._pausing and not self.requested

    def request(self) -> None:
        """Ask for a stop; only the first time counts."""
        if self.requested:
            return
        self.requested = True
        for tell in (*self._listeners, *self._pause_listeners):
            tell()

    def pause(self) -> None:
        """Ask that no call begins until `go_on`; those in flight finish."""
        self._set_pausing(True)

    def go_on(self) -> None:
        """End the pause."""
        self._set_pausing(False)

    def _set_pausing(self, pausing: bool) -> None:
        if self._pausing is pausing:
            return
        self._pausing = pausing
        for tell in tuple(self._pause_listeners):
            tell()

    def listen(self, tell: Listener) -> Listener:
        """Have `tell` called at the request to stop, in whatever thread that comes from; answers how to end that."""
        self._listeners.append(tell)
        return lambda: self._listeners.remove(tell)

    def listen_to_pauses(self, tell: Listener) -> Listener:
        """Have `tell` called when a pause begins or ends, by a stop as well; answers how to end that."""
        self._pause_listeners.append(tell)
        return lambda: self._pause_listeners.remove(tell)
