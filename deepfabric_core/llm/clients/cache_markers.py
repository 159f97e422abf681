"""Mark up to where a provider caches a prompt, which Anthropic's models want to be told; others find it themselves."""

from __future__ import annotations

import json
from typing import Any

from deepfabric_core.chat.messages import Request
from deepfabric_core.config.llm import Llm
from deepfabric_core.llm.prices import Prices

_MARK = {"type": "ephemeral"}
# Besides Anthropic itself, these serve its models and pass the marks on.
_RESELLERS = ("bedrock", "vertex_ai", "azure_ai", "openrouter")
# Where the price list doesn't say how long a text has to be to be cached.
_FEWEST_TOKENS = 1024
# Few texts have more tokens than one for so many bytes. A mark after too short a text does no harm.
_BYTES_PER_TOKEN = 3


def fewest_marked_bytes(settings: Llm, prices: Prices) -> int | None:
    """Return the least length of a beginning that is worth a mark, in bytes; None if the model takes no marks."""
    is_claude = settings.provider in _RESELLERS and "claude" in settings.model.lower()
    if settings.provider != "anthropic" and not is_claude:
        return None
    return _BYTES_PER_TOKEN * (prices.fewest_cached_tokens or _FEWEST_TOKENS)


def mark_shared(sent: list[dict[str, Any]], request: Request, fewest_bytes: int | None) -> None:
    """Mark the end of what all requests of a kind share in the messages to be sent, if that is long enough."""
    place = max((place for place, one in enumerate(request.messages) if one.shared), default=None)
    if place is None or fewest_bytes is None:
        return
    message = request.messages[place]
    before = (*(one.content for one in request.messages[:place]), json.dumps(request.tools, default=dict))
    shared, own = message.content[: message.shared], message.content[message.shared :]
    if sum(len(text.encode(errors="replace")) for text in (*before, shared)) < fewest_bytes:
        return
    blocks: list[dict[str, Any]] = [{"type": "text", "text": shared, "cache_control": _MARK}]
    sent[place]["content"] = [*blocks, *([{"type": "text", "text": own}] if own.strip() else [])]
