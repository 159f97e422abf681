"""What is refused as a question or an answer whatever the subject, and what isn't."""

from functools import partial

import pytest

from deepfabric_core.errors import ReplyError
from deepfabric_core.samples.asked_questions import AskedQuestions
from deepfabric_core.samples.recipes.recipe import Brief
from deepfabric_core.samples.recipes.reply_checks import ReplyChecks

PATH = ("Repairing bicycles", "Wheels", "How to true a wheel")
TASK = "Write one conversation about the wheels that you see below, and mind what was said."
CHECKS = ReplyChecks(TASK)
QUESTION, ANSWER = "Why does my rim rub?", "The wheel is out of true."


def refusal(question: str = QUESTION, answer: str = ANSWER, brief: Brief | None = None) -> str:
    with pytest.raises(ReplyError) as refused:
        CHECKS.check(question, answer, brief or Brief(PATH))
    assert refused.value.remedy in ("redraw", "omit_examples")
    assert str(refused.value) in refused.value.for_model
    return str(refused.value)


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("...", "the question has no words"),
        ("10", "the question has no words"),
        ("{", "the question has no words"),
        ("Question", "the question is a placeholder"),
        ("<b></b>", "the question is markup without words"),
        ("Your question here", "the question is a placeholder"),
        ("Wheels", "the question only names the topic"),
        ("how to true a wheel", "the question only names the topic"),
        ("Repairing bicycles > Wheels > How to true a wheel", "the question only names the topic"),
        ("Wheels: How to true a wheel", "the question only names the topic"),
        ("What is the last topic of the path?", "the question is about nothing"),
        ("What is the purpose of [topic] in wheels?", "the question has a gap to fill in"),
        ("How does {the user's question} apply to a rim?", "the question has a gap to fill in"),
        ("Please write one conversation about the wheels, will you?", "the question repeats the instructions"),
    ],
)
def test_a_question_that_nobody_wants_is_refused_with_the_reason(question: str, reason: str) -> None:
    assert refusal(question) == reason


@pytest.mark.parametrize(
    "question",
    [
        QUESTION,
        "How to true a wheel?",
        "What does wheels[0] hold in my list of {spokes}?",
        "Which of [rim, spoke, hub] wears first?",
        "What does the <path> element draw?",
        "Что делать, если колесо бьёт?",
        "車輪の振れはどう直しますか",
        "كيف أصلح العجلة؟",
        "My question about rims: why do they rub?",
    ],
)
def test_a_question_that_somebody_could_ask_is_accepted(question: str) -> None:
    CHECKS.check(question, ANSWER, Brief(PATH))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("...", "the answer has no words"),
        ("The full answer", "the answer is a placeholder"),
        ("why does my rim rub", "the answer only repeats the question"),
        ("How to true a wheel.", "the answer only names the topic"),
    ],
)
def test_an_answer_that_nobody_wants_is_refused_with_the_reason(answer: str, reason: str) -> None:
    assert refusal(answer=answer) == reason


def test_a_number_is_an_answer_to_a_question_with_one_in_it() -> None:
    CHECKS.check("What are 2 and 2?", "4", Brief(PATH))
    assert refusal(answer="4") == "the answer has no words"


@pytest.mark.parametrize("again", [QUESTION, "why does my RIM rub", "  Why does -- my rim rub?!"])
def test_a_question_that_the_topic_has_is_refused(again: str) -> None:
    assert refusal(again, brief=Brief(PATH, 1, (QUESTION,))) == "the question was asked before"


def test_a_question_is_asked_once_in_a_dataset_whatever_its_topics() -> None:
    asked = AskedQuestions(2)
    for owner, question in enumerate([QUESTION, "Why do spokes break?"]):
        CHECKS.check(question, ANSWER, Brief(PATH, claim=partial(asked.claim, owner=owner)))
    other = Brief(("Repairing bicycles", "Brakes"), claim=lambda text: asked.claim(text, 2))
    assert refusal("WHY does my rim rub", brief=other) == "the question was asked before"


def test_a_sample_may_come_back_to_its_own_question() -> None:
    asked = AskedQuestions(2)
    assert asked.claim(QUESTION, 1) and asked.claim(QUESTION, 1)
    assert not asked.claim(QUESTION, 2)


def test_questions_of_finished_samples_are_nobody_elses() -> None:
    asked = AskedQuestions(2)
    assert asked.claim(QUESTION) and asked.claim(QUESTION)
    assert not asked.claim(QUESTION, 0)


def test_no_sample_is_lost_to_a_repetition() -> None:
    asked = AskedQuestions(2)
    asked.claim(QUESTION)
    assert [asked.claim(QUESTION, 1) for _ in range(3)] == [False, False, True]


def test_repetitions_are_kept_once_asking_again_was_found_to_be_in_vain() -> None:
    asked = AskedQuestions(2)
    asked.claim(QUESTION)
    tries = [[asked.claim(QUESTION, owner) for _ in range(3)].index(True) for owner in range(6)]
    assert tries == [2, 1, 0, 0, 0, 0] and asked.kept_all


def test_repetitions_are_refused_as_long_as_asking_again_helps() -> None:
    asked = AskedQuestions(2)
    asked.claim(QUESTION)
    for owner in range(20):
        assert not asked.claim(QUESTION, owner)
        assert asked.claim(f"Question {owner}", owner)
    assert not asked.kept_all


def test_only_the_last_questions_are_remembered() -> None:
    asked = AskedQuestions(2, remembered=3)
    assert all(asked.claim(f"Question number {number}", number) for number in range(5))
    assert asked.claim("Question number 1", 9) and not asked.claim("Question number 4", 9)
