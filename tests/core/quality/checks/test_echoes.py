"""An answer says more than its question."""

import pytest

from tests.core.quality.checks.looking import reason
from tests.core.quality.labelled_bad import ECHOES


@pytest.mark.parametrize(("question", "answer"), ECHOES)
def test_an_answer_that_only_says_the_question_again_is_found(question: str, answer: str) -> None:
    assert reason("echo", answer, question)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Is the sky blue because of scattering or of reflection?", "Because of scattering."),
        ("Repeat: the early bird catches the worm in the morning", "The early bird catches the worm in the morning."),
        ("Correct this: he go to school every day and don't like it there",
         "He goes to school every day and doesn't like it there."),
        ("Why do the rear brakes of my bicycle squeal in the rain?",
         "The rear brakes of your bicycle squeal in the rain because water makes the pads grab and let go in turn."),
        ("What?", "What?"),
        ("", ""),
    ],
)  # fmt: skip
def test_options_texts_to_work_on_and_full_sentences_pass(question: str, answer: str) -> None:
    assert not reason("echo", answer, question)
