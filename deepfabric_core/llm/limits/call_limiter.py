"""`CallLimiter`: what a model's calls ask for leave, wherever the limits are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from deepfabric_core.chat.messages import Request
from deepfabric_core.llm.endpoint_health import EndpointHealth
from deepfabric_core.llm.limits.learned import Learned
from deepfabric_core.llm.limits.quota_headers import RemainingQuota
from deepfabric_core.llm.limits.reply_spacing import ReplySpacing


class CallLimiter(Protocol):
    """Lets the calls of a stage go; see `StageLimiter`. A permit is only handed back to the limiter that gave it."""

    reply_spacing: ReplySpacing

    @property
    def health(self) -> EndpointHealth:
        """Whether the endpoint answers."""
        ...

    @property
    def in_flight(self) -> int:
        """Calls in flight."""
        ...

    @property
    def waiting(self) -> int:
        """Calls that wait for a permit."""
        ...

    @property
    def has_room(self) -> bool:
        """Whether calls lately could begin at once."""
        ...

    @property
    def paused_for(self) -> float:
        """Seconds in pauses so far, which time limits don't count."""
        ...

    async def acquire(self, request: Request, *, again: bool = False) -> Any:
        """Wait for a permit to make a call."""

    async def rest(self, seconds: float, request: Request) -> None:
        """Wait before a retry, without holding a permit."""

    def send_back(self, count: int) -> None:
        """Have so many waiting calls made elsewhere, those that would wait longest."""

    def answered(self, permit: Any, prompt_tokens: int, completion_tokens: int) -> None:
        """Report that a call was answered, and how many tokens it used."""

    def refused(self, permit: Any, seconds: float) -> None:
        """Report that a call was refused (429) and may not be repeated for so many seconds."""

    def ended(self, permit: Any) -> None:
        """Report that a call ended in any other way."""

    def told(self, permit: Any, quotas: Mapping[str, RemainingQuota]) -> None:
        """Report the quotas that the provider states with the answer to a call, or with its refusal."""

    def learned(self) -> Learned | None:
        """Return what is known of the endpoint's limits; None if nothing is."""

    def start_anew(self, learned: Learned | None) -> None:
        """Begin with limits that were learned before no call was answered for long."""
