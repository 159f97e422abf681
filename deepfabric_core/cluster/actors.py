"""The actors of a run, as plain classes: Ray starts them in processes of their own, and restarts those that die."""

from __future__ import annotations

import asyncio
import gc
import os
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any

from deepfabric_core.amounts import Spent
from deepfabric_core.cluster import messages as m
from deepfabric_core.cluster.duplicates import ShardSamples, repeated
from deepfabric_core.cluster.lease_client import KeeperLost, LeaseClient
from deepfabric_core.cluster.lease_keeper import LeaseKeeper
from deepfabric_core.cluster.reports import Report, Reporter
from deepfabric_core.cluster.share import Share
from deepfabric_core.cluster.worker import ShardOutcome, ShardTask, make_shard
from deepfabric_core.config.budget import Budget
from deepfabric_core.config.quality import Duplicates
from deepfabric_core.errors import DeepFabricError, OutputError
from deepfabric_core.events import BudgetChanged, Event, LimiterChanged, Stopping
from deepfabric_core.llm.connect import limiter_of_target
from deepfabric_core.run.budget import RunBudget, is_known, open_budget
from deepfabric_core.samples.reviews import Decision
from deepfabric_core.stop import Stop
from deepfabric_core.store.budget_ledger import Sum

# In seconds: how often a worker looks whether its calls have become few enough.
_LOOKS_EVERY = 0.05
# When a worker looks for garbage: it has its process for itself, and its samples leave next to none.
_GARBAGE = (20_000, 20, 20)


@dataclass(frozen=True, slots=True)
class BudgetSetup:
    """The budget of a run: what it had spent before, and how long it had taken at a time in seconds since the epoch.

    `unseen` is what calls may have taken until now whose answers were never seen.
    """

    settings: Budget
    run: str
    before: Spent
    seconds: float
    at: float
    unseen: Sum

    def elapsed(self) -> float:
        """Return how many seconds the run has taken."""
        return self.seconds + time.time() - self.at


@dataclass(frozen=True, slots=True)
class News:
    """What the keeper tells the driver."""

    limiter: LimiterChanged | None
    events: tuple[Event, ...]
    reached: str


class _Actor:
    """What every actor is told in the same way."""

    def __init__(self) -> None:
        self._stop = Stop()

    async def stop(self) -> None:
        """Finish the calls in flight, and begin no new work."""
        self._stop.request()

    async def pause(self, pausing: bool) -> None:
        """Let no new call begin for a while."""
        if pausing:
            self._stop.pause()
        else:
            self._stop.go_on()

    async def process(self) -> int:
        """Return the number of the process."""
        return os.getpid()


class KeeperActor(_Actor):
    """Keeps the one limiter and the one budget of a run.

    A process that `is_restarted` elsewhere, where the ledger is another one, lets no more work begin.
    """

    def __init__(self, setup: BudgetSetup | None, is_restarted: Callable[[], bool] = lambda: False) -> None:
        super().__init__()
        self._setup = setup
        self._is_restarted = is_restarted
        self._events: list[Event] = []
        self._budget: RunBudget | None = None
        self._keeper: LeaseKeeper | None = None

    def _opened(self) -> LeaseKeeper:
        """Return the keeper, which belongs to the event loop that calls come in."""
        if self._keeper is None:
            if (setup := self._setup) is not None:
                names = setup.settings, setup.run, setup.before
                is_restarted = self._is_restarted()
                if not is_restarted:  # the time until now went into starting processes
                    setup = replace(setup, at=time.time())
                is_lost = is_restarted and not is_known(setup.settings, setup.run)
                self._budget = open_budget(*names, self._emit, self._stop, setup.elapsed)
                self._budget.go_on(setup.unseen)
                if is_lost:
                    self._budget.end("the machine is gone that knew what is spent")
            self._keeper = LeaseKeeper(limiter_of_target, self._stop, self._budget)
        return self._keeper

    def _emit(self, event: Event) -> None:
        if isinstance(event, BudgetChanged):
            self._events = [one for one in self._events if not isinstance(one, BudgetChanged)]
        if isinstance(event, BudgetChanged | Stopping):
            self._events.append(event)

    async def register(self, name: str, epoch: int, told: Sequence[m.Message]) -> m.Answers:
        """See `LeaseKeeper.register`; another process in the place of the worker is gone."""
        self._forget_others(name)
        return await self._opened().register(name, epoch, told)

    def _forget_others(self, name: str) -> None:
        keeper, place = self._opened(), name.partition(" ")[0]
        for other in keeper.in_flight():
            if other != name and other.partition(" ")[0] == place:
                keeper.forget(other)

    async def post(self, name: str, epoch: int, told: Sequence[m.Message]) -> m.Answers:
        """See `LeaseKeeper.post`."""
        return await self._opened().post(name, epoch, told)

    async def wait(self, name: str, epoch: int) -> m.Answers:
        """See `LeaseKeeper.wait`."""
        return await self._opened().wait(name, epoch)

    async def forget(self, place: str) -> None:
        """Take back all that the process in a worker's place had, which is gone."""
        self._forget_others(f"{place} ")

    async def repeated(self, shards: Sequence[ShardSamples], settings: Duplicates) -> dict[int, list[Decision]]:
        """See `duplicates.repeated`; it is found out here, where the files are, while no worker makes samples."""
        return await asyncio.to_thread(repeated, shards, settings)

    async def news(self) -> News:
        """Return what has happened since the last time."""
        keeper = self._opened()
        events, self._events = tuple(self._events), []
        return News(keeper.limiter_state(), events, self._budget.reached if self._budget else "")

    async def end(self) -> News:
        """Close the ledger, and return the last news."""
        self._opened()
        if self._budget is not None:
            self._budget.tell()
            self._budget.ledger.close()
        return await self.news()


