"""Each kind of sample, made from canned replies."""

import json
from collections.abc import Generator
from dataclasses import replace
from typing import Any

import pytest

from deepfabric_core.chat.messages import Message, Reply, Request, Usage
from deepfabric_core.chat.tools import ToolUse
from deepfabric_core.config.schema import Config
from deepfabric_core.errors import FailureKind, ReplyError
from deepfabric_core.samples.plan import WorkItem
from deepfabric_core.samples.recipes import recipe_for
from deepfabric_core.samples.recipes.recipe import Brief
from deepfabric_core.samples.records import Provenance, Sample, with_metadata

BRIEF = Brief(("Bicycles", "Wheels"))
BASIC = {"question": "Why true a rim?", "answer": "It wobbles."}
REASONED = {"question": "Why true a rim?", "reasoning": "A wobble rubs.", "answer": "It wobbles."}
SCHEMA = {
    "type": "object",
    "properties": {"title": {"type": "string"}, "steps": {"type": "array", "items": {"type": "integer"}}},
    "required": ["title"],
}
COT = {"conversation": {"type": "cot", "reasoning_style": "freetext"}}
CUSTOM = {"output_schema": SCHEMA}


def config(generation: dict[str, Any] | None = None, **output: Any) -> Config:
    return Config.model_validate(
        {
            "topics": {"prompt": "Bicycles"},
            "generation": {"system_prompt": "You know bicycles.", **(generation or {})},
            "output": {"save_as": "out.jsonl", **output},
        }
    )


def made(asking: Generator[Request | ToolUse, Any, Sample], *replies: Reply | object) -> tuple[Sample, list[Request]]:
    """What the recipe returns when it is sent these replies, and what it asked for."""
    steps = [next(asking)]
    for reply in replies:
        text = reply if isinstance(reply, str | Reply) else json.dumps(reply)
        try:
            steps.append(asking.send(text if isinstance(text, Reply) else Reply(text, model="m")))
        except StopIteration as end:
            assert isinstance(end.value, Sample)  # noqa: PT017
            return end.value, [step for step in steps if isinstance(step, Request)]
    raise AssertionError("the recipe asks for more replies")


def words(request: Request) -> str:
    return "\n".join(message.content for message in request.messages)


def test_a_basic_sample_is_a_record_exactly_as_deepfabric_writes_it() -> None:
    sample, _ = made(recipe_for(config())(BRIEF), BASIC)
    assert sample.record == {
        "messages": [
            {"role": "system", "content": "You know bicycles."},
            {"role": "user", "content": "Why true a rim?"},
            {"role": "assistant", "content": "It wobbles."},
        ],
        "metadata": {},
        "question": "Why true a rim?",
        "final_answer": "It wobbles.",
    }
    assert (sample.question, sample.answer) == ("Why true a rim?", "It wobbles.")


def test_a_reasoned_sample_adds_the_reasoning_in_free_text() -> None:
    sample, _ = made(recipe_for(config(COT))(BRIEF), REASONED)
    basic, _ = made(recipe_for(config())(BRIEF), BASIC)
    assert sample.record == {
        **basic.record,
        "metadata": {"conversation_type": "cot"},
        "reasoning": {"style": "freetext", "content": "A wobble rubs."},
    }


def test_a_custom_sample_is_the_object_itself() -> None:
    record = {"title": "Truing ✓", "steps": [1, 2]}
    sample, _ = made(recipe_for(config(CUSTOM, format="custom"))(BRIEF), record)
    assert sample.record == record and "Truing ✓" in sample.question


def test_metadata_says_how_a_sample_came_about_but_never_enters_a_custom_record() -> None:
    item = WorkItem(3, "abc", BRIEF.path, cycle=1)
    making = Provenance("m", attempts=2, usage=Usage(10, 20, 0.5), simulated=True, at=1.5)
    basic, _ = made(recipe_for(config())(BRIEF), BASIC)
    metadata = with_metadata(basic.record, item, making)["metadata"]
    assert metadata.items() >= {"topic_id": "abc", "topic_path": ["Bicycles", "Wheels"], "cycle": 1}.items()
    assert metadata.items() >= {"model": "m", "attempts": 2, "simulated": True, "demonstration": False}.items()
    shown = replace(making, simulated=False, demonstration=True)
    metadata = with_metadata(basic.record, item, shown)["metadata"]
    assert (metadata["simulated"], metadata["demonstration"]) == (False, True)
    custom, _ = made(recipe_for(config(CUSTOM, format="custom"))(BRIEF), {"title": "A"})
    assert with_metadata(custom.record, item, making) == {"title": "A"}


