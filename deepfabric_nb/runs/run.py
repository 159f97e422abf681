"""A run as the notebook holds it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import Awaitable, Callable, Generator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from deepfabric_core.errors import ConfigError, DeepFabricError
from deepfabric_core.events import Emit, Event, Notice, Stopping
from deepfabric_core.run.event_sink import Feed
from deepfabric_core.run.job import Job
from deepfabric_core.run.state import RunState
from deepfabric_core.stop import Stop
from deepfabric_core.text.printable import printable
from deepfabric_nb.kernel import engine_thread as background

if TYPE_CHECKING:
    import pandas as pd

    from deepfabric_core.run.results import Results
    from deepfabric_core.topics.model import Topics

_ids = itertools.count(1)


Work = Callable[[Emit, Stop], Awaitable[RunState]]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the stage under way has come: counts, samples or topics a second, and seconds left where known."""

    stage: str
    done: int
    total: int
    failed: int
    rate: float | None
    seconds_left: float | None


class Run:
    """A run under way, or over: what it has made so far, and how to stop it or wait for it.

    It works in a thread of the engine's; everything here may be used at any time.
    """

    def __init__(self, name: str, job: Job, work: Work, *, written: dict[str, Any] | None = None) -> None:
        self.name = name
        self.id = f"{name}-{next(_ids)}"
        self.job = job
        self.written = written or {}
        self.error: BaseException | None = None
        self._work = work
        self._stop = Stop()
        self._feed = Feed(self._tell)
        self._over: Future[None] = Future()
        self._cancel: Callable[[], object] | None = None
        self._watchers: list[Callable[[Event], None]] = []
        self._frame: pd.DataFrame | None = None
        self.screens: list[Callable[[], None]] = []
        self.ticking: asyncio.Task[None] | None = None

    # ---- from beginning to end

    def begin(self) -> Self:
        """Let it work."""
        self._cancel = background.begin(self._whole())
        return self

    def ended(self) -> Self:
        """As it is when there is nothing to do."""
        self._over.set_result(None)
        return self

    async def _whole(self) -> None:
        try:
            await self._work(self._feed, self._stop)
        except asyncio.CancelledError:
            self._feed.state = replace(self.state, ending="stopped", reason="left at once", finished_at=time.time())
        except BaseException as problem:  # noqa: BLE001 - whoever waits for the run is told
            self.error = problem
        finally:
            self._over.set_result(None)

    def watch(self, watcher: Callable[[Event], None]) -> None:
        """Have each event told, in the engine's thread."""
        self._watchers.append(watcher)

    def note(self, message: str) -> None:
        """Add a line to what is shown of the run."""
        background.soon(lambda: self._feed(Notice(message)))

    def _tell(self, event: Event) -> None:
        for watcher in self._watchers:
            watcher(event)

    def stop(self, *, now: bool = False) -> None:
        """Begin no more calls, and let those in flight finish; `now`, or asked a second time, leaves them as well.

        What is finished stays in any case: `%deepfabric resume` goes on with it.
        """
        if self.over:
            return
        if (now or self._stop.requested) and self._cancel is not None:
            self._cancel()
        elif not self._stop.requested:
            self._stop.request()
            background.soon(lambda: self._feed(Stopping("calls in flight finish, none is begun")))

    def pause(self) -> None:
        """Begin no more calls until `go_on`; those in flight finish. A stop ends the pause."""
        self._stop.pause()

    def go_on(self) -> None:
        """End the pause."""
        self._stop.go_on()

    def wait(self, timeout: float | None = None) -> Self:
        """Wait until it is over, or for so many seconds; screens that show it are kept up to date meanwhile.

        An interrupt stops the run, as `stop` does.

        Raises:
            CellError: it failed altogether.
        """
        from deepfabric_nb.kernel.interrupts import wait_for

        wait_for(self, timeout)
        if self.over:
            self.raise_error()
        return self

    def __await__(self) -> Generator[Any, None, Self]:
        return self._awaited().__await__()

    async def _awaited(self) -> Self:
        from deepfabric_nb.kernel.interrupts import BETWEEN, draw, interrupts_stop

        try:
            with interrupts_stop(self):
                while not self.over:
                    draw(self)
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(self._over)), BETWEEN)
        except asyncio.CancelledError:
            self.stop()
            raise
        draw(self)
        self.raise_error()
        return self

    def lasts(self, seconds: float) -> bool:
        """Wait for so many seconds at most; whether it still goes on then."""
        with contextlib.suppress(TimeoutError):
            self._over.result(seconds)
        return not self.over

    def raise_error(self) -> None:
        """Raise what the run failed with, if it did.

        Raises:
            CellError: the reason, a sentence a line.
        """
        from deepfabric_nb.errors import CellError

        if isinstance(self.error, DeepFabricError):
            raise CellError(str(self.error)) from self.error
        if self.error is not None:
            raise self.error
        if self.over and self.state.ending == "aborted":
            raise CellError(self.state.reason)

    # ---- how far it has come

    @property
    def over(self) -> bool:
        """Whether it has come to its end, whatever that was."""
        return self._over.done()

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop."""
        return self._stop.requested

    @property
    def state(self) -> RunState:
        """Everything that screens show."""
        return self._feed.state

    @property
    def status(self) -> str:
        """In one word: running, paused, stopping, complete, incomplete, stopped, aborted or failed."""
        if not self.over:
            return "stopping" if self.stopping else "paused" if self._stop.paused else "running"
        return "failed" if self.error else self.state.ending or "over"

    @property
    def progress(self) -> Progress:
        """How far it has come."""
        state, now = self.state, time.time()
        samples = state.samples_progress.started_at is not None
        stage = state.samples_progress if samples else state.topics_progress
        name = "samples" if samples else "topics"
        return Progress(name, stage.done, stage.total, stage.failed, stage.rate(now), stage.seconds_left(now))

    @property
    def usage(self) -> dict[str, Any]:
        """Calls and tokens, and the cost in US dollars where prices are known."""
        state = self.state
        return {
            "calls": state.calls,
            "prompt_tokens": state.prompt_tokens,
            "completion_tokens": state.completion_tokens,
            "cost": state.cost,
        }

    # ---- what it has made

    @property
    def df(self) -> pd.DataFrame:
        """The samples so far, a row each."""
        from deepfabric_core.run.results import results
        from deepfabric_nb.runs.dataframes import frame_of

        if self._frame is None:
            found = results(self.job)
            frame = frame_of(found, self._manifest(found))
            if not self.over:
                return frame
            self._frame = frame
        return self._frame

    @property
    def failures(self) -> pd.DataFrame:
        """The samples that could not be made, a row each."""
        from deepfabric_core.run.results import results
        from deepfabric_nb.runs.dataframes import failures_frame

        return failures_frame(results(self.job))

    @property
    def topics(self) -> Topics | None:
        """The topics, as soon as any are saved."""
        from deepfabric_core.store.topics_file import load_topics

        places = (self.job.checkpoint_place().topics, self.job.topics_load, self.job.topics)
        with contextlib.suppress(ConfigError):
            if found := next((path for path in places if path and path.exists()), None):
                return load_topics(found)[0]
        return None

    def _manifest(self, found: Results) -> dict[str, Any]:
        from deepfabric_core import __version__
        from deepfabric_core.config.secret_keys import masked_config
        from deepfabric_core.redaction import redact

        state, known = self.state, found.metadata or self.state
        return {
            "run": self.name,
            "ending": state.ending,
            "dataset": str(self.job.dataset.absolute()),
            "models": list(dict.fromkeys(name for name in (state.topics_model, state.samples_model) if name)),
            "samples": {
                "done": state.samples_done,
                "failed": state.samples_failed,
                "wanted": state.samples_progress.total,
            },
            "topics": state.topics,
            "usage": {"prompt_tokens": known.prompt_tokens, "completion_tokens": known.completion_tokens},
            "cost": known.cost,
            "simulated": self.job.config.generation.llm.provider == "simulated",
            "config": masked_config(self.written, redact)[0],
            "deepfabric": __version__,
        }

    # ---- how it looks

    def __repr__(self) -> str:
        progress = self.progress
        counts = f", {progress.done:,} of {progress.total:,} {progress.stage}" if progress.total else ""
        return printable(f"<Run {self.name}: {self.status}{counts}>")

    def _ipython_display_(self) -> None:
        from deepfabric_nb.display.screens import show

        show(self)
