"""Messages that providers can cache: what all requests of a kind share stands first, then what is a request's own.

A provider's cache holds beginnings of prompts, and takes effect only as far as they are the same to the last byte.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from deepfabric_core.chat.messages import Message, Role

_BETWEEN = "\n\n"


def message_of(role: Role, shared: Iterable[str], own: Iterable[str] = ()) -> Message:
    """Return a message of paragraphs without the empty ones: those that all requests of its kind share, then its own.

    >>> message_of("user", ["Write a question.", ""], ["Take chains."]).shared
    17
    """
    beginning = _BETWEEN.join(filter(None, shared))
    return Message(role, _BETWEEN.join(filter(None, (beginning, *own))), shared=len(beginning))


def with_shared(message: Message, text: str) -> Message:
    """Return a message with one more paragraph at the end of its shared part; at its end if it has none."""
    if not message.shared:
        return replace(message, content=f"{message.content}{_BETWEEN}{text}")
    beginning, rest = message.content[: message.shared], message.content[message.shared :]
    beginning = f"{beginning}{_BETWEEN}{text}"
    return replace(message, content=f"{beginning}{rest}", shared=len(beginning))
