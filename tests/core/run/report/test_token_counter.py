"""Tokens are counted by the vocabulary that litellm brings, or estimated; nothing is downloaded."""

from __future__ import annotations

import os
import time

from deepfabric_core.run.report.token_counter import estimated, token_counter


def test_tokens_are_counted_by_a_vocabulary_on_this_machine() -> None:
    before = os.environ.get("TIKTOKEN_CACHE_DIR")
    counter = token_counter()
    assert counter.is_exact
    assert [counter.count(text) for text in ("", "Hello, world!", "tokenization")] == [0, 4, 2]
    assert os.environ.get("TIKTOKEN_CACHE_DIR") == before


def test_long_and_odd_texts_are_counted_in_no_time() -> None:
    count = token_counter().count
    began = time.process_time()
    for text in ("a" * 10**6, " " * 10**6, "\n" * 10**6, "猫" * 10**5, "👩‍🚀" * 10**4, "\x00\x1b", "<|endoftext|>"):
        assert count(text) > 0
    assert time.process_time() - began < 3


def test_an_estimate_goes_by_the_size_of_a_text() -> None:
    assert [estimated(text) for text in ("", "a", "abcd", "abcde", "\ud800")] == [0, 1, 1, 2, 1]
