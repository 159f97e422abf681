"""`LeaseKeeper`: the one limiter and the one budget of a run, which lets the calls of all its workers go.

It knows nothing of Ray: an actor passes the messages on.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from deepfabric_core.amounts import Amounts
from deepfabric_core.chat.messages import Request
from deepfabric_core.cluster import messages as m
from deepfabric_core.cluster.shared_health import LeftOutEndpoints
from deepfabric_core.events import LimiterChanged
from deepfabric_core.llm.endpoints import together
from deepfabric_core.llm.limits.learned_file import Target
from deepfabric_core.llm.limits.limiter import Limiter
from deepfabric_core.llm.limits.queue import Permit, Places, WaitingCall
from deepfabric_core.llm.limits.stage_limiter import StageLimiter
from deepfabric_core.llm.wrappers.budget import Reservation
from deepfabric_core.run.budget import RunBudget
from deepfabric_core.stop import Stop, Stopped

_FIRST, _LATER = Request((), 0, continues=True), Request((), 0)
# In seconds: how long a worker waits at most for news.
_LONGEST_WAIT = 5.0


@dataclass(eq=False)
class _Stage:
    """A worker's stage at an endpoint."""

    target: Target
    limiter: Limiter
    calls: StageLimiter
    opened: ExitStack


@dataclass(eq=False)
class _Worker:
    """What a worker has asked for and was given."""

    epoch: int
    stages: dict[int, _Stage] = field(default_factory=dict)
    waiting: dict[int, tuple[_Stage, WaitingCall]] = field(default_factory=dict)
    in_flight: dict[int, tuple[_Stage, Permit]] = field(default_factory=dict)
    reserving: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    reserved: dict[int, tuple[Reservation, Amounts]] = field(default_factory=dict)
    earlier: dict[int, tuple[Reservation, Amounts]] | None = None
    lost: dict[int, Amounts] = field(default_factory=dict)
    answers: list[tuple[int, int]] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    free: frozenset[int] = frozenset()
    endpoints: dict[int, m.EndpointNews] = field(default_factory=dict)
    clock_behind: float = 0.0

    def answer(self, ticket: int, answer: int) -> None:
        """Add an answer to what the worker hears of next."""
        self.answers.append((ticket, answer))
        self.news.set()

    def take_answers(self) -> m.Answers:
        """Return what the worker hasn't heard of yet."""
        answers, self.answers = self.answers, []
        endpoints, self.endpoints = self.endpoints, {}
        self.news.clear()
        self.free = self.free_now()
        room = {number: stage.calls.has_room for number, stage in self.stages.items()}
        return m.Answers(answers, room, self.free, endpoints)

    def free_now(self) -> frozenset[int]:
        """Return the stages whose calls needn't ask."""
        return frozenset(number for number, stage in self.stages.items() if stage.limiter.is_free)

    @property
    def must_ask_again(self) -> bool:
        """Whether calls have to ask that were told they needn't."""
        return not self.free <= self.free_now()

    @property
    def has_news(self) -> bool:
        """Whether there is something that the worker is to hear of at once."""
        return bool(self.answers or self.endpoints or self.must_ask_again)


