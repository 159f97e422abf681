"""What other tools write is read as ours: calls with ids, reasoning in its place, and nothing dropped in silence."""

from __future__ import annotations

import json
from typing import Any

import pytest

from deepfabric_core.samples.foreign.our_record import as_ours, read_as_ours, worse_record
from deepfabric_core.samples.foreign.reader import UnreadableRecordError
from deepfabric_core.samples.foreign.readers import reader_named
from deepfabric_core.samples.foreign.reasoning import apart

Record = dict[str, Any]

LOOK = {"name": "look", "description": "Look.", "parameters": {"type": "object", "properties": {}}}
CALL = {"name": "look", "arguments": {"at": "Zürich"}}
Q, A = {"role": "user", "content": "Q?"}, {"role": "assistant", "content": "A."}
HUMAN, GPT = {"from": "human", "value": "Q?"}, {"from": "gpt", "value": "A."}
CALLED = {"role": "assistant", "content": None, "tool_calls": [{"id": "x1", "type": "function", "function": CALL}]}
ANSWERED = {"role": "tool", "content": "far", "tool_call_id": "x1"}
HARMONY = (
    "<|start|>developer<|message|># Instructions\n\nBe kind.<|end|><|start|>user<|message|>Q?<|end|>"
    "<|start|>assistant<|channel|>analysis<|message|>Hm.<|end|>"
    "<|start|>assistant<|channel|>final<|message|>A.<|return|>"
)
CHATML = "<|im_start|>user\nQ?<|im_end|>\n<|im_start|>assistant\n<think>\nHm.\n</think>\n\nA.<|im_end|>\n"
STEP = {"step_number": 1, "thought": "Hm.", "action": "look"}
RUN = {"function_name": "look", "arguments": '{"at": "Zürich"}', "reasoning": "Hm.", "result": "far"}
OLD_TOOL = {"name": "look", "description": "Look.", "returns": "x", "category": "general"}
PLACE = [{"name": "at", "type": "str", "description": "Where.", "required": True}]

SHAPES: dict[str, tuple[str, Record]] = {
    "messages": ("openai", {"messages": [Q, A]}),
    "parts": ("openai", {"messages": [{"role": "user", "content": [{"type": "text", "text": "Q?"}]}, A]}),
    "function_call": (
        "openai",
        {"messages": [Q, {"role": "assistant", "function_call": CALL}, A], "functions": [LOOK]},
    ),
    "Anthropic": (
        "openai",
        {
            "system": "Be kind.",
            "messages": [
                Q,
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "Hm."},
                        {"type": "tool_use", "id": "t1", "name": "look", "input": {"at": "Zürich"}},
                    ],
                },
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "far"}]},
                A,
            ],
        },
    ),
    "preference": (
        "openai-preference",
        {"input": {"messages": [Q]}, "preferred_output": [A], "non_preferred_output": [A]},
    ),
    "ShareGPT": ("sharegpt", {"conversations": [HUMAN, GPT], "system": ""}),
    "ShareGPT with roles": ("sharegpt", {"conversation": [Q, A]}),
    "ShareGPT, chosen": ("sharegpt", {"conversations": [HUMAN], "chosen": GPT, "rejected": GPT}),
    "Alpaca": ("alpaca", {"instruction": "Q?", "input": "", "output": "A.", "history": []}),
    "Alpaca, chosen": ("alpaca", {"instruction": "Q?", "chosen": "A.", "rejected": "B."}),
    "prompt, texts": ("trl", {"prompt": "Q?", "completion": "A."}),
    "prompt, messages": ("trl", {"prompt": [Q], "completion": [A]}),
    "GRPO": ("trl", {"prompt": [Q], "answer": "A."}),
    "KTO": ("trl", {"prompt": [Q], "completion": [A], "label": True}),
    "DPO": ("trl-preference", {"prompt": "Q?", "chosen": "A.", "rejected": "B."}),
    "DPO, the prompt in both": ("trl-preference", {"chosen": [Q, A], "rejected": [Q, {**A, "content": "B."}]}),
    "columns": ("columns", {"Question": "Q?", "Answer": "A."}),
    "SQuAD": ("columns", {"question": "Q?", "answers": {"text": ["A."], "answer_start": [3]}, "context": "C"}),
    "ChatML": ("chatml", {"text": CHATML}),
    "Harmony": ("harmony", {"text": HARMONY}),
    "DeepFabric 2, free text": ("deepfabric", {"question": "Q?", "chain_of_thought": "Hm.", "final_answer": "A."}),
    "DeepFabric 2, steps": ("deepfabric", {"messages": [Q, A], "reasoning_trace": [STEP], "final_answer": "A."}),
    "DeepFabric 2, tools": (
        "deepfabric",
        {
            "question": "Q?",
            "available_tools": [{**OLD_TOOL, "parameters": PLACE}],
            "tool_executions": [RUN],
            "final_answer": "A.",
        },
    ),
    "DeepFabric 3": (
        "deepfabric",
        {
            "messages": [Q, A],
            "reasoning": {"style": "structured", "content": [STEP]},
            "tool_context": {"available_tools": [{**OLD_TOOL, "parameters": PLACE}], "executions": [RUN]},
            "question": "Q?",
            "final_answer": "A.",
        },
    ),
}


