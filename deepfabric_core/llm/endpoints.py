"""Several servers of one model: each call goes to the one with the least to do, and none to one that fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from deepfabric_core.chat.messages import Reply, Request
from deepfabric_core.errors import ModelError
from deepfabric_core.events import CallFailed, Emit, Event, LimiterChanged, Notice
from deepfabric_core.llm.endpoint_health import EndpointHealth, is_fault
from deepfabric_core.llm.limits.call_limiter import CallLimiter
from deepfabric_core.llm.limits.learned import Learned
from deepfabric_core.llm.limits.limited_model import LimitedModel
from deepfabric_core.llm.limits.queue import SentBack

# These limits of several endpoints add up.
_ADD_UP = ("places", "rate", "requests_per_minute", "tokens_per_minute")


@dataclass(eq=False)
class Endpoint:
    """A server, known by its `host`, with a limiter of its own; `learned` is what it allowed when it was left out."""

    host: str
    model: LimitedModel
    limiter: CallLimiter
    learned: Learned | None = None

    @property
    def health(self) -> EndpointHealth:
        """Whether it answers, which is kept where its limits are."""
        return self.limiter.health

    @property
    def load(self) -> tuple[bool, int, int]:
        """How much it has to do: whether a call would wait, how many do, and how many are in flight."""
        return not self.limiter.has_room, self.limiter.waiting, self.limiter.in_flight


class Endpoints:
    """A model that several servers answer for. A call that one fails to answer goes on to another at once."""

    def __init__(self, several: Sequence[Endpoint], emit: Emit, clock: Callable[[], float] = time.monotonic) -> None:
        self._several = several
        self._emit = emit
        self._clock = clock
        for endpoint in several:
            endpoint.model.elsewhere = partial(self._have_room, endpoint)

    @property
    def name(self) -> str:
        """Provider and model."""
        return self._several[0].model.name

    async def complete(self, request: Request) -> Reply:
        """Answer one request; see `ChatModel`."""
        failed: list[Endpoint] = []
        while True:
            endpoint = self._chosen(failed)
            begun = self._clock()
            is_trial = endpoint.health.begin()
            try:
                reply = await endpoint.model.complete(request)
            except ModelError as problem:
                failed.append(endpoint)
                if not self._goes_on(endpoint, problem, begun, failed):
                    raise
            except SentBack:
                continue
            else:
                self._note_answer(endpoint, begun)
                return reply
            finally:
                if is_trial:
                    endpoint.health.end_trial()

    async def close(self) -> None:
        """Close the connections to all servers."""
        for endpoint in self._several:
            await endpoint.model.close()

    def _chosen(self, failed: Sequence[Endpoint]) -> Endpoint:
        """Return the endpoint with the least to do; if all are left out, the one that will be tried first."""
        now = self._clock()
        left = [endpoint for endpoint in self._several if endpoint not in failed]
        if able := [endpoint for endpoint in left if endpoint.health.admits(now)]:
            return min(able, key=lambda endpoint: (not endpoint.health.is_out, *endpoint.load))
        return min(left, key=lambda endpoint: endpoint.health.back_at)

    def _goes_on(self, endpoint: Endpoint, problem: ModelError, begun: float, failed: Sequence[Endpoint]) -> bool:
        """Note a failure, and return whether the call goes on to another endpoint."""
        if not is_fault(problem):
            return False
        now = self._clock()
        if endpoint.health.failed(problem, begun=begun, now=now):
            endpoint.learned = endpoint.limiter.learned()
            self._emit(Notice(f"{endpoint.host} is left out until it answers again: {problem.kind.value}"))
        if endpoint.health.is_out:
            endpoint.limiter.send_back(endpoint.limiter.waiting)
        if not any(other.health.admits(now) for other in self._several if other not in failed):
            return False
        said = str(problem)
        where = "" if endpoint.host in said else f"{endpoint.host}: "
        self._emit(CallFailed(problem.kind, f"{where}{said}", retry_in=0.0))
        return True

    def _note_answer(self, endpoint: Endpoint, begun: float) -> None:
        if endpoint.health.answered(begun=begun):
            endpoint.limiter.start_anew(endpoint.learned)
            self._emit(Notice(f"{endpoint.host} answers again"))
        if not endpoint.limiter.waiting:
            longest = max(self._several, key=lambda other: other.limiter.waiting)
            if longest.limiter.waiting and endpoint.limiter.has_room:
                longest.limiter.send_back(1)

    def _have_room(self, without: Endpoint) -> bool:
        """Return whether another endpoint than one could take a call at once."""
        others = (other for other in self._several if other is not without)
        return any(not other.health.is_out and other.limiter.has_room for other in others)


class LimiterStates:
    """Tells the states of several endpoints' limiters as one: as if they were one endpoint."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._states: dict[int, LimiterChanged] = {}

    def of(self, place: int) -> Emit:
        """Return what the events of an endpoint are to be told to."""

        def told(event: Event) -> None:
            if isinstance(event, LimiterChanged):
                self._states[place] = event
                event = together(list(self._states.values()))
            self._emit(event)

        return told


def together(states: Sequence[LimiterChanged]) -> LimiterChanged:
    """Return the states of several endpoints' limiters as one. What binds them is told where it is the same."""
    bounds = {state.bound for state in states}
    whole = LimiterChanged(
        sum(state.allowed for state in states),
        sum(state.in_flight for state in states),
        sum(state.waiting for state in states),
        sum(state.own or 0 for state in states),
    )
    if "ceiling" in bounds:  # the same for all: they share it
        return replace(whole, bound="ceiling", limit=max(one.limit for one in states if one.bound == "ceiling"))
    if len(bounds) > 1 or "nothing" in bounds:
        return whole
    limits = [state.limit for state in states]
    bound = states[0].bound
    return replace(whole, bound=bound, limit=sum(limits) if bound in _ADD_UP else min(limits))
