"""Each format against independent readers: what it can hold comes back, and what it can't is said."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from deepfabric_core.export.conversation import Call, Conversation, conversation_of
from deepfabric_core.export.formats import BUILT_IN
from deepfabric_core.export.formats.format import Answer, Converted, LeftOut, Loss, Pair
from tests.core.export.readers import Said, from_chatml, from_harmony, from_messages, from_sharegpt
from tests.core.export.samples import READ, Record, answered, conversations, worked


def converted(name: str, record: Record, reasoning: str | None = None) -> Converted:
    chosen, conversation = BUILT_IN[name], conversation_of(record)
    place: Any = reasoning or chosen.default_reasoning
    return chosen.convert(Answer(conversation, good=True) if chosen.takes == "answers" else conversation, place)  # type: ignore[arg-type]


def row(name: str, record: Record, reasoning: str | None = None) -> Record:
    made = converted(name, record, reasoning)
    assert not made.left_out
    return made.rows[0]


def said_in(record: Record) -> list[Said]:
    """What a record says, with the thought of each step where it belongs."""
    content = record["reasoning"]["content"]
    thoughts = iter([content] if isinstance(content, str) else [step["thought"] for step in content])
    found: list[Said] = []
    for message in record["messages"]:
        calls = [one["function"] for one in message.get("tool_calls", ())]
        thought = next(thoughts) if message["role"] == "assistant" else ""
        call = (calls[0]["name"], json.dumps(json.loads(calls[0]["arguments"]), sort_keys=True)) if calls else None
        found.append((message["role"], message["content"], thought, call))
    return found


@settings(max_examples=60)
@given(conversations())
def test_what_was_said_called_and_thought_comes_back_from_every_format_that_can_hold_it(record: Record) -> None:
    wanted = said_in(record)
    assert from_messages(row("trl", record)["messages"]) == wanted
    assert from_messages(row("trl", record, "think-tags")["messages"]) == wanted
    both = converted("trl-prompt-completion", record).rows[-1]
    assert from_messages([*both["prompt"], *both["completion"]]) == wanted
    assert from_messages(row("openai", record, "think-tags")["messages"]) == wanted
    assert from_messages(row("axolotl", record)["messages"]) == wanted
    assert from_sharegpt(row("sharegpt", record)) == wanted
    assert from_chatml(row("chatml", record)["text"]) == wanted
    assert from_harmony(row("harmony", record)["text"]) == wanted


@settings(max_examples=60)
@given(conversations())
def test_nothing_is_lost_in_silence(record: Record) -> None:
    for name in ("trl", "axolotl", "sharegpt", "chatml", "harmony"):
        assert converted(name, record).lost == ()
    thought = any(thought for _, _, thought, _ in said_in(record))
    assert (Loss.REASONING in converted("trl", record, "drop").lost) == thought
    assert (Loss.REASONING in converted("openai", record).lost) == thought
    assert (Loss.CALLS in converted("alpaca", record).lost) == ("tools" in record)


def test_arguments_are_objects_for_templates_and_texts_where_rows_have_one_schema() -> None:
    objects, texts, strict = (row(name, worked()) for name in ("trl", "openai", "axolotl"))
    assert objects["messages"][2]["tool_calls"][0]["function"]["arguments"] == {"path": "tea.txt"}
    assert objects["messages"][3] == {"role": "tool", "content": "green", "tool_call_id": "a1", "name": "read_file"}
    assert objects["tools"] == texts["tools"] == [READ]
    assert texts["messages"][2]["tool_calls"][0]["function"]["arguments"] == '{"path": "tea.txt"}'
    assert texts["parallel_tool_calls"] is False
    assert json.loads(strict["tools"][0]["function"]["parameters"]) == READ["function"]["parameters"]  # type: ignore[index]


def test_calls_at_once_stay_where_a_format_knows_them_and_are_told_apart_elsewhere() -> None:
    record = worked(at_once=True)
    assert len(row("trl", record)["messages"][2]["tool_calls"]) == 2
    assert row("trl", record)["messages"][2]["reasoning_content"] == "See the tea.\nSee the pot."
    assert row("openai", record)["parallel_tool_calls"] is True
    turns = [turn["from"] for turn in row("sharegpt", record)["conversations"]]
    assert turns == ["human", "function_call", "observation", "function_call", "observation", "gpt"]
    for name in ("sharegpt", "harmony"):
        assert Loss.AT_ONCE in converted(name, record).lost


def test_each_step_is_a_completion_so_that_no_result_of_a_tool_is_learned() -> None:
    made = converted("trl-prompt-completion", worked())
    assert [[len(row["prompt"]), *(one["role"] for one in row["completion"])] for row in made.rows] == [
        [2, "assistant"],
        [4, "assistant"],
        [6, "assistant"],
    ]
    assert not made.lost and Loss.RESULTS in converted("trl-kto", worked()).lost


def test_text_beside_a_call_is_told_where_it_is_lost() -> None:
    record = worked(text="Let me look.")
    assert Loss.TEXT_BESIDE_CALL in converted("sharegpt", record).lost
    assert Loss.TEXT_BESIDE_CALL in converted("alpaca", record).lost
    assert "<|channel|>commentary<|message|>Let me look.<|end|>" in row("harmony", record)["text"]
    assert "Let me look.\n<tool_call>" in row("chatml", record)["text"]


def test_alpaca_has_earlier_turns_as_history() -> None:
    record = answered("And black tea?", "Four.")
    record["messages"][1:1] = [{"role": "user", "content": "Green tea?"}, {"role": "assistant", "content": "Two."}]
    made = row("alpaca", record)
    assert made["history"] == [["Green tea?", "Two."]] and (made["instruction"], made["output"]) == (
        "And black tea?",
        "Four.",
    )
    assert made["system"] == "You know tea."


def test_sharegpt_is_described_to_llama_factory() -> None:
    companion = BUILT_IN["sharegpt"].companion
    facts = companion({"tea": "tea.jsonl"})["tea"] if companion else {}
    assert facts["file_name"] == "tea.jsonl" and facts["columns"]["tools"] == "tools"
    assert facts["tags"]["function_tag"] == "function_call"


def test_harmony_tells_of_tools_in_typescript() -> None:
    text = row("harmony", worked())["text"]
    assert "// Read a file.\ntype read_file = (_: {\npath: string,\n}) => any;" in text
    assert text.endswith("<|start|>assistant<|channel|>final<|message|>Green tea, a red pot.<|return|>")
    assert "<|channel|>commentary to=functions.read_file <|constrain|>json<|message|>" in text


@pytest.mark.parametrize(
    ("name", "messages", "why"),
    [
        ("trl", [{"role": "user", "content": "Why?"}], LeftOut.NO_ANSWER),
        ("sharegpt", [{"role": "assistant", "content": "Hello."}], LeftOut.TURNS),
        ("alpaca", [{"role": "assistant", "content": "Hello."}], LeftOut.TURNS),
        ("grpo", [{"role": "assistant", "content": "Hello."}], LeftOut.NO_ANSWER),
        ("trl-kto", [{"role": "assistant", "content": "Hello."}], LeftOut.NO_ANSWER),
        (
            "chatml",
            [{"role": "user", "content": "<|im_end|>"}, {"role": "assistant", "content": "Hm."}],
            LeftOut.MARKERS,
        ),
        ("harmony", [{"role": "user", "content": "<|end|>"}, {"role": "assistant", "content": "Hm."}], LeftOut.MARKERS),
    ],
)
def test_what_a_format_cannot_take_is_left_out_with_the_reason(name: str, messages: list[Record], why: str) -> None:
    assert converted(name, {"messages": messages}) == Converted(left_out=why)


def test_arguments_that_are_no_object_are_told_or_left_out() -> None:
    record = worked()
    record["messages"][2]["tool_calls"][0]["function"]["arguments"] = "tea.txt"
    assert Loss.NOT_AN_OBJECT in converted("trl", record).lost
    assert converted("sharegpt", record).left_out == converted("axolotl", record).left_out == LeftOut.UNREADABLE_CALL


def test_an_openai_preference_has_room_for_one_message_after_what_both_share() -> None:
    whole = conversation_of(worked())
    assert whole
    steps, end = whole.turns[2:-1], whole.turns[-1:]
    other = conversation_of(answered(answer="No idea."))
    prompt = conversation_of({"messages": worked()["messages"][:2]})
    assert other and prompt
    convert = BUILT_IN["openai-preference"].convert
    made = convert(Pair(prompt, (*steps, *end), (*steps, *other.turns[-1:])), "drop").rows[0]
    assert len(made["input"]["messages"]) == 6
    assert made["preferred_output"] == [{"role": "assistant", "content": "Green tea, a red pot."}]
    assert made["non_preferred_output"] == [{"role": "assistant", "content": "No idea."}]
    assert convert(Pair(prompt, (*steps, *end), other.turns[-1:]), "drop").left_out == LeftOut.SEVERAL_ANSWERS


def test_a_sharegpt_preference_ends_where_the_answers_differ_and_has_room_for_one_of_each() -> None:
    whole, other = conversation_of(worked()), conversation_of(answered(answer="No idea.", reasoning="Hm."))
    assert whole and other
    steps, end = whole.turns[2:-1], whole.turns[-1:]
    prompt = Conversation(whole.turns[:2], whole.tools)
    convert = BUILT_IN["sharegpt-preference"].convert
    made = convert(Pair(prompt, (*steps, *end), (*steps, *other.turns[-1:])), "think-tags")
    row = made.rows[0]
    assert [turn["from"] for turn in row["conversations"]] == ["human", *["function_call", "observation"] * 2]
    assert row["chosen"] == {"from": "gpt", "value": "Green tea, a red pot."}
    assert row["rejected"] == {"from": "gpt", "value": "<think>\nHm.\n</think>\n\nNo idea."}
    assert json.loads(row["tools"])[0]["name"] == "read_file" and not made.lost
    assert convert(Pair(prompt, (*steps, *end), other.turns[-1:]), "drop").left_out == LeftOut.SEVERAL_ANSWERS
    called = convert(Pair(prompt, steps[:1], other.turns[-1:]), "drop").rows[0]
    assert (called["chosen"]["from"], called["rejected"]["from"]) == ("function_call", "gpt")
    at_once = conversation_of(worked(at_once=True))
    assert at_once
    assert convert(Pair(prompt, at_once.turns[2:3], other.turns[-1:]), "drop").left_out == LeftOut.SEVERAL_ANSWERS
    unclear = steps[0]._replace(calls=(Call("a", "read_file", "tea.txt"),))
    assert convert(Pair(prompt, (unclear,), other.turns[-1:]), "drop").left_out == LeftOut.UNREADABLE_CALL


def test_records_of_others_are_read_too() -> None:
    pair = conversation_of({"question": "Why?", "answer": "So."})
    assert pair and [turn.role for turn in pair.turns] == ["user", "assistant"]
    parts = {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]}
    found = conversation_of(parts)
    assert found and found.turns[0].content == "Hi"
    assert conversation_of({"rows": [1]}) is None
    assert conversation_of({"messages": [{"role": "narrator", "content": "Once"}]}) is None
