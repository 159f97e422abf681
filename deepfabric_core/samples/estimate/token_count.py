"""Count the tokens of a prompt by its characters: no vocabulary is loaded, and none is known of every model."""

from __future__ import annotations

import json
import re

from deepfabric_core.chat.messages import Request

_CHARACTERS_A_TOKEN = 4
# Scripts that models spell in shorter pieces than English: from Hebrew to Georgian a token is about two characters,
# of Chinese, Japanese and Korean about one.
_SHORTER = re.compile(r"[\u0370-\u2bff]")
_IDEOGRAPHS = re.compile(r"[\u2e80-\uffff\U00020000-\U0003ffff]")
# What a message takes beside its text.
_OF_A_MESSAGE = 4


def tokens_in(text: str) -> float:
    """Return about how many tokens a text takes.

    >>> tokens_in("Name the parts."), tokens_in("零件")
    (3.75, 2.0)
    """
    if text.isascii():
        return len(text) / _CHARACTERS_A_TOKEN
    shorter, whole = len(_SHORTER.findall(text)), len(_IDEOGRAPHS.findall(text))
    return (len(text) - shorter - whole) / _CHARACTERS_A_TOKEN + shorter / 2 + whole


def prompt_tokens(request: Request) -> float:
    """Return about how many tokens the messages of a request and its tools take."""
    messages = sum(_OF_A_MESSAGE + tokens_in(message.content) for message in request.messages)
    calls = sum(tokens_in(call.arguments) for message in request.messages for call in message.tool_calls)
    return messages + calls + sum(tokens_in(json.dumps(tool)) for tool in request.tools)


def schema_tokens(request: Request) -> float:
    """Return about how many tokens the schema takes that a reply is to satisfy; 0 without one."""
    return tokens_in(json.dumps(request.schema.schema)) if request.schema else 0.0


def shared_tokens(one: Request, other: Request) -> float:
    """Return how many tokens two requests have in common before they differ, which a provider may keep in its cache."""
    shared = 0.0
    for mine, theirs in zip(one.messages, other.messages, strict=False):
        if mine != theirs:
            return shared + tokens_in(_prefix(mine.content, theirs.content))
        shared += _OF_A_MESSAGE + tokens_in(mine.content)
    return shared


def _prefix(one: str, other: str) -> str:
    length = next((place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
    return one[: min(len(one), len(other)) if length is None else length]
