"""Calls to a model that came to nothing, as they are kept and shown: without secrets, and bounded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from deepfabric_core.chat.messages import Reply, Request
from deepfabric_core.errors import FailureKind

_LONGEST_TEXT = 4000


@dataclass(frozen=True, slots=True)
class RejectedCall:
    """A call that came to nothing: what was asked about which topic, what was replied, and why it can't be used.

    `messages` are pairs of role and text; `reply` is empty if there was none.
    """

    path: tuple[str, ...]
    variation: int
    messages: tuple[tuple[str, str], ...]
    reply: str
    kind: FailureKind
    reason: str

    def as_object(self) -> dict[str, Any]:
        """Return the call as a part of a line in a file."""
        request = [{"role": role, "content": text} for role, text in self.messages]
        return {"kind": self.kind.value, "error": self.reason, "request": request, "reply": self.reply}


@dataclass
class RejectedCalls:
    """Collects the rejected calls of a work item. `hide` removes secrets from their texts, before these are cut."""

    hide: Callable[[str], str] = str
    calls: list[RejectedCall] = field(default_factory=list)

    def add(self, request: Request, reply: Reply | None, kind: FailureKind, reason: str) -> None:
        """Add a call."""
        messages = tuple((message.role, self._shown(message.content)) for message in request.messages)
        said = self._shown(_text_of(reply)) if reply else ""
        subject = request.subject
        self.calls.append(RejectedCall(subject.path, subject.variation, messages, said, kind, self._shown(reason)))

    @property
    def last(self) -> tuple[str, str]:
        """The request and the reply of the last call, as texts for people; empty if there is none."""
        return (transcript(self.calls[-1].messages), self.calls[-1].reply) if self.calls else ("", "")

    def _shown(self, text: str) -> str:
        return self.hide(text)[:_LONGEST_TEXT]


def transcript(messages: Iterable[tuple[str, str]]) -> str:
    """Return messages, pairs of role and text, as one text for people, shortened."""
    return "\n\n".join(f"[{role}]\n{text}" for role, text in messages)[:_LONGEST_TEXT]


def _text_of(reply: Reply) -> str:
    calls = [f"{call.name}({call.arguments})" for call in reply.tool_calls]
    return "\n".join(filter(None, (reply.text, *calls)))
