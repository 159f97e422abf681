"""Texts that run in circles are told from verse, lists and plans."""

from random import Random

import pytest

from tests.core.quality.checks.looking import block, reason
from tests.core.quality.labelled_bad import LOOPS
from tests.core.quality.labelled_good import SENTENCES


@pytest.mark.parametrize("answer", LOOPS)
def test_loops_are_found_alone_and_at_the_end_of_a_text(answer: str) -> None:
    assert reason("loop", answer)
    assert reason("loop", " ".join(SENTENCES[:8]) + " " + answer)


def test_a_paragraph_that_is_written_twice_is_a_loop() -> None:
    paragraph = " ".join(SENTENCES[:6])
    assert reason("loop", f"{paragraph}\n\n{paragraph}")
    assert not reason("loop", f"{paragraph}\n\n{' '.join(SENTENCES[6:12])}")


@pytest.mark.parametrize(
    "answer",
    [
        "Row, row, row your boat, gently down the stream. " * 2,
        "\n".join(f"{number} times 7 is {number * 7}" for number in range(1, 30)),
        "0 1 0 1 " * 20,
        "\n".join(f"| {number} | yes | no | yes |" for number in range(20)),
        block("python", "x = [0, 0, 0, 0]\n" * 30),
        "Ha ha ha!",
        "",
    ],
)
def test_verse_tables_numbers_and_code_are_no_loops(answer: str) -> None:
    assert not reason("loop", answer)


def test_a_loop_at_the_end_of_a_very_long_text_is_found() -> None:
    random, words = Random(5), " ".join(SENTENCES).split()
    long = " ".join(random.choices(words, k=9000))
    assert not reason("loop", long)
    assert reason("loop", long + " Check the brakes before each ride." * 400)
