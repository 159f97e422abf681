"""Bounds on the tokens of a call that hold for any tokenizer: none makes more tokens than a text has bytes.

Where a request is like one that was answered before, most of its tokens are known: only what lies between their common
beginning and their common end can differ.
"""

from __future__ import annotations

import json
import math
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import NamedTuple

from deepfabric_core.chat.messages import Reply, Request

# Tokens that a provider adds: of a template for each message, in front of all, and to explain tools.
_OF_A_MESSAGE = 16
_OF_A_PROMPT = 64
_OF_TOOLS = 512
# At the two places where a text is taken to pieces, a token may be cut in two.
_OF_A_SEAM = 8
# How far a lower limit is above the longest reply of a kind, of which some have to be known; with less of them, it is
# a part of the limit, but not so low that it would cut off a short answer.
_FEWEST_REPLIES = 8
_MARGINS = (2.0, 1.3, 1.1)
_PARTS = (2, 4)
_SHORTEST = 200


class _Answered(NamedTuple):
    """A prompt that was answered: its text, its messages, and the tokens that it had."""

    text: bytes
    messages: int
    tokens: int


@dataclass
class PromptBounds:
    """The most tokens that prompts of one model can have, as its replies show better and better.

    A server that counts more tokens than there are bytes shows it with its first reply; then all bounds are raised. If
    it counts other than by the text, prompts that are alike say nothing of one another.
    """

    _latest: dict[Hashable, _Answered] = field(default_factory=dict)
    _excess: float = 1.0
    _counts_by_text: bool = True

    def most(self, request: Request) -> int:
        """Return the most tokens that the prompt of a request can have."""
        bound = _most_by_bytes(request) * self._excess
        if self._counts_by_text and (likened := self._most_by_likeness(request)) is not None:
            bound = min(bound, likened)
        return math.ceil(bound)

    def learn(self, request: Request, tokens: int) -> None:
        """Learn how many tokens the prompt of a request really had."""
        self._excess = max(self._excess, tokens / _most_by_bytes(request))
        likened = self._most_by_likeness(request)
        self._counts_by_text &= likened is None or tokens <= likened
        self._latest[_kind(request)] = _Answered(_bytes_of(request), len(request.messages), tokens)

    def _most_by_likeness(self, request: Request) -> float | None:
        """Return the most tokens, going by the latest request of its kind; None if there is none."""
        known = self._latest.get(_kind(request))
        if known is None:
            return None
        template = max(0, len(request.messages) - known.messages) * _OF_A_MESSAGE
        return known.tokens + (_differing(_bytes_of(request), known.text) + template + _OF_A_SEAM) * self._excess


@dataclass
class ReplyLengths:
    """The longest reply of each kind so far, in tokens. A server that doesn't count thoughts may exceed its limit."""

    _longest: dict[Hashable, int] = field(default_factory=dict)
    _known: dict[Hashable, int] = field(default_factory=dict)
    _excess: float = 1.0

    def most(self, limit: int) -> int:
        """Return the most tokens that a reply with a limit can have."""
        return math.ceil(limit * self._excess)

    def limits(self, request: Request, most: int) -> tuple[int, ...]:
        """Return limits for the reply to a request: the request's own, and lower ones that it will hardly reach."""
        kind = _kind(request)
        if self._known.get(kind, 0) < _FEWEST_REPLIES:
            lower = [most // part for part in _PARTS if most // part >= max(_SHORTEST, self._longest.get(kind, 0))]
        else:
            lower = [int(self._longest[kind] * margin) + 1 for margin in _MARGINS]
        return (most, *(limit for limit in lower if limit < most))

    def learn(self, request: Request, limit: int, tokens: int) -> None:
        """Learn how long the reply to a request was, whose limit was `limit`."""
        kind = _kind(request)
        self._excess = max(self._excess, tokens / limit)
        self._known[kind] = self._known.get(kind, 0) + 1
        self._longest[kind] = max(self._longest.get(kind, 0), tokens, limit if tokens >= limit else 0)


def most_tokens_in(reply: Reply) -> int:
    """Return the most tokens that a reply can have, whose usage nobody has stated."""
    calls = sum(len(call.name) + len(call.arguments.encode("utf-8", "replace")) for call in reply.tool_calls)
    return len(reply.text.encode("utf-8", "replace")) + calls + _OF_A_MESSAGE


def _kind(request: Request) -> Hashable:
    """Return what requests have in common whose prompts and replies are alike."""
    schema = request.schema.name if request.schema else ""
    return schema, request.schema_mode, len(request.tools), request.tool_choice


def _bytes_of(request: Request) -> bytes:
    parts = []
    for message in request.messages:
        parts.append(f"{message.role}\n{message.content}\n{message.tool_call_id or ''}")
        parts += [f"{call.id} {call.name} {call.arguments}" for call in message.tool_calls]
    return "\n".join(parts).encode("utf-8", "replace")


def _most_by_bytes(request: Request) -> int:
    template = len(request.messages) * _OF_A_MESSAGE + _OF_A_PROMPT
    return len(_bytes_of(request)) + template + _beside(request)


def _beside(request: Request) -> int:
    """Return the most tokens of what is sent beside the messages."""
    schema = len(json.dumps(request.schema.limits or request.schema.schema)) if request.schema else 0
    tools = sum(len(json.dumps(tool)) for tool in request.tools)
    return schema + tools + (_OF_TOOLS if request.tools else 0)


def _differing(one: bytes, other: bytes) -> int:
    """Return how many bytes of one text are neither in the beginning nor in the end that it shares with another."""
    before = _common(one, other)
    after = _common(one[before:][::-1], other[before:][::-1])
    return len(one) - before - after


def _common(one: bytes, other: bytes) -> int:
    """Return the length of the common beginning."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
