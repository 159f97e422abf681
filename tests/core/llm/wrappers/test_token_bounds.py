"""Bounds on tokens that hold for any tokenizer."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.chat.messages import Message, Request
from deepfabric_core.llm.wrappers.token_bounds import PromptBounds, ReplyLengths


def request(*texts: str) -> Request:
    return Request(tuple(Message("user", text) for text in texts), max_tokens=2000)


def tokens(asked: Request, vocabulary: frozenset[bytes], template: int) -> int:
    """Count tokens as a tokenizer does that takes the longest known piece, or else a byte."""
    longest = max(map(len, vocabulary), default=1)
    total = template * (1 + len(asked.messages))
    for message in asked.messages:
        text = message.content.encode("utf-8", "replace")
        at = 0
        while at < len(text):
            sizes = range(min(longest, len(text) - at), 1, -1)
            at += next((size for size in sizes if text[at : at + size] in vocabulary), 1)
            total += 1
    return total


TEXTS = st.lists(st.text(max_size=60), min_size=1, max_size=3)


@given(TEXTS, st.lists(TEXTS, min_size=1, max_size=4), st.integers(0, 12), st.randoms(use_true_random=False))
def test_no_prompt_has_more_tokens_than_its_bound(
    shared: list[str], own: list[list[str]], template: int, dice: random.Random
) -> None:
    whole = "".join(shared).encode("utf-8", "replace")
    vocabulary = frozenset(whole[at : at + dice.randint(2, 8)] for at in range(0, len(whole), 3))
    bounds = PromptBounds()
    for texts in own:
        asked = request(*shared, *texts)
        bound, real = bounds.most(asked), tokens(asked, vocabulary, template)
        assert real <= bound
        bounds.learn(asked, real)


def test_a_request_like_an_earlier_one_has_a_close_bound() -> None:
    bounds, shared = PromptBounds(), "Write one conversation for people who learn how to make tea. " * 40
    first = request(f"{shared}Topic: green tea")
    bounds.learn(first, 500)
    bound = bounds.most(request(f"{shared}Topic: black tea"))
    assert 500 < bound < 550, "only what differs can have more tokens"
    assert bounds.most(request("Another prompt altogether, of which nothing is known")) < 550


def test_a_server_that_counts_more_tokens_than_bytes_raises_the_bounds() -> None:
    bounds, asked = PromptBounds(), request("Tea?")
    bound = bounds.most(asked)
    for _ in range(3):
        bounds.learn(asked, bound * 3)
        assert bounds.most(asked) == bound * 3
    assert bounds.most(request("Tea at five?")) > bound * 3


def test_a_server_that_counts_at_random_is_not_believed_about_what_is_alike() -> None:
    bounds, asked = PromptBounds(), request("Write about tea. " * 100)
    for tokens in (100, 900, 100):
        bounds.learn(asked, tokens)
    assert bounds.most(asked) >= 1700


def test_lower_limits_are_above_the_longest_reply_so_far() -> None:
    lengths, asked = ReplyLengths(), request("Tea?")
    assert lengths.limits(asked, 2000) == (2000, 1000, 500), "nothing is known"
    assert lengths.limits(asked, 300) == (300,), "a short answer wouldn't fit in less"
    for length in (100, 150, 120, 90, 200, 110, 130, 140):
        lengths.learn(asked, 2000, length)
    assert lengths.limits(asked, 2000) == (2000, 401, 261, 221)
    assert lengths.limits(asked, 250) == (250, 221)
    lengths.learn(asked, 401, 401)
    assert lengths.limits(asked, 2000)[1] == 803, "one that was cut off would have been longer"


def test_a_server_that_exceeds_limits_is_expected_to() -> None:
    lengths = ReplyLengths()
    lengths.learn(request("Tea?"), 100, 250)
    assert lengths.most(100) == 250
