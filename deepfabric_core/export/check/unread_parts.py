"""Notice what of a record's messages isn't read, and so would be dropped in silence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deepfabric_core.export.conversation import Conversation
from deepfabric_core.samples.reading import JournalLine, messages_of


def has_unread_parts(record: JournalLine, conversation: Conversation) -> bool:
    """Whether a message holds calls, or parts of its content, or the record tools, that its conversation hasn't."""
    messages = messages_of(record)
    if messages is None or len(messages) != len(conversation.turns):
        return False
    tools = record.get("tools")
    if tools and len(conversation.tools) != (len(tools) if isinstance(tools, list) else -1):
        return True
    return any(_has_more(message, len(turn.calls)) for message, turn in zip(messages, conversation.turns, strict=True))


def _has_more(message: Mapping[str, Any], calls: int) -> bool:
    said, content = message.get("tool_calls"), message.get("content")
    if said and (not isinstance(said, list) or len(said) != calls):
        return True
    parts = content if isinstance(content, list) else ()
    return any(not (isinstance(part, Mapping) and isinstance(part.get("text"), str)) for part in parts)
