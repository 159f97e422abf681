"""Tests of reading plain text: what a model puts around its words is taken off, the words stay."""

import pytest

from deepfabric_core.chat.plain_text import listed, question_in, reasoning_and_answer, said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Why?", "Why?"),
        ("Question: Why?", "Why?"),
        ("**Question:** Why?", "Why?"),
        ("User's question: Why?", "Why?"),
        ('"Why?"', "Why?"),
        ("“Why?”", "Why?"),
        ("Here's a question about it:\nWhy?", "Why?"),
        ('Say "why" and "how".', 'Say "why" and "how".'),
        ("Answering machines: what are they?", "Answering machines: what are they?"),
    ],
)
def test_a_label_and_quotes_are_taken_off(text: str, words: str) -> None:
    assert said(text) == words


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("Why?\n\nAnswer: Because.", "Why?"),
        ("Q: I have a bike.\nWhy does it creak?\n\nIt creaks because it is dry.", "I have a bike.\nWhy does it creak?"),
        ("Tell me about chains.", "Tell me about chains."),
    ],
)
def test_a_question_ends_before_its_answer(text: str, question: str) -> None:
    assert question_in(text) == question


@pytest.mark.parametrize(
    "text",
    [
        "Brakes\nWheels\nChains",
        "1. Brakes\n2. Wheels\n3. Chains",
        "Here are three subtopics:\n\n- Brakes: how they stop\n- Wheels - round things\n- **Chains**",
        "1) Brakes\n\n2) Wheels\n\n3) Chains.",
        "* `Brakes`\n* Wheels\n* Chains\n\nI hope this helps!",
    ],
)
def test_the_entries_of_a_list_are_its_names(text: str) -> None:
    assert listed(text) == ["Brakes", "Wheels", "Chains"]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("First this, then that.\nAnswer: 42 turns.", ("First this, then that.", "42 turns.")),
        ("Reasoning: a.\n\n**Final answer:** b", ("a.", "b")),
        ("Answer: a\nno, wait\nAnswer: b", ("a\nno, wait", "b")),
        ("There is no such line.", ("There is no such line.", "")),
    ],
)
def test_reasoning_ends_where_the_answer_is_marked(text: str, parts: tuple[str, str]) -> None:
    assert reasoning_and_answer(text) == parts
