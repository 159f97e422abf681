"""A worker's side of the one limiter and the one budget: what its calls ask for is sent on, many messages at once."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Protocol

from deepfabric_core.amounts import Amounts
from deepfabric_core.cluster import messages as m
from deepfabric_core.cluster.share import Share
from deepfabric_core.cluster.shared_health import SharedHealth
from deepfabric_core.config.schema import RateLimit
from deepfabric_core.llm.limits.learned_file import Target
from deepfabric_core.llm.limits.queue import Places
from deepfabric_core.llm.limits.recent import Size
from deepfabric_core.stop import Stopped

_log = logging.getLogger(__name__)

# In seconds: between two messages to the keeper, which is longer where calls take long, and between two tries.
_BETWEEN = 0.02
_LONGEST_BETWEEN = 0.1
_PART_OF_A_CALL = 0.05
_TRY_AGAIN_AFTER = 0.25
# In seconds: what happens without asking is told so often.
_TOLD_EVERY = 0.2
_LONGEST_FLUSH = 5.0
_SMOOTHING = 0.1


class KeeperLost(Exception):
    """The keeper of the limits couldn't be reached, or has lost what it knew."""


class Keeper(Protocol):
    """How a worker reaches the keeper of the limits; each raises `KeeperLost`."""

    async def register(self, name: str, epoch: int, told: Sequence[m.Message]) -> m.Answers:
        """See `LeaseKeeper.register`."""

    async def post(self, name: str, epoch: int, told: Sequence[m.Message]) -> m.Answers:
        """See `LeaseKeeper.post`."""

    async def wait(self, name: str, epoch: int) -> m.Answers:
        """See `LeaseKeeper.wait`."""


class Stage(Protocol):
    """A stage of a worker at an endpoint; see `LeasedLimiter`."""

    opening: m.Open
    places: Places
    health: SharedHealth

    @property
    def number(self) -> int:
        """The number of the stage."""

    @property
    def in_flight(self) -> int:
        """Calls in flight."""

    def hear(self, news: m.EndpointNews) -> None:
        """Take in what other workers have found out of the endpoint."""

    def change(self) -> None:
        """Have calls wait where they have to from now on."""

    def go_on(self) -> None:
        """Let calls begin that needn't ask."""


@dataclass(eq=False, slots=True)
class LeasedCall:
    """A call that waits for a permit, or is in flight."""

    stage: Stage
    size: Size
    first: bool
    begins: bool
    permit: asyncio.Future[int]
    number: int
    ticket: int = 0
    begun: float = 0.0
    asked: bool = True


@dataclass(eq=False, slots=True)
class _Wish:
    """A call that waits for a reservation."""

    message: m.Reserve
    choice: asyncio.Future[int]


@dataclass(eq=False, slots=True)
class _Reserved:
    """A reservation; see `wrappers.budget.Reservation`."""

    client: LeaseClient
    ticket: int
    choice: int
    most: Amounts

    def settle(self, spent: Amounts, *, answered: bool) -> None:
        self.client.settle(self.ticket, spent, answered=answered)


