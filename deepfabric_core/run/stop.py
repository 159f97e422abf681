"""The wish to stop, passed from whoever watches to whoever works."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Stop:
    """Once requested, no new work begins; what is in flight finishes."""

    requested: bool = False

    def request(self) -> None:
        """Ask for a stop. May be called from a signal handler."""
        self.requested = True
