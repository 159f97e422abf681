"""What workers and the keeper of the limits tell each other. Many are sent at once, so they are plain and small."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from deepfabric_core.amounts import Amounts
from deepfabric_core.config.schema import RateLimit
from deepfabric_core.llm.limits.learned_file import Target
from deepfabric_core.llm.limits.quota_headers import RemainingQuota
from deepfabric_core.llm.limits.recent import Size


class Open(NamedTuple):
    """A stage begins to call an endpoint. Those with the same `places` share their ceiling, whichever worker's."""

    stage: int
    target: Target
    places: int
    ceiling: int
    limits: RateLimit


class Close(NamedTuple):
    """A stage calls an endpoint no more."""

    stage: int


class Ask(NamedTuple):
    """A call waits for a permit."""

    ticket: int
    stage: int
    size: Size
    first: bool


class Clock(NamedTuple):
    """What the worker's clock shows in seconds as this is sent, which comes before other messages."""

    shows: float


class Begun(NamedTuple):
    """A call began without asking, or with a permit from a keeper that is gone, at a time of the worker's clock."""

    ticket: int
    stage: int
    size: Size
    at: float


class Answered(NamedTuple):
    """A call was answered. How many seconds that took is told if it may have been a while ago."""

    ticket: int
    prompt_tokens: int
    completion_tokens: int
    seconds: float | None = None


class Refused(NamedTuple):
    """A call was refused and may not be repeated for so many seconds."""

    ticket: int
    seconds: float


class Ended(NamedTuple):
    """A call ended in any other way, or doesn't wait any more."""

    ticket: int


class Told(NamedTuple):
    """The quotas that came with the answer to a call."""

    ticket: int
    quotas: Mapping[str, RemainingQuota]


class LeftOut(NamedTuple):
    """An endpoint is left out, to be tried again after so many seconds; what is known of it now is to be remembered."""

    stage: int
    wait: float


class OnTrial(NamedTuple):
    """A call begins to an endpoint that is left out."""

    stage: int


class StartAnew(NamedTuple):
    """An endpoint answers again, with the limits that are remembered."""

    stage: int


class Reserve(NamedTuple):
    """A call reserves the first of several amounts that is left; `started` work is finished after a stop, too."""

    ticket: int
    choices: Sequence[Amounts]
    started: bool


class Held(NamedTuple):
    """A call holds a reservation that it got before; unless that is `sure`, it may have been settled."""

    ticket: int
    most: Amounts
    sure: bool


class Settle(NamedTuple):
    """A call gives back what it hasn't spent."""

    ticket: int
    spent: Amounts
    answered: bool
    most: Amounts


_OfStages = Open | Close | LeftOut | OnTrial | StartAnew
_OfCalls = Ask | Clock | Begun | Answered | Refused | Ended | Told
Message = _OfStages | _OfCalls | Reserve | Held | Settle

# The answer to a ticket: the number of the choice that was reserved, 0 for a permit, or that the run stops.
STOPPED = -1


class EndpointNews(NamedTuple):
    """What others have found out of an endpoint: it is left out, with such a `wait` before each trial, or isn't (0).

    The worker itself may try it in so many `seconds`, if it hears nothing else until then.
    """

    wait: float
    seconds: float


class Answers(NamedTuple):
    """What became of tickets since the last time; `room` has whether calls could begin at once, by stage.

    `endpoints` has what is new of them, by stage.
    Calls of the `free` stages needn't ask: no limit is known of the endpoint, so only the worker's places count.
    If the worker isn't `known`, the keeper is a new one, and has to be told of everything.
    """

    tickets: Sequence[tuple[int, int]] = ()
    room: Mapping[int, bool] = {}
    free: frozenset[int] = frozenset()
    endpoints: Mapping[int, EndpointNews] = {}
    known: bool = True
