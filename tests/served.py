"""A server of the tests in a thread of its own: what every one of them does to begin and to end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from types import TracebackType
from typing import Self


class Served:
    """A context manager around `serve`, which a server says for itself."""

    async def serve(self, port: int, stop: asyncio.Event, started: Callable[[], None]) -> None:
        """Serve until `stop` is set; `started` is to be called when it listens."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        self._thread = Thread(target=self._run, name=type(self).__name__, daemon=True)
        self._thread.start()
        self._started.result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        loop, stop = self._started.result()
        loop.call_soon_threadsafe(stop.set)
        self._thread.join()

    def _run(self) -> None:
        stop = asyncio.Event()
        try:
            asyncio.run(self.serve(0, stop, lambda: self._started.set_result((asyncio.get_running_loop(), stop))))
        except Exception as error:
            if self._started.done():
                raise
            self._started.set_exception(error)
