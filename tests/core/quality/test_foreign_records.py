"""Records of other tools' datasets have their question and their answer, whatever the keys are called."""

from collections.abc import Mapping
from typing import Any

import pytest

from deepfabric_core.quality.foreign_records import foreign_candidate
from deepfabric_core.samples.foreign.places import foreign_conversation

USER, REPLY = {"role": "user", "content": "Q?"}, {"role": "assistant", "content": "A."}
PARTS = {"role": "user", "content": [{"type": "text", "text": "Q?"}, {"type": "image_url", "image_url": {"url": "x"}}]}
HUMAN, GPT = {"from": "human", "value": "Q?"}, {"from": "gpt", "value": "A."}

CALL = '{"name": "look", "arguments": {}}'

SHAPES: dict[str, dict[str, Any]] = {
    "ours": {"messages": [USER, REPLY], "metadata": {"topic_path": ["R"]}, "question": "Q?"},
    "our journal": {"topic_id": "t", "cycle": 0, "sample": {"messages": [USER, REPLY]}},
    "OpenAI": {"messages": [{"role": "developer", "content": "Be kind."}, USER, REPLY]},
    "OpenAI, content in parts": {"messages": [PARTS, REPLY]},
    "OpenAI, preferences": {
        "input": {"messages": [USER]},
        "preferred_output": [REPLY],
        "non_preferred_output": [{"role": "assistant", "content": "B."}],
    },
    "ShareGPT": {"conversations": [HUMAN, GPT], "system": "Be kind."},
    "ShareGPT with tools": {"conversations": [HUMAN, {"from": "function_call", "value": CALL}, GPT], "tools": "[]"},
    "ShareGPT with roles": {"conversation": [USER, REPLY]},
    "Alpaca": {"instruction": "Q?", "input": "", "output": "A."},
    "TRL, texts": {"prompt": "Q?", "completion": "A."},
    "TRL, messages": {"prompt": [USER], "completion": [REPLY]},
    "TRL, preferences": {"prompt": "Q?", "chosen": "A.", "rejected": "B."},
    "questions and answers": {"id": "17", "question": "Q?", "answer": "A."},
    "problems": {"problem": "Q?", "solution": "A.", "level": 3},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_known_shape_has_a_question_and_an_answer(shape: str) -> None:
    candidate = foreign_candidate(SHAPES[shape])
    assert (candidate.question, candidate.answer) == ("Q?", "A.")
    assert candidate.is_conversation


def test_an_instruction_is_followed_by_its_input() -> None:
    assert foreign_candidate({"instruction": "Sum up.", "input": "Long.", "output": "A."}).question == "Sum up.\nLong."


@pytest.mark.parametrize("shape", [name for name in SHAPES if not name.startswith(("our", "OpenAI, c"))])
def test_the_turns_of_a_known_shape_are_found_at_their_places(shape: str) -> None:
    record = SHAPES[shape]
    found = foreign_conversation(record)
    if shape == "OpenAI":
        assert found is None  # it has messages with roles, as ours
        return
    assert found is not None and found.keys <= set(record)
    said = [(turn.role, turn.text) for turn in found.turns]
    assert said[-1] == ("assistant", "A.") and ("user", "Q?") in said
    for turn in found.turns:
        value: Any = record
        for step in turn.place:
            value = value[step]
        assert value == turn.text


def test_a_conversation_of_which_a_turn_cant_be_read_is_none() -> None:
    for turn in ({"from": "nobody", "value": "B."}, "B.", {"role": "assistant", "tool_calls": [{}]}):
        assert foreign_conversation({"conversations": [HUMAN, turn]}) is None


def test_a_record_with_other_texts_keeps_them_all() -> None:
    benchmark = {"question": "Q?", "choices": ["one", "two"], "answer": "two"}
    assert foreign_candidate(benchmark).whole == "Q?\none\ntwo\ntwo"
    assert foreign_candidate({"text": "Plain."}).whole == "Plain."
    assert foreign_candidate({"prompt": "def f():", "canonical_solution": "pass"}).whole == "def f():\npass"


def _nested(levels: int) -> Mapping[str, Any]:
    record: Any = "deep"
    for _ in range(levels):
        record = [{"content": record}]
    return {"prompt": record, "completion": record, "messages": record, "other": record}


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"messages": None},
        {"messages": [1, None, {"role": 5, "content": {}}]},
        {"messages": [{"role": [], "content": "Q?"}, {"role": {}, "content": None}]},
        {"conversations": [{"from": None, "value": 3}]},
        {"instruction": 3, "output": ["A."]},
        {"prompt": {"messages": "Q?"}},
        {"sample": 3, "topic_id": "t", "cycle": 0},
        {"question": "\ud800", "answer": "\udfff"},
        _nested(400),
    ],
)
def test_any_record_at_all_makes_a_candidate(record: Mapping[str, Any]) -> None:
    foreign_conversation(record)
    assert isinstance(foreign_candidate(record).whole, str)
