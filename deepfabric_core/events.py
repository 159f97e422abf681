"""What happens in a run, as values: the live feed, the log and the screens all read these.

Tokens are counts, durations seconds, costs US dollars, `at` seconds since the epoch. Texts come
from a model or a provider: whoever shows them escapes them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from deepfabric_core.errors import FailureKind

Stage = Literal["topics", "samples"]


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The config is sound, the output writable: work begins."""

    topics_model: str
    samples_model: str
    at: float


@dataclass(frozen=True, slots=True)
class StageStarted:
    """A stage begins; `total` counts topics (without the root) or samples, `window` the calls in flight at most.

    `done` and `failed` are those of the total that an earlier run settled.
    """

    stage: Stage
    total: int
    window: int
    at: float
    done: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Resumed:
    """The run goes on with what an earlier one left: its samples, its failures by kind, and what they took.

    `calls`, tokens, cost and `seconds` are those of all earlier sessions together.
    """

    samples: int
    failures: Mapping[FailureKind, int]
    failed_expansions: int
    prompt_tokens: int
    completion_tokens: int
    cost: float | None
    calls: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class StageFinished:
    """A stage has come to its end, or was stopped."""

    stage: Stage
    at: float


@dataclass(frozen=True, slots=True)
class TopicExpanded:
    """A topic has its children; `missing` of those asked for could not be had, nor `below` topics under these."""

    path: tuple[str, ...]
    children: tuple[str, ...]
    missing: int = 0
    below: int = 0


@dataclass(frozen=True, slots=True)
class ExpansionFailed:
    """A topic got no children at all; everything `lost` below it is missing."""

    path: tuple[str, ...]
    kind: FailureKind
    message: str
    lost: int


@dataclass(frozen=True, slots=True)
class TopicsReady:
    """The topic structure is complete; `source` is the file it was loaded from, or ""."""

    mode: str
    topics: int
    leaves: int
    source: str = ""


@dataclass(frozen=True, slots=True)
class CallAnswered:
    """A provider answered a call; `cost` is None where no price is known."""

    model: str
    prompt_tokens: int
    completion_tokens: int
    cost: float | None
    seconds: float


@dataclass(frozen=True, slots=True)
class CallFailed:
    """A call failed; it is made again in `retry_in` seconds, or given up (None)."""

    kind: FailureKind
    message: str
    retry_in: float | None


@dataclass(frozen=True, slots=True)
class ReplyRejected:
    """A reply could not be used, and the model is asked again with the reason."""

    path: tuple[str, ...]
    kind: FailureKind


@dataclass(frozen=True, slots=True)
class LimiterChanged:
    """Where the limiter stands, told when it changes and now and then.

    It lets `allowed` calls go at once, `in_flight` are under way, `waiting` wait for their turn or for another one to
    end; `why` says in a few plain words what the provider refused lately, or is "". Runs of one process may share a
    limiter: `own` of the calls in flight are this run's, where that is known.
    """

    allowed: int
    in_flight: int
    waiting: int
    why: str
    own: int | None = None


@dataclass(frozen=True, slots=True)
class SampleFinished:
    """A sample is on disk; question and answer are shortened for the screen."""

    topic_id: str
    path: tuple[str, ...]
    cycle: int
    attempts: int
    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class SampleFailed:
    """A sample could not be made."""

    topic_id: str
    path: tuple[str, ...]
    cycle: int
    kind: FailureKind
    message: str


@dataclass(frozen=True, slots=True)
class Stopping:
    """The run was asked to stop: calls in flight finish, none is begun."""

    why: str


@dataclass(frozen=True, slots=True)
class Paused:
    """A pause began: calls in flight finish, none is begun."""

    at: float


@dataclass(frozen=True, slots=True)
class WentOn:
    """The pause is over."""

    at: float


@dataclass(frozen=True, slots=True)
class Notice:
    """Something worth a line that is neither progress nor failure."""

    message: str


@dataclass(frozen=True, slots=True)
class FileWritten:
    """A file is complete on disk.

    `role` is dataset, partial dataset, journal, topics, failed topics, failures or checkpoint (its folder).
    """

    role: str
    path: str


Ending = Literal["complete", "incomplete", "stopped", "aborted"]


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The run is over; `reason` is empty when everything asked for was delivered."""

    ending: Ending
    reason: str
    at: float


Event = (
    RunStarted
    | StageStarted
    | Resumed
    | StageFinished
    | TopicExpanded
    | ExpansionFailed
    | TopicsReady
    | CallAnswered
    | CallFailed
    | ReplyRejected
    | LimiterChanged
    | SampleFinished
    | SampleFailed
    | Stopping
    | Paused
    | WentOn
    | Notice
    | FileWritten
    | RunFinished
)

Emit = Callable[[Event], None]
