"""Blocks of code have an end."""

import pytest

from tests.core.quality.checks.looking import FENCE, block, reason


@pytest.mark.parametrize("end", ["", "\n", "\n\nMore text.", f"\n{FENCE}\n{FENCE}python\ny = 2"])
def test_a_block_without_an_end_is_found(end: str) -> None:
    assert reason("unclosed_code", f"So:\n\n{FENCE}python\nx = 1{end}")


@pytest.mark.parametrize(
    "answer",
    [
        block("python", "x = 1"),
        f"````markdown\n{FENCE}python\nx = 1\n{FENCE}\n````",
        f"{FENCE}markdown\n{FENCE}python\nx = 1\n{FENCE}\n{FENCE}",
        f"{FENCE}markdown\n{FENCE}python\nx = 1\n{FENCE}",
        f"Three backticks ({FENCE}) begin it.",
        f"1. So:\n   {FENCE}\n   x\n   {FENCE}",
        "Heading\n~~~~~~~\n\nText.",
        "~~~python\nx = 1\n~~~",
        "",
    ],
)
def test_blocks_within_blocks_and_mere_mentions_are_complete(answer: str) -> None:
    assert not reason("unclosed_code", answer)
