"""`Drawing`: draw a few times a second between cells, for as long as something goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from deepfabric_nb.kernel.quiet_call import running_loop

SECONDS_BETWEEN_DRAWS = 0.25


class Drawing:
    """Draws in the event loop of the cells, which only runs between them, and once more when it is over.

    It has to be made in the thread of the cells; without an event loop there it never draws.
    """

    def __init__(self, draw: Callable[[], object], goes_on: Callable[[], bool]) -> None:
        self._draw, self._goes_on = draw, goes_on
        self._loop = running_loop()
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Begin to draw, unless it has begun already; this may be done in any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._begin, self._loop)

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._draw_on())

    async def _draw_on(self) -> None:
        """Draw; what another thread begins may not have begun yet, so it is asked only after a while."""
        while True:
            self._draw()
            await asyncio.sleep(SECONDS_BETWEEN_DRAWS)
            if not self._goes_on():
                break
        self._draw()
