"""What a provider or a model sends is read in a time that grows as its length does, whatever it holds."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from deepfabric_core.chat.json_replies import parser_of, parser_of_schema
from deepfabric_core.chat.strict_json import parsed
from deepfabric_core.errors import ReplyError
from deepfabric_core.llm.chat_completions import error_in, reply_in
from deepfabric_core.llm.clients.request_body import RequestShape
from deepfabric_core.llm.error_mapping import complaint_in, model_error
from deepfabric_core.llm.limits.quota_headers import quotas_in
from deepfabric_core.printable import printable
from deepfabric_core.redaction import redact
from deepfabric_core.samples.recipes.basic import Exchange
from deepfabric_core.topics.prompts import parse_subtopics

SHORT, LONG = 25_000, 1_000_000
ATTEMPTS = 3
"""A growth that is there is there each time; a pause of the process isn't."""

PIECES = {
    "opening brackets": "<",
    "tags never closed": "<a",
    "scripts": "<script>",
    "scripts never closed": "<script",
    "closing tags": "</",
    "declarations": "<!doctype html",
    "a word": "a",
    "spaces": " ",
    "lines": "\n",
    "models": "model ",
    "errors": "Error",
    "errors in a row": "aError: - ",
    "litellm's errors": "litellm.",
    "bearers": "bearer ",
    "tokens": "token = ",
    "keys": "sk-",
    "a key in parts": "api_key",
    "addresses": "https://",
    "thoughts": "<think>",
    "ends of thoughts": "</think>",
    "lists": "[",
    "objects": '{"a":',
    "braces": "{}",
    "quotes": '"',
    "backslashes": "\\",
    "digits": "9",
    "spans": "9m",
    "halves of characters": "\ud800",
    "escapes": "\x1b[",
}
PREFIXES = ("", "<html>", "<think>", '{"question": "', "token ")


def told(text: str) -> None:
    """As the body of an error, and inside one."""
    inside = {"message": text, "type": text, "code": text, "param": text}
    for body in (text, inside, json.dumps({"error": inside}), {"detail": [{"loc": [text], "msg": text}] * 3}):
        said = complaint_in(body)
        RequestShape().after(said)
        assert len(str(model_error("openai/gpt-4o", said, status=400))) < 1500


def completed(text: str) -> None:
    body = {"choices": [{"message": {"content": text}, "finish_reason": text}], "usage": text, "model": text}
    assert error_in(body) is None
    reply_in(body, "gpt-4o", None, {})


def understood(text: str) -> None:
    for parse in (parser_of(Exchange), parse_subtopics, parser_of_schema({"type": "object", "maxProperties": 1})):
        with suppress(ReplyError):
            parse(text)
    with suppress(ValueError):
        parsed(text)


def shown(text: str) -> None:
    printable(text)
    redact(text, {"OPENAI_API_KEY": "not-in-there"})


def heard(text: str) -> None:
    quotas_in({"x-ratelimit-remaining": "1", "x-ratelimit-reset": text}, 0.0)
    quotas_in({"ratelimit": text, f"x-ratelimit-remaining-{text}": "1"}, 0.0)


def times(work: Callable[[str], None], *texts: str) -> list[float]:
    """The seconds each text takes this process alone, so that a busy machine changes little."""

    def seconds(text: str) -> float:
        began = time.process_time()
        work(text)
        return time.process_time() - began

    gc.collect()  # what other tests left is not to be counted
    return [seconds(text) for text in texts]


@pytest.mark.slow
@pytest.mark.parametrize("work", [told, completed, understood, shown, heard])
@pytest.mark.parametrize("piece", PIECES)
def test_four_times_the_text_takes_about_four_times_as_long(work: Callable[[str], None], piece: str) -> None:
    for prefix in PREFIXES:

        def text(length: int, prefix: str = prefix) -> str:
            return prefix + PIECES[piece] * (length // len(PIECES[piece]))

        attempts: list[str] = []
        while len(attempts) < ATTEMPTS:
            short, long = times(work, text(SHORT), text(4 * SHORT))
            if long < 8 * short + 0.2:
                break
            attempts.append(f"{short:.3f} s, then {long:.3f} s")
        assert len(attempts) < ATTEMPTS, f"{prefix!r}: {attempts}"
    work(PREFIXES[1] + PIECES[piece] * (LONG // len(PIECES[piece])))
