"""Stagger replies that arrive together, a few at a time, so that the next calls don't all start at once."""

from __future__ import annotations

import asyncio
from collections import deque

# Iterations of the event loop from a reply to the next call's last byte: the reply's, the next call's, its writer's.
_ROUNDS = 3
# One in so many waiting replies is released at once: where too many arrive to be kept apart, waiting only costs time.
_PART = 8


class ReplySpacing:
    """Releases replies that arrive at an event loop together a few at a time. A reply that arrives alone isn't delayed.

    In each iteration, an event loop runs everything that is ready one step further. After a group of replies, the next
    calls would all be sent after the last of these replies is processed; they would be answered together again, in
    growing groups: with equal latencies, calls would go out in a few bursts and mostly wait.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._turning = False

    async def pass_through(self) -> None:
        """Wait until earlier replies were released and had the iterations of the event loop that they need."""
        if self._turning:
            mine = self._loop.create_future()
            self._waiting.append(mine)
            await mine
        else:
            self._turn()

    def _turn(self, rounds: int = _ROUNDS) -> None:
        self._turning = True
        if rounds:
            self._loop.call_soon(self._turn, rounds - 1)
        elif self._waiting:
            for _ in range(1 + len(self._waiting) // _PART):
                self._let_pass(self._waiting.popleft())
            self._turn()
        else:
            self._turning = False

    @staticmethod
    def _let_pass(first: asyncio.Future[None]) -> None:
        if not first.done():  # cancelled in the meantime
            first.set_result(None)