@dataclass(eq=False)
class LeaseClient:
    """Sends what a worker's stages ask for and tell to the keeper, and hands out its answers.

    If the keeper is lost, the worker goes on with the permits that it has, and tells the next keeper of them.
    """

    keeper: Keeper
    name: str
    between: float = _BETWEEN
    share: Share = field(default_factory=Share)
    stages: dict[int, Stage] = field(default_factory=dict)
    waiting: dict[int, LeasedCall] = field(default_factory=dict)
    in_flight: dict[int, LeasedCall] = field(default_factory=dict)
    room: Mapping[int, bool] = field(default_factory=dict)
    free: frozenset[int] = frozenset()
    _wishes: dict[int, _Wish] = field(default_factory=dict)
    _reserved: dict[int, Amounts] = field(default_factory=dict)
    _unsure: dict[int, m.Settle] = field(default_factory=dict)
    _outbox: list[m.Message] = field(default_factory=list)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _epoch: int = 0
    _seconds_of_a_call: float = 0.0
    _telling: asyncio.TimerHandle | None = None
    _something_to_send: asyncio.Event = field(default_factory=asyncio.Event)
    _all_sent: asyncio.Event = field(default_factory=asyncio.Event)
    _registering: asyncio.Lock = field(default_factory=asyncio.Lock)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[LeaseClient]:
        """Talk with the keeper while this context is open; what is left to tell it is told at the end."""
        await self._register(self._epoch)
        at_work = [asyncio.ensure_future(self._send_on()), asyncio.ensure_future(self._hear())]
        try:
            yield self
            with suppress(TimeoutError):
                await asyncio.wait_for(self.flush(), timeout=_LONGEST_FLUSH)
        finally:
            for task in at_work:
                task.cancel()
            await asyncio.gather(*at_work, return_exceptions=True)

    async def flush(self) -> None:
        """Wait until the keeper was told of everything."""
        if self._outbox or not self._all_sent.is_set():
            self._something_to_send.set()
            await self._all_sent.wait()

    def number(self) -> int:
        """Return a number that no other ticket, stage or group of places has."""
        return next(self._numbers)

    def send(self, message: m.Message, *, soon: bool = True) -> None:
        """Send a message to the keeper, soon or with those of some tenths of a second."""
        self._outbox.append(message)
        self._all_sent.clear()
        if soon:
            self._something_to_send.set()
        elif self._telling is None:
            self._telling = asyncio.get_running_loop().call_later(_TOLD_EVERY, self._something_to_send.set)

    async def _send_on(self) -> None:
        while True:
            await self._something_to_send.wait()
            await asyncio.sleep(0)  # what others tell in the same moment goes along
            began = time.monotonic()
            self._something_to_send.clear()
            if self._telling is not None:
                self._telling.cancel()
                self._telling = None
            batch: list[m.Message] = [m.Clock(time.monotonic()), *self._outbox]
            self._outbox = []
            epoch = self._epoch
            settled = {one.ticket: one for one in batch if isinstance(one, m.Settle)}
            self._unsure = self._unsure | settled  # as long as nobody knows whether it has arrived
            try:
                answers = await self.keeper.post(self.name, epoch, batch)
                self._unsure = {ticket: one for ticket, one in self._unsure.items() if ticket not in settled}
                if not answers.known and epoch == self._epoch:
                    self._outbox = [*settled.values(), *self._outbox]
                self._take(answers, epoch)
            except KeeperLost:
                await self._register(epoch)
            if not self._outbox:
                self._all_sent.set()
            between = max(self.between, min(_LONGEST_BETWEEN, _PART_OF_A_CALL * self._seconds_of_a_call))
            await asyncio.sleep(max(0.0, between - (time.monotonic() - began)))

    async def _hear(self) -> None:
        while True:
            epoch = self._epoch
            try:
                self._take(await self.keeper.wait(self.name, epoch), epoch)
            except KeeperLost:
                await self._register(epoch)

    async def _register(self, lost: int) -> None:
        """Tell a keeper of everything, as often as it takes, unless that was done since the `lost` time."""
        async with self._registering:
            while self._epoch == lost:
                self._epoch += 1
                self.room, self.free = {}, frozenset()
                self._outbox = [one for one in self._outbox if isinstance(one, m.Settle)]
                epoch, told = self._epoch, self._unsure
                try:
                    self._take(await self.keeper.register(self.name, epoch, self._everything()), epoch)
                except KeeperLost as problem:
                    _log.debug("the keeper of the limits can't be reached: %s", problem)
                    lost = epoch
                    await asyncio.sleep(_TRY_AGAIN_AFTER)
                else:
                    self._unsure = {ticket: one for ticket, one in self._unsure.items() if ticket not in told}

    def _everything(self) -> list[m.Message]:
        told: list[m.Message] = [m.Clock(time.monotonic()), *(stage.opening for stage in self.stages.values())]
        told += [stage.health.as_message() for stage in self.stages.values() if stage.health.is_out]
        told += [m.Begun(ticket, call.stage.number, call.size, call.begun) for ticket, call in self.in_flight.items()]
        told += [m.Held(ticket, most, sure=True) for ticket, most in self._reserved.items()]
        told += [m.Held(one.ticket, one.most, sure=True) for one in self._outbox if isinstance(one, m.Settle)]
        for ticket, settle in self._unsure.items():
            told += [m.Held(ticket, settle.most, sure=False), settle]
        told += [m.Ask(ticket, call.stage.number, call.size, call.first) for ticket, call in self.waiting.items()]
        told += [wish.message for wish in self._wishes.values()]
        return told

    def _take(self, answers: m.Answers, epoch: int) -> None:
        if not answers.known:
            if epoch == self._epoch:
                raise KeeperLost("it doesn't know this worker")
            return
        heard_first = answers.room.keys() - self.room.keys()
        self.room = answers.room
        for number in answers.endpoints.keys() & self.stages.keys():
            self.stages[number].hear(answers.endpoints[number])
        for ticket, answer in answers.tickets:
            if ticket in self._wishes:
                self._decide(self._wishes.pop(ticket), answer)
            elif ticket in self.waiting:
                self._admit(ticket, self.waiting.pop(ticket), answer)
        changed, self.free = (answers.free ^ self.free) | heard_first, answers.free
        for number in changed & self.stages.keys():
            self.stages[number].change()

    # ---- stages

    def opening(self, target: Target, places: Places, limits: RateLimit) -> m.Open:
        """Return the message that a stage begins.

        The number of its places is the same for all workers, since they open the same stages in the same order.
        """
        others = [one.opening for one in self.stages.values() if one.places is places]
        used = {one.opening.places for one in self.stages.values()}
        group = others[0].places if others else next(number for number in itertools.count() if number not in used)
        return m.Open(self.number(), target, group, others[0].ceiling if others else places.total, limits)

    def open(self, stage: Stage) -> None:
        """Begin with a stage."""
        self.stages[stage.number] = stage
        stage.places.total = self.share.of(stage.opening.ceiling)
        self.send(stage.opening)

    def close(self, stage: Stage) -> None:
        """End with a stage."""
        del self.stages[stage.number]
        self.send(m.Close(stage.number))

    def is_free(self, stage: Stage) -> bool:
        """Return whether a stage's calls needn't ask, as long as they are no more than the worker's share."""
        return stage.number in self.free and self.share.is_enough(stage.opening.ceiling)

    def must_ask(self, stage: Stage) -> bool:
        """Return whether a stage's calls have to ask, as the keeper has said; only its limits count then."""
        return stage.number in self.room and not self.is_free(stage)

    def may_have(self, stage: Stage) -> int:
        """Return how many more calls a stage may have in flight, with those that have asked, within the share."""
        asked = sum(call.stage.places is stage.places for call in self.waiting.values())
        return stage.places.total - stage.places.taken - asked

    def take_share(self, share: Share) -> None:
        """Have another share of the calls from now on."""
        self.share = share
        for stage in self.stages.values():
            stage.places.total = share.of(stage.opening.ceiling)
        for stage in self.stages.values():
            stage.change()

    @property
    def is_within_share(self) -> bool:
        """Whether no more calls are in flight than are the worker's share."""
        return all(stage.places.taken <= stage.places.total for stage in self.stages.values())

    # ---- permits

    def ask(self, call: LeasedCall) -> None:
        """Ask for a permit of a call."""
        call.ticket, call.asked = self.number(), True
        self.waiting[call.ticket] = call
        self.send(m.Ask(call.ticket, call.stage.number, call.size, call.first))

    def withdraw(self, call: LeasedCall) -> None:
        """Ask for a permit no more."""
        if self.waiting.pop(call.ticket, None) is not None:
            self.send(m.Ended(call.ticket))

    def begin(self, call: LeasedCall) -> int:
        """Note that a call begins without asking, and return its permit."""
        call.ticket, call.asked, call.begun = self.number(), False, time.monotonic()
        self.in_flight[call.ticket] = call
        call.stage.places.take()
        self.send(m.Begun(call.ticket, call.stage.number, call.size, call.begun), soon=False)
        return call.ticket

    def _admit(self, ticket: int, call: LeasedCall, answer: int) -> None:
        if answer == m.STOPPED:
            if not call.permit.done():
                call.permit.set_exception(Stopped())
            return
        self.in_flight[ticket], call.begun = call, time.monotonic()
        call.stage.places.take()
        if call.permit.done():
            self.end(m.Ended(ticket))
        else:
            call.permit.set_result(ticket)

    def _decide(self, wish: _Wish, answer: int) -> None:
        if answer == m.STOPPED:
            if not wish.choice.done():
                wish.choice.set_exception(Stopped())
            return
        self._reserved[wish.message.ticket] = wish.message.choices[answer]
        if wish.choice.done():
            self.settle(wish.message.ticket, Amounts(0.0, 0, 0), answered=True)
        else:
            wish.choice.set_result(answer)

    def end(self, message: m.Answered | m.Refused | m.Ended) -> None:
        """Report how a call ended."""
        if (call := self.in_flight.pop(message.ticket, None)) is None:
            return
        call.stage.places.take(-1)
        soon = True
        if isinstance(message, m.Answered):
            seconds = time.monotonic() - call.begun
            self._seconds_of_a_call += (seconds - self._seconds_of_a_call) * _SMOOTHING
            soon = call.asked
            message = message if soon else message._replace(seconds=seconds)
        self.send(message, soon=soon or not self.is_free(call.stage))
        for stage in sorted(self.stages.values(), key=lambda stage: stage.in_flight):
            stage.go_on()

    def give_up(self, ticket: int) -> None:
        """Take back the wish for a permit or a reservation, or end what came of it."""
        if not ticket:  # it waits here
            return
        if self.waiting.pop(ticket, None) or self._wishes.pop(ticket, None):
            self.send(m.Ended(ticket))
        elif ticket in self._reserved:
            self.settle(ticket, Amounts(0.0, 0, 0), answered=True)
        else:
            self.end(m.Ended(ticket))

    # ---- the budget

    async def reserve(self, choices: Callable[[], Sequence[Amounts]], *, started: bool) -> _Reserved:
        """Reserve the first of several amounts that is left; see `RunBudget`.

        Raises:
            Stopped: nothing is left for it.
        """
        ticket, amounts = self.number(), tuple(choices())
        wish = _Wish(m.Reserve(ticket, amounts, started), asyncio.get_running_loop().create_future())
        self._wishes[ticket] = wish
        self.send(wish.message)
        try:
            choice = await wish.choice
        except asyncio.CancelledError:
            self.give_up(ticket)
            raise
        return _Reserved(self, ticket, choice, amounts[choice])

    def settle(self, ticket: int, spent: Amounts, *, answered: bool) -> None:
        """Give back what a call hasn't spent."""
        if (most := self._reserved.pop(ticket, None)) is not None:
            self.send(m.Settle(ticket, spent, answered, most))
