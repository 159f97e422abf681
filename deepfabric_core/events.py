"""The events that a run emits; the live feed, the log and the screens are built from them.

Tokens are counts, durations are in seconds, costs in US dollars, `at` in seconds since the epoch. Texts may come from
a model or a provider, so escape them before showing them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from deepfabric_core.amounts import Amounts, Expected, Purpose, Spending, Spent, Usage
from deepfabric_core.errors import FailureKind

Stage = Literal["topics", "samples"]

# Why a run stops whose budget is used up.
BUDGET_REACHED = "the budget is reached"


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The config and the output path have been checked, and the run starts."""

    topics_model: str
    samples_model: str
    at: float


@dataclass(frozen=True, slots=True)
class StageStarted:
    """A stage starts; `total` counts topics (without the root) or samples, `window` the calls in flight at most.

    `done` and `failed` count those of the total that an earlier run finished.
    """

    stage: Stage
    total: int
    window: int
    at: float
    done: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Resumed:
    """The run resumes a checkpoint with that many samples and failures.

    `calls`, tokens, cost and `seconds` are the sums over all earlier sessions, `spending` tells what for; `rejected`
    counts the rejected samples by check, `kept` those of them that were kept all the same.
    """

    samples: int
    failures: Mapping[FailureKind, int]
    failed_expansions: int
    prompt_tokens: int
    completion_tokens: int
    cost: float | None
    calls: int = 0
    seconds: float = 0.0
    rejected: Mapping[str, int] = field(default_factory=dict)
    kept: int = 0
    cached_tokens: int = 0
    spending: Spending = field(default_factory=dict)

    @property
    def usage(self) -> Usage:
        """Tokens and cost of all earlier sessions."""
        return Usage(self.prompt_tokens, self.completion_tokens, self.cost, self.cached_tokens)


@dataclass(frozen=True, slots=True)
class StageFinished:
    """A stage is finished, or was stopped."""

    stage: Stage
    at: float


@dataclass(frozen=True, slots=True)
class TopicExpanded:
    """A topic has its children; `missing` of those asked for are missing, and with them `below` topics under them."""

    path: tuple[str, ...]
    children: tuple[str, ...]
    missing: int = 0
    below: int = 0


@dataclass(frozen=True, slots=True)
class ExpansionFailed:
    """A topic got no children at all; the `lost` topics below it are missing.

    `request` and `reply` are the last ones, for people and shortened.
    """

    path: tuple[str, ...]
    kind: FailureKind
    message: str
    lost: int
    request: str = ""
    reply: str = ""


@dataclass(frozen=True, slots=True)
class TopicsReady:
    """The topic structure is complete; `source` is the file it was loaded from, or ""."""

    mode: str
    topics: int
    leaves: int
    source: str = ""


@dataclass(frozen=True, slots=True)
class CallAnswered:
    """A provider answered a call; `cost` is None if the price isn't known.

    `cached_tokens` are those of the prompt tokens that came from the provider's cache.
    """

    model: str
    prompt_tokens: int
    completion_tokens: int
    cost: float | None
    seconds: float
    cached_tokens: int = 0
    purpose: Purpose = "samples"


@dataclass(frozen=True, slots=True)
class RunExpected:
    """What the whole run is expected to take, reckoned before it began, earlier sessions included."""

    expected: Expected


@dataclass(frozen=True, slots=True)
class BudgetChanged:
    """How much of the budget is spent, and how much is reserved for calls in flight; `name` if runs share it.

    `limits` are the config's; `spent` includes earlier sessions, and other runs if they share the budget. `besides` is
    the part of it that the run's own sessions don't tell of: that of other runs, and of the run's `unanswered` calls,
    which may have been billed though their answers were never seen; it is negative where the budget has forgotten what
    they spent. `next_call` is what the call takes at most that no longer fitted.
    """

    limits: Amounts
    spent: Amounts
    reserved: Amounts = field(default_factory=Amounts)
    name: str = ""
    besides: Amounts = field(default_factory=Amounts)
    unanswered: Amounts = field(default_factory=Amounts)
    next_call: Amounts = field(default_factory=Amounts)


@dataclass(frozen=True, slots=True)
class CallFailed:
    """A call failed; it is retried in `retry_in` seconds, or given up (None)."""

    kind: FailureKind
    message: str
    retry_in: float | None


@dataclass(frozen=True, slots=True)
class ReplyRejected:
    """A reply can't be used, and the model is asked again with the reason.

    `request` and `reply` are texts for people, shortened.
    """

    path: tuple[str, ...]
    kind: FailureKind
    message: str = ""
    request: str = ""
    reply: str = ""


