"""What a provider still allows, and the headers that tell of it, as OpenAI and Anthropic write them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

Headers = dict[str, str]


@dataclass(frozen=True)
class Told:
    """What headers say: the most of a minute or window, how much of it is left, in how many seconds all is back."""

    limit: float
    left: float
    reset: float


@dataclass
class RemainingQuota:
    """A token bucket: full at first, it holds at most `burst`, and `rate` accrues each second."""

    rate: float
    burst: float
    left: float = field(init=False)
    as_of: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.left = float(self.burst)

    @property
    def limit(self) -> int:
        """What the headers call the limit: the most of a minute."""
        return round(self.rate * 60)

    def refill(self) -> None:
        """Add what has accrued since the last call."""
        now = time.monotonic()
        self.left = min(float(self.burst), self.left + (now - self.as_of) * self.rate)
        self.as_of = now

    def spend(self, amount: float = 1) -> None:
        """Use up some; the debt is at most one burst, so that it can be paid off."""
        self.left = max(self.left - amount, -float(self.burst))

    def wait(self, amount: float = 1) -> float:
        """Seconds until so much is allowed; what is more than a burst is allowed once the bucket is full."""
        return max(0.0, (min(amount, self.burst) - self.left) / self.rate)

    def reset(self) -> float:
        """Seconds until it is as at first."""
        return (self.burst - self.left) / self.rate

    def told(self) -> Told:
        """State it as of now."""
        self.refill()
        return Told(self.limit, self.left, self.reset())


@dataclass
class Windows(RemainingQuota):
    """A number of calls in each window of `seconds`; the first window begins with the first call."""

    seconds: float = 1.0
    begun: bool = False

    @property
    def limit(self) -> int:
        """What the headers call the limit: the most of a window."""
        return int(self.burst)

    def refill(self) -> None:
        """Begin a new window if the last one is over."""
        now = time.monotonic()
        over = (now - self.as_of) // self.seconds
        if over or not self.begun:
            self.as_of = self.as_of + over * self.seconds if self.begun else now
            self.left, self.begun = float(self.burst), True

    def wait(self, amount: float = 1) -> float:
        """Seconds until so much is allowed."""
        return self.reset() if self.left < amount else 0.0

    def reset(self) -> float:
        """Seconds until the window ends."""
        return max(0.0, self.as_of + self.seconds - time.monotonic())


@dataclass
class TokenQuotas:
    """The tokens of prompts and answers: `both` together, or each for itself; None is as many as one likes."""

    both: RemainingQuota | None = None
    prompts: RemainingQuota | None = None
    answers: RemainingQuota | None = None

    def __bool__(self) -> bool:
        return bool(self.both or self.prompts or self.answers)

    def wait(self, asked: int) -> float:
        """Seconds until a prompt of so many tokens is allowed; for its answer one token must be left."""
        waits = [0.0]
        for quota, amount in ((self.both, asked), (self.prompts, asked), (self.answers, 1)):
            if quota is not None:
                quota.refill()
                waits.append(quota.wait(amount))
        return max(waits)

    def spend(self, *, asked: int = 0, answered: int = 0) -> None:
        """Use up the tokens of a prompt, or those of an answer."""
        for quota, amount in ((self.both, asked + answered), (self.prompts, asked), (self.answers, answered)):
            if quota is not None:
                quota.spend(amount)

    def told(self) -> dict[str, Told]:
        """State what is limited, each by its name in headers."""
        named = {"tokens": self.both, "input-tokens": self.prompts, "output-tokens": self.answers}
        return {name: quota.told() for name, quota in named.items() if quota is not None}


def openai_headers(what: str, told: Told) -> Headers:
    """Write a quota as OpenAI does."""
    return {
        f"x-ratelimit-limit-{what}": str(round(told.limit)),
        f"x-ratelimit-remaining-{what}": _whole(told.left),
        f"x-ratelimit-reset-{what}": duration(told.reset),
    }


def anthropic_headers(what: str, told: Told) -> Headers:
    """Write a quota as Anthropic does: the reset is a moment, in whole seconds."""
    back = datetime.fromtimestamp(math.ceil(time.time() + told.reset), UTC)
    return {
        f"anthropic-ratelimit-{what}-limit": str(round(told.limit)),
        f"anthropic-ratelimit-{what}-remaining": _whole(told.left),
        f"anthropic-ratelimit-{what}-reset": f"{back:%Y-%m-%dT%H:%M:%SZ}",
    }


HEADER_STYLES: dict[str, Callable[[str, Told], Headers]] = {"openai": openai_headers, "anthropic": anthropic_headers}


def duration(seconds: float) -> str:
    """Write a time as OpenAI's headers do: 6ms, 1.5s, 2m3s."""
    if seconds < 1:
        return f"{math.ceil(seconds * 1000)}ms"
    return f"{seconds:.3g}s" if seconds < 60 else f"{int(seconds // 60)}m{int(seconds % 60)}s"


def _whole(left: float) -> str:
    return str(max(0, int(left)))
