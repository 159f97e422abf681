"""The request to stop or pause a run, passed from a screen or signal handler to the code that makes calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

Listener = Callable[[], None]


class Stopped(Exception):
    """Raised instead of starting new work after a stop was requested."""


@dataclass
class Stop:
    """A request to stop: no new work begins, and calls in flight finish. A pause does the same until it is ended.

    All methods may be called from a signal handler and from any thread.

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
        """Whether new calls wait until the pause ends; a stop ends every pause."""
        return self._pausing and not self.requested

    def request(self) -> None:
        """Request a stop; further requests have no effect."""
        if self.requested:
            return
        self.requested = True
        for tell in (*self._listeners, *self._pause_listeners):
            tell()

    def pause(self) -> None:
        """Let no new call begin until `go_on`; calls in flight finish."""
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
        """Call `tell` when a stop is requested, in the thread that requests it; return a function that ends that."""
        self._listeners.append(tell)
        return lambda: self._listeners.remove(tell)

    def listen_to_pauses(self, tell: Listener) -> Listener:
        """Call `tell` when a pause begins or ends, and at a stop; return a function that ends that."""
        self._pause_listeners.append(tell)
        return lambda: self._pause_listeners.remove(tell)
