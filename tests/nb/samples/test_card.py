"""A sample in full: the conversation with its reasoning and calls, fields of other schemas, what was said of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.core.run.test_results import dataset, job, run
from tests.nb.samples.page import Page, judged, said, written

ANSWER = {"role": "assistant", "content": "So."}
AGENT = {"tools": {"components": {"builtin": []}, "max_per_query": 3}, "scenario_seed": {"files": {"a.txt": "hello"}}}


def call(own: str, name: str = "read_file", arguments: Any = '{"file_path": "a.txt"}') -> dict[str, Any]:
    return {"id": own, "type": "function", "function": {"name": name, "arguments": arguments}}


def agent(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "Do it."}, *messages], "metadata": {}, **more}


def calls(card: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(one["name"], one["result"]) for message in card["messages"] for one in message["calls"]]


def test_a_chain_of_thought_stands_before_the_answer_that_it_led_to(tmp_path: Path) -> None:
    work = job(tmp_path, generation={"conversation": {"type": "cot", "reasoning_style": "freetext"}})
    run(work)
    card, record = Page(work.dataset).card(0), dataset(work)[0]
    assert [(one["role"], len(one["reasoning"])) for one in card["messages"]] == [("user", 0), ("assistant", 1)]
    assert card["messages"][1]["reasoning"] == [record["reasoning"]["content"]]
    assert card["system"] == "You teach." and card["path"] == record["metadata"]["topic_path"]
    assert card["facts"][0] == "tiny (simulated)" and card["fields"] == []


def test_an_agents_thoughts_calls_and_results_stand_together_in_their_order(tmp_path: Path) -> None:
    work = job(tmp_path, generation=AGENT)
    run(work)
    card, record = Page(work.dataset).card(0), dataset(work)[0]
    done = record["tool_context"]["executions"]
    assert calls(card) == [(one["function_name"], one["result"]) for one in done]
    assert [step for one in card["messages"] for step in one["reasoning"]] == [
        step["thought"] for step in record["reasoning"]["content"]
    ]
    assert {one["role"] for one in card["messages"]} == {"user", "assistant"}
    assert json.loads(card["messages"][1]["calls"][0]["arguments"]) == json.loads(done[0]["arguments"])
    assert card["tools"] == [tool["function"]["name"] for tool in record["tools"]]


def test_results_find_their_calls_whatever_is_wrong_with_them() -> None:
    messages = (
        {"role": "assistant", "content": None, "tool_calls": [call("a", "one"), call("a", "two"), "?", {"id": 3}]},
        {"role": "tool", "tool_call_id": "a", "content": "first"},
        {"role": "tool", "tool_call_id": "a", "content": "second"},
        {"role": "tool", "tool_call_id": "b", "content": "nobody's"},
        {"role": "assistant", "content": "Done.", "tool_calls": [call("c", "three", {"a": 1})]},
    )
    card = Page([agent(*messages)]).card(0)
    assert calls(card) == [("one", "first"), ("two", "second"), ("three", None)]
    assert [(one["role"], one["text"]) for one in card["messages"][2:]] == [
        ("tool", "nobody's"),
        ("assistant", "Done."),
    ]
    assert json.loads(card["messages"][-1]["calls"][0]["arguments"]) == {"a": 1}


def test_a_call_that_failed_is_told_from_one_that_mentions_errors() -> None:
    results = {
        "FileNotFound: there is no b.txt": True,
        '{"error": "no such city"}': True,
        "ValueError: 3": True,
        "Errors are handled in main.py": False,
        '{"error": null, "data": 1}': False,
        "": False,
    }
    for result, failed in results.items():
        answer = {"role": "tool", "tool_call_id": "a", "content": result}
        shown = Page([agent({"role": "assistant", "tool_calls": [call("a")]}, answer)]).card(0)["messages"][1]["calls"][
            0
        ]
        assert (shown["result"], shown["failed"]) == (result, failed)


def test_calls_that_only_the_context_has_are_shown_before_the_answer() -> None:
    executions = [{"function_name": "look", "arguments": "{}", "result": "seen"}]
    card = Page([agent({"role": "assistant", "content": "So."}, tool_context={"executions": executions})]).card(0)
    assert calls(card) == [("look", "seen")] and card["messages"][-1]["text"] == "So."


def test_reasoning_is_found_under_each_of_its_names() -> None:
    for name, value in {
        "reasoning": "So it is.",
        "chain_of_thought": "So it is.",
        "reasoning_steps": [{"thought": "So it is."}],
    }.items():
        assert Page([{**said(), name: value}]).card(0)["messages"][1]["reasoning"] == ["So it is."]
    message = {"role": "assistant", "content": "A.", "reasoning_content": "So it is."}
    assert Page([agent(message)]).card(0)["messages"][1]["reasoning"] == ["So it is."]


def test_a_record_of_another_schema_is_its_fields() -> None:
    card = Page([{"title": "Tea\nand more", "level": 3, "steps": ["Boil", "Pour"], "metadata": {"of": "mine"}}]).card(0)
    assert card["messages"] == []
    assert [(one["name"], one["is_json"]) for one in card["fields"]] == [
        ("title", False),
        ("level", True),
        ("steps", True),
        ("metadata", True),
    ]
    assert json.loads(card["fields"][2]["text"]) == ["Boil", "Pour"] and card["fields"][0]["text"] == "Tea\nand more"


def test_what_a_conversation_has_beside_its_messages_is_not_lost() -> None:
    card = Page([{**said(), "category": "tea", "question": "Another one?"}]).card(0)
    assert [(one["name"], one["text"]) for one in card["fields"]] == [("question", "Another one?"), ("category", "tea")]


PARTS = [{"type": "text", "text": "Why?"}]


@pytest.mark.parametrize(
    ("record", "fields"),
    [
        ({"conversations": [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "So."}], "system": "Be."}, []),
        ({"instruction": "Why?", "input": "", "output": "So.", "system": "Be."}, []),
        ({"prompt": "Why?", "completion": "So.", "system": "Be.", "id": "7"}, ["id"]),
        ({"messages": [{"role": "system", "content": "Be."}, {"role": "user", "content": PARTS}, ANSWER]}, []),
    ],
)
def test_conversations_of_other_tools_are_read_and_edited_as_such(
    tmp_path: Path, record: dict[str, Any], fields: list[str]
) -> None:
    page = Page(written(tmp_path / "x.jsonl", record))
    card = page.card(0)
    assert [(one["role"], one["text"]) for one in card["messages"]] == [("user", "Why?"), ("assistant", "So.")]
    assert page.index()["rows"]["title"] == ["Why?"] and card["system"] == "Be."
    assert [one["name"] for one in card["fields"]] == fields
    page.decide(0, "edit", texts=[{"at": card["messages"][0]["at"], "text": "Which?"}])
    edited = page.card(0)
    assert edited["messages"][0]["text"] == "Which?" and [one["text"] for one in edited["before"]] == ["Why?"]
    assert next(page.channel.accepted()) == json.loads(json.dumps(record).replace("Why?", "Which?"))


def test_an_instruction_and_its_input_are_two_messages_and_images_are_named() -> None:
    card = Page([{"instruction": "Sum up.", "input": "Long.", "output": "So."}]).card(0)
    assert [one["text"] for one in card["messages"]] == ["Sum up.", "Long.", "So."]
    parts = [*PARTS, {"type": "image_url", "image_url": {"url": "x"}}]
    (message, _) = Page([{"messages": [{"role": "user", "content": parts}, ANSWER]}]).card(0)["messages"]
    assert message["text"] == "Why?\n[image_url]" and message["at"] == []


def test_metadata_of_an_own_schema_are_read_where_they_name_a_topic() -> None:
    known = {"topic_path": ["Drinks", "Tea"], "model": "m", "cost": 0.25}
    page = Page([{"title": "Green", "metadata": known}])
    card, rows = page.card(0), page.index()["rows"]
    assert card["path"] == ["Drinks", "Tea"] and card["facts"] == ["m", "$0.25"]
    assert [one["name"] for one in card["fields"]] == ["title"] and rows["cost"] == [0.25]


def test_the_judge_is_heard_with_its_reasons() -> None:
    card = Page([judged(1, passed=False)]).card(0)
    assert card["score"] == 2.0
    assert card["scores"] == [{"criterion": "is clear", "score": 2.0, "reason": "It rambles."}]
    assert Page([said(judge={"judged": False, "score": 0.0, "scores": {"x": 0.0}})]).card(0)["score"] is None


def test_an_unknown_cost_is_not_taken_for_zero() -> None:
    known: dict[str, Any] = {"model": "m", "usage": {"prompt_tokens": 3, "completion_tokens": 4}}
    page = Page([said(**known, cost=0.0, cost_known=False), said(**known, cost=0.25, cost_known=True)])
    assert page.index()["rows"]["cost"] == [None, 0.25]
    assert page.card(0)["facts"] == ["m", "7 tokens", "cost unknown"]
    assert page.card(1)["facts"] == ["m", "7 tokens", "$0.25"]


def test_a_sample_that_was_kept_in_spite_of_a_finding_says_so() -> None:
    page = Page([said(findings=["its answer is short"])])
    assert page.index()["rows"]["problems"] == [1]
    assert page.card(0)["checks"][0]["reason"] == "its answer is short"