class LeaseKeeper:
    """Keeps a `Limiter` for each endpoint, with a `StageLimiter` for each worker's stage there, and the budget.

    All methods run in one event loop. `stop` ends new work for all workers, and pauses it.
    """

    def __init__(self, limiter_of: Callable[[Target], Limiter], stop: Stop, budget: RunBudget | None = None) -> None:
        self._limiter_of = limiter_of
        self._stop = stop
        self._budget = budget
        self._workers: dict[str, _Worker] = {}
        self._places: dict[int, Places] = {}
        self._left_out = LeftOutEndpoints()

    # ---- what workers tell

    async def register(self, name: str, epoch: int, told: Sequence[m.Message]) -> m.Answers:
        """Begin anew with a worker that has all this, and return what it is to know."""
        known = self._drop(name)
        worker = self._workers[name] = _Worker(epoch)
        if known is not None:
            worker.earlier, worker.lost = known.reserved, known.lost
        answers = await self.post(name, epoch, told)
        for reservation, _ in (worker.earlier or {}).values():  # the worker hasn't heard of them, and asks again
            reservation.settle(Amounts(0.0, 0, 0), answered=True)
        worker.earlier = None
        return answers

    async def post(self, name: str, epoch: int, told: Sequence[m.Message]) -> m.Answers:
        """Take in what a worker tells, and return what it is to know."""
        worker = self._workers.get(name)
        if worker is None or worker.epoch != epoch:
            return m.Answers(known=False)
        asked: set[_Stage] = set()
        for message in told:
            if isinstance(message, m.Ask):
                asked.add(self._ask(worker, message))
            else:
                self._take(worker, message)
        for limiter in {id(stage.limiter): stage.limiter for stage in asked}.values():
            with limiter.lock:
                limiter.admit()
        await asyncio.sleep(0)  # permits that are given at once are answers already
        return worker.take_answers()

    async def wait(self, name: str, epoch: int) -> m.Answers:
        """Return what a worker is to know, as soon as there is something."""
        worker = self._workers.get(name)
        if worker is None or worker.epoch != epoch:
            return m.Answers(known=False)
        with suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST_WAIT):
                while not worker.has_news and self._workers.get(name) is worker:
                    worker.news.clear()  # what a message is answered with at once is no news
                    await worker.news.wait()
        return worker.take_answers()

    def forget(self, name: str) -> None:
        """Take back all that a worker had that is gone: what its calls had reserved may have been paid for."""
        worker = self._drop(name)
        for reservation, most in worker.reserved.values() if worker else ():
            reservation.settle(most, answered=False)

    def _drop(self, name: str) -> _Worker | None:
        """Take back a worker's permits, and return what else it had."""
        worker = self._workers.pop(name, None)
        if worker is None:
            return None
        worker.news.set()
        for task in worker.reserving.values():
            task.cancel()
        for stage, call in worker.waiting.values():
            with stage.limiter.lock:
                stage.calls.queue.remove(call)
        for stage, permit in worker.in_flight.values():
            stage.calls.ended(permit)
        for stage in worker.stages.values():
            stage.opened.close()
        for target in self._left_out.end_trials_of(worker):
            self._tell_of(target)
        return worker

    # ---- permits

    def _open(self, worker: _Worker, message: m.Open) -> None:
        places = self._places.setdefault(message.places, Places(message.ceiling))
        limiter = self._limiter_of(message.target)
        calls = StageLimiter(limiter, places, message.limits, lambda _: None, self._stop)
        opened = ExitStack()
        opened.enter_context(calls.opened())
        worker.stages[message.stage] = _Stage(message.target, limiter, calls, opened)
        if message.target in self._left_out:
            worker.endpoints[message.stage] = self._left_out.news(message.target, len(self._workers))

    def _ask(self, worker: _Worker, message: m.Ask) -> _Stage:
        stage = worker.stages[message.stage]
        request = _FIRST if message.first else _LATER
        with stage.limiter.lock:
            call = stage.calls.queue.append(request, message.size, again=message.first)
        worker.waiting[message.ticket] = stage, call
        call.permit.add_done_callback(partial(self._admitted, worker, message.ticket))
        return stage

    def _admitted(self, worker: _Worker, ticket: int, permit: asyncio.Future[Permit]) -> None:
        stage, _ = worker.waiting.pop(ticket, (None, None))
        if permit.cancelled():
            return
        if permit.exception() is not None:
            worker.answer(ticket, m.STOPPED)
        elif stage is None or worker not in self._workers.values():  # given up meanwhile
            if stage is not None:
                stage.calls.ended(permit.result())
        else:
            worker.in_flight[ticket] = stage, permit.result()
            worker.answer(ticket, 0)

    def _give_up(self, worker: _Worker, ticket: int) -> None:
        """End a call, or the wait for a permit or a reservation."""
        if ticket in worker.in_flight:
            stage, permit = worker.in_flight.pop(ticket)
            stage.calls.ended(permit)
        elif ticket in worker.waiting:
            stage, call = worker.waiting.pop(ticket)
            if call.permit.done() and not call.permit.cancelled() and call.permit.exception() is None:
                stage.calls.ended(call.permit.result())
            with stage.limiter.lock:
                stage.calls.queue.remove(call)
        elif ticket in worker.reserving:
            worker.reserving.pop(ticket).cancel()
        elif ticket in worker.reserved:
            reservation, _ = worker.reserved.pop(ticket)
            reservation.settle(Amounts(0.0, 0, 0), answered=True)

    def _take(self, worker: _Worker, message: m.Message) -> None:
        match message:  # what comes for each call is first
            case m.Answered() | m.Refused() | m.Told():
                self._call(worker, message)
            case m.Begun(ticket, number, size, at):
                stage = worker.stages[number]
                with stage.limiter.lock:
                    stage.calls.queue.begin_one()
                    call = stage.limiter.begin(size, at + worker.clock_behind)
                worker.in_flight[ticket] = stage, Permit(call)
            case m.Reserve() | m.Held() | m.Settle():
                self._money(worker, message)
            case m.Ended(ticket):
                self._give_up(worker, ticket)
            case m.Clock(shows):
                worker.clock_behind = time.monotonic() - shows
            case m.Open() | m.Close() | m.LeftOut() | m.OnTrial() | m.StartAnew():
                self._stage(worker, message)

    def _stage(self, worker: _Worker, message: m.Open | m.Close | m.LeftOut | m.OnTrial | m.StartAnew) -> None:
        match message:
            case m.Open():
                self._open(worker, message)
            case m.Close(number):
                if stage := worker.stages.pop(number, None):
                    stage.opened.close()
            case m.LeftOut(number) | m.OnTrial(number) | m.StartAnew(number):
                if stage := worker.stages.get(number):  # a call may end after its stage
                    self._found_out(worker, stage, message)

    # ---- endpoints that are left out

    def _found_out(self, worker: _Worker, stage: _Stage, message: m.LeftOut | m.OnTrial | m.StartAnew) -> None:
        match message:
            case m.LeftOut(wait=wait):
                self._left_out.leave_out(stage.target, wait, stage.calls.learned)
            case m.OnTrial():
                if not self._left_out.begin_trial(stage.target, worker):
                    return
            case m.StartAnew():
                if stage.target in self._left_out:
                    stage.calls.start_anew(self._left_out.put_back(stage.target))
        self._tell_of(stage.target, without=stage)

    def _tell_of(self, target: Target, without: _Stage | None = None) -> None:
        """Tell all workers' stages at an endpoint but one what is known of it."""
        for place, worker in enumerate(self._workers.values()):
            for number, stage in worker.stages.items():
                if stage.target == target and stage is not without:
                    worker.endpoints[number] = self._left_out.news(target, place)
                    worker.news.set()

    def _call(self, worker: _Worker, message: m.Answered | m.Refused | m.Told) -> None:
        if message.ticket not in worker.in_flight:
            return
        stage, permit = worker.in_flight[message.ticket]
        match message:
            case m.Told(quotas=quotas):
                stage.calls.told(permit, quotas)
                self._have_others_ask(stage.limiter)
                return
            case m.Answered(_, prompt_tokens, completion_tokens, seconds):
                at = None if seconds is None else permit.call.began + seconds
                stage.calls.answered(permit, prompt_tokens, completion_tokens, at)
            case m.Refused(_, seconds):
                stage.calls.refused(permit, seconds)
                self._have_others_ask(stage.limiter)
        del worker.in_flight[message.ticket]

    def _have_others_ask(self, limiter: Limiter) -> None:
        """Have all workers hear at once that their calls have to ask from now on, if they didn't have to."""
        if not limiter.is_free:
            for worker in self._workers.values():
                if worker.must_ask_again:
                    worker.news.set()

    # ---- the budget

    def _money(self, worker: _Worker, message: m.Reserve | m.Held | m.Settle) -> None:
        match message:
            case m.Reserve(ticket):
                worker.reserving[ticket] = asyncio.ensure_future(self._reserve(worker, message))
            case m.Held(ticket, most, sure):
                self._hold(worker, ticket, most, sure=sure)
            case m.Settle(ticket, spent, answered) if ticket in worker.reserved:
                reservation, _ = worker.reserved.pop(ticket)
                reservation.settle(spent, answered=answered)
            case m.Settle(ticket, spent) if ticket in worker.lost and self._budget is not None:
                self._budget.correct(worker.lost.pop(ticket), spent)

    @staticmethod
    def _hold(worker: _Worker, ticket: int, most: Amounts, *, sure: bool) -> None:
        """Go on with a reservation; one of another keeper counts as spent since that is gone, until it is settled."""
        if worker.earlier is None:
            if sure:
                worker.lost[ticket] = most
        elif ticket in worker.earlier:
            worker.reserved[ticket] = worker.earlier.pop(ticket)

    async def _reserve(self, worker: _Worker, message: m.Reserve) -> None:
        if self._budget is None:
            worker.answer(message.ticket, 0)
            return
        try:
            reservation = await self._budget.reserve(lambda: message.choices, started=message.started)
        except Stopped:
            worker.answer(message.ticket, m.STOPPED)
        else:
            worker.reserved[message.ticket] = reservation, message.choices[reservation.choice]
            worker.answer(message.ticket, reservation.choice)
        finally:
            worker.reserving.pop(message.ticket, None)

    # ---- what the driver asks

    def limiter_state(self) -> LimiterChanged | None:
        """Return the state of all endpoints' limiters as one; None if no stage is open."""
        by_target: dict[Any, list[LimiterChanged]] = defaultdict(list)
        for worker in self._workers.values():
            for stage in worker.stages.values():
                with stage.limiter.lock:
                    by_target[stage.target].append(stage.limiter.state(stage.calls.queue))
        states = [_of_workers(states) for states in by_target.values()]
        return states[0] if len(states) == 1 else together(states) if states else None

    def in_flight(self) -> Mapping[str, int]:
        """Return how many calls each worker has in flight."""
        return {name: len(worker.in_flight) for name, worker in self._workers.items()}


def _of_workers(states: Sequence[LimiterChanged]) -> LimiterChanged:
    """Return the state of one endpoint's limiter as all workers together see it."""
    telling = next((state for state in states if state.bound != "nothing"), states[0])
    return replace(telling, own=sum(state.own or 0 for state in states))
