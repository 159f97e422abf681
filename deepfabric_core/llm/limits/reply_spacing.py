"""Replies that arrive together are dealt with a few at a time, so that the next calls go out apart."""

from __future__ import annotations

import asyncio
from collections import deque

# Rounds of the event loop from a reply to the next call's last byte: the reply's own, the next call's, its writer's.
_ROUNDS = 3
# Of those that wait, a part goes on at once: where more arrive than can be kept apart, keeping them apart only costs.
_PART = 8


class ReplySpacing:
    """Lets those who arrive at one event loop pass a few at a time; who comes alone passes at once.

    An event loop takes everything that is ready one step further in each round. Of calls that are answered together,
    the next calls would then all go out after the last of their replies is dealt with; they'd be answered together
    again, and more and more with them: with equal latencies the calls would go in a few crowds, most of them waiting.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._turning = False

    async def pass_through(self) -> None:
        """Wait until those who came before have passed and had the rounds they need."""
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
        if not first.done():  # given up in the meantime
            first.set_result(None)
