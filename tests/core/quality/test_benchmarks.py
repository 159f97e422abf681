"""Items of evaluation sets give the texts that must stay unseen, in whichever shape they come."""

from __future__ import annotations

from typing import Any

import pytest

from deepfabric_core.quality.benchmarks import BENCHMARKS, benchmark_named, item_texts, nearest_benchmark

ARC = {
    "id": "Mercury_1",
    "question": "Which gas?",
    "choices": {"text": ["Oxygen", "Neon"], "label": ["A", "B"]},
    "answerKey": "A",
}
ARC_OF_OLD = {"id": "1", "question": {"stem": "Which gas?", "choices": [{"text": "Oxygen", "label": "A"}]}}


@pytest.mark.parametrize(
    ("name", "record", "texts"),
    [
        ("gsm8k", {"question": "How many?", "answer": "It is 3.\n#### 3"}, ("How many?", "It is 3.\n#### 3")),
        ("mmlu", {"question": "Which?", "subject": "a", "choices": ["One", "Two"]}, ("Which?", "One", "Two")),
        ("humaneval", {"task_id": "0", "prompt": "def f():", "canonical_solution": " 1"}, ("def f():", " 1")),
        ("mbpp", {"task_id": 1, "text": "Write f.", "code": "f = 1", "test_list": ["f()"]}, ("Write f.", "f = 1")),
        ("arc", ARC, ("Which gas?", "Oxygen", "Neon", "A", "B")),
        ("arc", ARC_OF_OLD, ("Which gas?", "Oxygen", "A")),
        ("hellaswag", {"ind": 1, "ctx": "A man", "endings": ["runs", "sits"]}, ("A man", "runs", "sits")),
        ("truthfulqa", {"Question": "Is it?", "Best Answer": "No.", "Source": "http://x"}, ("Is it?", "No.")),
        ("ifeval", {"key": 1, "prompt": "Write two lines.", "instruction_id_list": ["a:b"]}, ("Write two lines.",)),
        ("math", {"problem": "Find $x$.", "solution": "$x=1$", "level": "Level 1"}, ("Find $x$.", "$x=1$")),
        ("mtbench", {"prompt_id": 1, "prompt": ["First.", "Then."], "category": "x"}, ("First.", "Then.")),
    ],
)  # fmt: skip
def test_a_benchmark_has_its_texts_under_its_keys(name: str, record: dict[str, Any], texts: tuple[str, ...]) -> None:
    assert item_texts(record, BENCHMARKS[name]) == texts


@pytest.mark.parametrize(
    ("record", "texts"),
    [
        ({"id": "7", "question": "Q?", "answer": "A.", "difficulty": "hard"}, {"Q?", "A."}),
        ({"messages": [{"role": "user", "content": "Q?"}, {"role": "assistant", "content": "A."}]}, {"Q?", "A."}),
        ({"conversations": [{"from": "human", "value": "Q?"}, {"from": "gpt", "value": "A."}]}, {"Q?", "A."}),
        ({"instruction": "Do it.", "input": "This.", "output": "Done."}, {"Do it.", "This.", "Done."}),
        ({"frage": "Wie?", "antwort": {"text": "So."}}, {"Wie?", "So."}),
        ({"text": "A line."}, {"A line."}),
        ({}, set()),
        ({"question": None, "answer": 5}, set()),
        ({"question": ["", "  "]}, set()),
    ],
)
def test_any_other_item_has_those_of_its_question_and_answer_or_all(record: dict[str, Any], texts: set[str]) -> None:
    assert set(item_texts(record, None)) == texts


def test_a_benchmark_whose_keys_are_others_is_read_as_any_other_set() -> None:
    assert item_texts({"query": "How many?"}, BENCHMARKS["gsm8k"]) == ("How many?",)


def test_nesting_has_an_end() -> None:
    deep: Any = "text"
    for _ in range(500):
        deep = [deep]
    assert item_texts({"question": deep, "x": "y"}, None) == ("y",)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("mmlu", "mmlu"), ("MMLU", "mmlu"), ("GSM-8K", "gsm8k"), ("openai/gsm8k", "gsm8k"), ("human_eval", "humaneval"),
        ("MMLU-Pro", "mmlupro"), ("TIGER-Lab/MMLU-Pro", "mmlupro"), ("mine", None), ("", None),
    ],
)  # fmt: skip
def test_a_name_may_be_spelt_in_several_ways(name: str, known: str | None) -> None:
    found = benchmark_named(name)
    assert (found.name if found else None) == known


def test_the_nearest_name_is_known() -> None:
    assert nearest_benchmark("gsm8") == "gsm8k" and nearest_benchmark("hellaswg") == "hellaswag"
    assert nearest_benchmark("bicycle repair") is None