def test_a_record_has_the_same_columns_and_types_whatever_the_conversation_and_the_model() -> None:
    item = WorkItem(3, "abc", BRIEF.path, cycle=1)
    made_with = [Provenance("m", 1, Usage(10, 20, cost), simulated=False, at=1.5) for cost in (None, 0.5, 1)]
    samples = [made(recipe_for(config())(BRIEF), BASIC)[0], made(recipe_for(config(COT))(BRIEF), REASONED)[0]]
    basic, *others = [with_metadata(sample.record, item, making) for sample in samples for making in made_with]
    assert basic["reasoning"] == {"style": "freetext", "content": ""}
    assert basic["metadata"]["conversation_type"] == "basic" and basic["metadata"]["cost"] == 0
    for record in others:
        for one, other in ((basic, record), (basic["metadata"], record["metadata"])):
            assert list(one) == list(other) and [*map(type, one.values())] == [*map(type, other.values())]


@pytest.mark.parametrize(("chosen", "reply"), [(config(), BASIC), (config(COT), REASONED)])
def test_the_request_holds_path_prompt_schema_and_limit(chosen: Config, reply: object) -> None:
    _, (request,) = made(recipe_for(chosen)(BRIEF), reply)
    assert [message.role for message in request.messages] == ["system", "user"]
    assert request.messages[0].content == "You know bicycles."
    assert "Bicycles > Wheels" in request.messages[1].content
    assert request.max_tokens == 2000
    assert request.schema is not None and list(request.schema.schema["required"]) == list(json.loads(json.dumps(reply)))


def test_instructions_reach_the_model() -> None:
    _, (request,) = made(recipe_for(config({"instructions": "Be kind to beginners."}))(BRIEF), BASIC)
    assert "Be kind to beginners." in words(request)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (Reply("Here you are", "m"), "valid JSON"),
        (Reply('{"question": "Why', "m"), "valid JSON"),
        (Reply('{"question": "Why?"}', "m"), "answer"),
        (Reply('{"question": "Why?", "answer": " "}', "m"), "answer"),
        (Reply('{"question": ["Why?"], "answer": "So."}', "m"), "question"),
        (Reply("", "m"), "the reply was empty"),
        (Reply(json.dumps(BASIC), "m", finish_reason="length"), "cut off"),
        (Reply("", "m", finish_reason="content_filter"), "content filter"),
    ],
)
def test_a_refused_reply_is_asked_for_again_with_the_reason(bad: Reply, reason: str) -> None:
    sample, (first, second) = made(recipe_for(config())(BRIEF), bad, BASIC)
    assert sample.answer == "It wobbles."
    assert reason in second.messages[-1].content
    if "{" in bad.text and bad.finish_reason == "stop":
        assert second.messages[:2] == first.messages
        assert second.messages[2] == Message("assistant", bad.text)
    else:  # nothing in it could be corrected, so the same is asked afresh
        assert len(second.messages) == 2
        assert second.messages[1].content.startswith(first.messages[1].content)


def test_a_reply_that_was_corrected_in_vain_is_asked_for_afresh_with_the_latest_reason() -> None:
    _, requests = made(recipe_for(config())(BRIEF), '{"question": "Why?"}', '{"answer": "So."}', BASIC)
    assert '{"question": "Why?"}' in words(requests[1])
    assert "question is missing" in words(requests[2]) and len(requests[2].messages) == 2