def read(record: Record, name: str | None = None) -> Record:
    return read_as_ours(record, reader_named(name) if name else None, None)[0]


@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_is_told_by_itself_and_has_its_question_and_answer(shape: str) -> None:
    wanted, record = SHAPES[shape]
    own, _, name = read_as_ours(json.loads(json.dumps(record)), None, None)
    assert name == wanted
    assert (own["question"], own["final_answer"]) == ("Q?", "A.")
    assert own["messages"][-1] == A and [m for m in own["messages"] if m["role"] == "user"] == [Q]
    assert as_ours(own) is own


@pytest.mark.parametrize("shape", ["ChatML", "Harmony", "DeepFabric 2, free text"])
def test_reasoning_is_in_its_own_place(shape: str) -> None:
    own = read(SHAPES[shape][1])
    assert own["reasoning"] == {"style": "freetext", "content": "Hm."} and own["metadata"]["conversation_type"] == "cot"


@pytest.mark.parametrize("shape", ["Anthropic", "DeepFabric 2, tools"])
def test_calls_have_ids_and_their_results_and_what_was_thought_before(shape: str) -> None:
    called, answered = [
        one for one in read(SHAPES[shape][1])["messages"] if "tool_call_id" in one or "tool_calls" in one
    ]
    assert called["reasoning_content"] == "Hm." and called["content"] == ""
    assert called["tool_calls"][0]["function"] == {"name": "look", "arguments": '{"at": "Zürich"}'}
    assert answered["tool_call_id"] == called["tool_calls"][0]["id"] and answered["content"] == "far"


def test_the_tools_of_an_older_deepfabric_are_in_openais_format() -> None:
    own = read(SHAPES["DeepFabric 3"][1])
    schema = own["tools"][0]["function"]["parameters"]
    assert schema == {
        "type": "object",
        "properties": {"at": {"type": "string", "description": "Where."}},
        "required": ["at"],
    }
    assert own["reasoning"] == {"style": "agent", "content": [STEP]}
    assert [message["role"] for message in own["messages"]] == ["user", "assistant", "tool", "assistant"]


def test_calls_of_sharegpt_are_in_turns_of_their_own_with_the_tools_as_a_text() -> None:
    turns = [HUMAN, {"from": "function_call", "value": json.dumps(CALL)}, {"from": "observation", "value": "far"}, GPT]
    own = read({"conversations": turns, "tools": json.dumps([LOOK])})
    _, called, answered, _ = own["messages"]
    assert called["tool_calls"] == [
        {"id": "call00001", "type": "function", "function": {**CALL, "arguments": '{"at": "Zürich"}'}}
    ]
    assert answered == {"role": "tool", "content": "far", "tool_call_id": "call00001"}
    assert own["tools"] == [{"type": "function", "function": LOOK}]


def test_results_without_an_id_belong_to_the_calls_in_their_order_or_by_their_name() -> None:
    calls = [{"function": {**CALL, "name": name}} for name in ("look", "listen")]
    results = [{"role": "tool", "content": name, "name": name} for name in ("listen", "look")]
    own = read({"messages": [Q, {"role": "assistant", "tool_calls": calls}, *results, A]})
    _, called, *answered, _ = own["messages"]
    names = {call["id"]: call["function"]["name"] for call in called["tool_calls"]}
    assert [names[one["tool_call_id"]] for one in answered] == ["listen", "look"]


def test_a_worse_answer_and_a_label_are_kept_apart_from_the_record() -> None:
    _, sample, _ = read_as_ours(SHAPES["DPO, the prompt in both"][1], None, None)
    assert worse_record(sample)["messages"] == [Q, {**A, "content": "B."}]
    assert read_as_ours({**SHAPES["KTO"][1], "label": False}, None, None)[1].good is False


def test_chats_in_cells_of_a_table_are_read_as_json_or_as_python_prints_them() -> None:
    for cell in (json.dumps([Q, A]), str([Q, A])):
        assert read({"messages": cell, "id": ""})["messages"] == [Q, A]