@dataclass(frozen=True, slots=True)
class ReplyMended:
    """A reply was JSON with small mistakes, such as raw line breaks or trailing commas, which were put right."""

    path: tuple[str, ...]


Bound = Literal[
    "nothing", "ceiling", "places", "rate", "requests_per_minute", "tokens_per_minute", "quota", "pause", "overload"
]


@dataclass(frozen=True, slots=True)
class LimiterChanged:
    """The state of the limiter, emitted when it changes and from time to time.

    `allowed` is the number of calls that may be in flight at once, `in_flight` how many are, and `waiting` how many
    wait for a permit. Runs in one process may share a limiter: `own` counts this run's calls in flight, or is None if
    that isn't known.

    `bound` is what holds calls of this run back at present, and `limit` its value: the calls at once that the run asks
    for (ceiling) or the provider accepts (places), the calls a second that it accepts (rate), what the config allows
    (requests_per_minute, tokens_per_minute), the seconds until the quota that the provider told is full again (quota)
    or until calls go on that were all refused (pause), or the share of the calls that is refused (overload).
    """

    allowed: int
    in_flight: int
    waiting: int
    own: int | None = None
    bound: Bound = "nothing"
    limit: float = 0.0


@dataclass(frozen=True, slots=True)
class SampleFinished:
    """A sample is on disk; `question` and `answer` are shortened for the screen.

    `unjudged` says why no judge said anything of it; it is empty if one did, or none was to.
    """

    topic_id: str
    path: tuple[str, ...]
    cycle: int
    attempts: int
    question: str
    answer: str
    unjudged: str = ""


@dataclass(frozen=True, slots=True)
class SamplesCounted:
    """Samples that are on disk or have failed, and calls that were answered, of which no event of their own tells.

    Numbers may be negative, where more was counted before than came to be.
    """

    made: int
    failed: int = 0
    spending: Spending = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SampleFailed:
    """A sample failed; `request` and `reply` are the last ones, for people and shortened."""

    topic_id: str
    path: tuple[str, ...]
    cycle: int
    kind: FailureKind
    message: str
    request: str = ""
    reply: str = ""


@dataclass(frozen=True, slots=True)
class SampleRejected:
    """A gate found something against a sample: it is made `again`, `dropped` or, all the same, `kept`.

    `check` is the name of the check within the gate, `evidence` the text that shows the reason. The texts are
    shortened for the screen.
    """

    topic_id: str
    path: tuple[str, ...]
    cycle: int
    check: str
    reason: str
    outcome: Literal["again", "dropped", "kept"]
    evidence: str = ""
    question: str = ""
    answer: str = ""


@dataclass(frozen=True, slots=True)
class SamplePutAside:
    """A sample was made that isn't part of the dataset; `spent` is what it took, without repairs and judging."""

    topic_id: str
    cycle: int
    spent: Spent


@dataclass(frozen=True, slots=True)
class Stopping:
    """The run was asked to stop: calls in flight finish, and no new ones start."""

    why: str


@dataclass(frozen=True, slots=True)
class Paused:
    """A pause began: calls in flight finish, and no new ones start."""

    at: float


@dataclass(frozen=True, slots=True)
class WentOn:
    """The pause is over."""

    at: float


@dataclass(frozen=True, slots=True)
class Notice:
    """A message to the user that is neither progress nor a failure."""

    message: str


@dataclass(frozen=True, slots=True)
class FileWritten:
    """A file has been written completely.

    `role` is dataset, partial dataset, journal, topics, failed topics, failures, rejected samples, trace, checkpoint
    (its folder), or "export as" a format, and which template that is sound for, if it was checked.
    """

    role: str
    path: str


Ending = Literal["complete", "incomplete", "stopped", "budget", "aborted"]


# The reason of a run that is complete, but made only the samples of a preview.
PREVIEW = "preview"


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The run is over; `reason` is empty if all that was asked for was delivered, and `ending` says how it ended."""

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
    | RunExpected
    | BudgetChanged
    | CallFailed
    | ReplyRejected
    | ReplyMended
    | LimiterChanged
    | SampleFinished
    | SamplesCounted
    | SampleFailed
    | SampleRejected
    | SamplePutAside
    | Stopping
    | Paused
    | WentOn
    | Notice
    | FileWritten
    | RunFinished
)

Emit = Callable[[Event], None]