@pytest.mark.parametrize(
    ("bad", "kind"),
    [
        (Reply("no", "m"), FailureKind.INVALID_JSON),
        (Reply("{}", "m"), FailureKind.INVALID_REPLY),
        (Reply("{", "m", finish_reason="length"), FailureKind.TRUNCATED),
        (Reply("", "m", finish_reason="content_filter"), FailureKind.CONTENT_FILTER),
    ],
)
@pytest.mark.parametrize("retries", [0, 2])
def test_a_sample_is_given_up_after_its_retries_with_the_kind(bad: Reply, kind: FailureKind, retries: int) -> None:
    asking = recipe_for(config({"sample_retries": retries}))(BRIEF)
    next(asking)
    for _ in range(retries):
        asking.send(bad)
    with pytest.raises(ReplyError) as problem:
        asking.send(bad)
    assert problem.value.kind is kind


def test_a_later_cycle_asks_for_something_different_and_shows_the_earlier_questions() -> None:
    recipe = recipe_for(config())
    earlier = ("Why lace a rim?", "What is a spoke?")
    requests = [made(recipe(Brief(BRIEF.path, cycle, earlier[:cycle])), BASIC)[1][0] for cycle in range(3)]
    assert len({words(request) for request in requests}) == 3
    assert all(question not in words(requests[0]) for question in earlier)
    assert all(question in words(requests[2]) for question in earlier)
    assert requests[2].subject.variation == 2 and requests[2].subject.taken == earlier


def test_cycles_differ_even_where_no_earlier_question_is_known() -> None:
    recipe = recipe_for(config())
    asked = [words(made(recipe(Brief(BRIEF.path, cycle)), BASIC)[1][0]) for cycle in range(25)]
    assert len(set(asked)) == 25


@pytest.mark.parametrize(
    ("output", "recorded"),
    [
        ({}, "You know bicycles."),
        ({"system_prompt": "Be brief."}, "Be brief."),
        ({"system_prompt": ""}, "You know bicycles."),
        ({"include_system_message": False}, None),
        ({"include_system_message": False, "system_prompt": "Be brief."}, None),
    ],
)
def test_the_system_message_of_a_record_falls_back_or_is_left_out(output: dict[str, Any], recorded: str | None) -> None:
    for generation, reply in (({}, BASIC), (COT, REASONED)):
        sample, _ = made(recipe_for(config(generation, **output))(BRIEF), reply)
        system = [m["content"] for m in sample.record["messages"] if m["role"] == "system"]
        assert system == ([recorded] if recorded else [])


@pytest.mark.parametrize("wrapping", ["```json\n{}\n```", "```\n{}\n```", "Sure, here it is:\n{}\nEnjoy!", "  {}  "])
@pytest.mark.parametrize(
    ("chosen", "reply"), [(config(), BASIC), (config(COT), REASONED), (config(CUSTOM, format="custom"), {"title": "A"})]
)
def test_json_in_a_fence_or_a_sentence_is_accepted(wrapping: str, chosen: Config, reply: object) -> None:
    _, requests = made(recipe_for(chosen)(BRIEF), wrapping.replace("{}", json.dumps(reply)))
    assert len(requests) == 1


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("{}", "'title' is a required property"),
        ('{"title": 5}', "title: 5 is not"),
        ("[]", "not"),
        ("oops", "JSON"),
        ('{"title": "A", "steps": [1, "b"]}', "steps/1: 'b' is not"),
    ],
)
def test_a_custom_record_is_held_to_its_schema(bad: str, reason: str) -> None:
    sample, (_, second) = made(recipe_for(config(CUSTOM, format="custom"))(BRIEF), bad, {"title": "A"})
    assert sample.record == {"title": "A"}
    assert reason in second.messages[-1].content


def test_where_a_model_only_repeats_an_earlier_question_it_is_asked_without_them() -> None:
    brief = Brief(BRIEF.path, 1, ("Why lace a rim?",))
    asking = recipe_for(config())(brief)
    first = next(asking)
    second = asking.send(Reply(json.dumps({**BASIC, "question": "Why lace a rim?"}), "m"))
    assert isinstance(first, Request) and isinstance(second, Request)
    assert "Why lace a rim?" in words(first) and "Why lace a rim?" not in words(second)
    assert "the question was asked before" in words(second)