def test_pairs_are_read_however_their_prompt_is_called_or_told() -> None:
    records = (
        {"question": "Q?", "chosen": "A.", "rejected": "B."},
        {"prompt": "Q?", "chosen": [Q, A], "rejected": [Q, {**A, "content": "B."}]},
        {"chosen": "\n\nHuman: Q?\n\nAssistant: A.", "rejected": "\n\nHuman: Q?\n\nAssistant: B."},
    )
    for record in records:
        own, sample, _ = read_as_ours(record, None, None)
        assert own["messages"] == [Q, A] and worse_record(sample)["messages"] == [Q, {**A, "content": "B."}]


def test_the_context_of_an_instruction_is_its_input() -> None:
    own = read({"instruction": "Sum up.", "context": "Long.", "response": "Short.", "category": "sums"})
    assert own["question"] == "Sum up.\nLong." and own["metadata"]["more"] == {"category": "sums"}


def test_a_label_of_another_kind_is_kept_and_rejects_nothing() -> None:
    own, sample, _ = read_as_ours({"question": "Q?", "answer": "A.", "label": 0}, None, None)
    assert sample.good is None and own["metadata"]["more"] == {"label": 0}


def test_what_is_not_understood_is_kept_in_the_metadata() -> None:
    own = read({"messages": [{**Q, "mood": "calm"}, A], "score": 3, "metadata": {"author": "me"}, "source": "web"})
    said = own["metadata"]
    assert said["author"] == "me" and said["source"] == "web"
    assert said["more"] == {"score": 3, "messages": {"1": {"mood": "calm"}}}


def test_a_topic_is_taken_where_it_is_told() -> None:
    named = read({"question": "Q?", "answer": "A.", "topic": ["Tea", "Green"]})["metadata"]
    assert (named["topic_path"], named["topic_id"]) == (["Tea", "Green"], "430c05a963f80cfd")
    own, _, _ = read_as_ours({"question": "Q?", "answer": "A.", "kind": "Tea"}, None, "kind")
    assert own["metadata"]["topic_path"] == ["Tea"] and "more" not in own["metadata"]


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ({}, "it is empty"),
        ({"text": "Plain."}, "it has text, which is no format that is known"),
        ({"conversations": [], "id": 0}, r"it has conversations \(empty\), id, which is no format that is known"),
        ({"conversations": [HUMAN, {"from": "nobody", "value": "B."}]}, "message 2 in it is by 'nobody'"),
        (
            {"conversations": [HUMAN, {"from": "function_call", "value": "look!"}]},
            "a tool call in it is no JSON object",
        ),
        ({"messages": [Q, {"role": "assistant", "tool_calls": [{"function": {"arguments": "{}"}}]}]}, "has no name"),
        ({"instruction": "", "output": "A."}, "its instruction is empty"),
        ({"prompt": 3, "completion": "A."}, "its prompt is neither a text nor messages"),
        ({"messages": [{"role": "system", "content": "Be kind."}]}, "nobody says anything"),
        ({"text": "<|im_start|>nobody\nHm.<|im_end|>"}, "nobody knows who 'nobody' is"),
    ],
)
def test_what_cannot_be_read_is_said_in_words(record: Record, why: str) -> None:
    with pytest.raises(UnreadableRecordError, match=why):
        read(record)


@pytest.mark.parametrize(
    ("text", "thought", "said"),
    [
        ("<think>\nHm.\n</think>\n\nA.", "Hm.", "A."),
        ("<think>\n\n</think>\n\nA.", "", "A."),
        ("Hm.\n</think>\n\nA.", "Hm.", "A."),
        ("[THINK]Hm.[/THINK]A.", "Hm.", "A."),
        ("<reasoning>Hm.</reasoning>\nA.", "Hm.", "A."),
        ("A <think> in the middle </think>", "", "A <think> in the middle </think>"),
        ("<think>never ends", "", "<think>never ends"),
    ],
)
def test_reasoning_is_told_by_its_tags(text: str, thought: str, said: str) -> None:
    assert apart(text) == (thought, said)


def test_a_format_can_be_asked_for_by_the_name_of_its_export() -> None:
    record = {"question": "Q?", "answer": "A.", "instruction": "I.", "output": "O."}
    assert read(record)["question"] == "I." and read(record, "columns")["question"] == "Q?"
    assert reader_named("trl-kto") is reader_named("trl") and reader_named("coffee") is None


@pytest.mark.parametrize("value", [None, 3, "x", [], {}, [[]], [None], {"a": [{"role": 3}]}, [{"role": "user"}]])
@pytest.mark.parametrize(
    "key", ["messages", "conversations", "instruction", "prompt", "chosen", "tools", "metadata", "question", "text"]
)
def test_no_record_at_all_breaks_the_reading(key: str, value: Any) -> None:
    for more in ({}, {"output": "A.", "rejected": value, "completion": value, "answer": value}, {"messages": [Q, A]}):
        try:
            own = read({**more, key: value})
        except UnreadableRecordError:
            continue
        assert all(isinstance(message["role"], str) for message in own["messages"])