class RemoteKeeper:
    """Reaches the keeper's actor by its handle; see `lease_client.Keeper`."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor

    async def register(self, name: str, epoch: int, told: Sequence[m.Message]) -> m.Answers:
        """See `LeaseKeeper.register`."""
        return await self._asked(self._actor.register, name, epoch, told)

    async def post(self, name: str, epoch: int, told: Sequence[m.Message]) -> m.Answers:
        """See `LeaseKeeper.post`."""
        return await self._asked(self._actor.post, name, epoch, told)

    async def wait(self, name: str, epoch: int) -> m.Answers:
        """See `LeaseKeeper.wait`."""
        return await self._asked(self._actor.wait, name, epoch)

    @staticmethod
    async def _asked(method: Any, *words: Any) -> m.Answers:
        from ray.exceptions import RayError

        try:
            answers: m.Answers = await method.remote(*words)
        except RayError as problem:
            raise KeeperLost(str(problem)) from problem
        return answers


class WorkerActor(_Actor):
    """Makes shards, one after the other. `place` is its number, which a process that takes its place has too."""

    def __init__(self, place: int) -> None:
        super().__init__()
        self._name = f"{place} {secrets.token_hex(8)}"
        self._reporter: Reporter | None = None
        self._client: LeaseClient | None = None
        self._share = Share()
        self._open = AsyncExitStack()

    async def make(self, task: ShardTask, keeper: Any) -> tuple[ShardOutcome, Report]:
        """Make a shard, with the keeper of the limits; return how that ended, and what wasn't reported yet."""
        shard, self._share = task.job.shard, task.share
        reporter = self._reporter = Reporter(shard.number if shard else 0, task.turn)
        try:
            client = await self._opened(keeper)
            client.take_share(self._share)
            outcome = await make_shard(task, client, reporter, self._stop)
            await client.flush()
        except DeepFabricError as problem:
            outcome = ShardOutcome(given_up=str(problem), may_pass=not isinstance(problem, OutputError))
        self._reporter = None
        return outcome, reporter.report()

    async def _opened(self, keeper: Any) -> LeaseClient:
        """Return the client of the keeper, which goes on as long as the process."""
        if self._client is None:
            gc.freeze()  # Ray and what else is there by now stays, and needn't be looked through for garbage
            gc.set_threshold(*_GARBAGE)
            self._client = await self._open.enter_async_context(LeaseClient(RemoteKeeper(keeper), self._name).opened())
        return self._client

    async def take_share(self, share: Share) -> None:
        """Have another share of the calls from now on; return once no more than that are in flight."""
        self._share = share
        if self._client is not None:
            self._client.take_share(share)
            while self._share is share and not self._client.is_within_share:  # noqa: ASYNC110 - it takes seconds
                await asyncio.sleep(_LOOKS_EVERY)

    async def report(self) -> Report | None:
        """Return what has happened since the last report; None if no shard is being made."""
        return self._reporter.report() if self._reporter else None
