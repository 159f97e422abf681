"""JSON of models and servers: what no file can hold is refused, and whoever wrote it is told why."""

from __future__ import annotations

import asyncio
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp_types import CallToolResult

from deepfabric_core.chat.json_replies import ask, parser_of_schema
from deepfabric_core.chat.messages import Message, Reply, Request
from deepfabric_core.chat.strict_json import parsed
from deepfabric_core.chat.tools import Tool, arguments_of
from deepfabric_core.errors import FailureKind, ModelError, ReplyError
from deepfabric_core.samples.plan import Plan, WorkItem
from deepfabric_core.store.append_log import AppendLog
from deepfabric_core.store.journal import Journal
from deepfabric_core.tools.definitions import tool_from
from deepfabric_core.tools.mcp.executor import as_result
from deepfabric_core.tools.spin.component import Component
from deepfabric_core.topics.formats import parse_topics
from tests.core.llm.clients.test_odd_replies import answer
from tests.raw_server import RawServer

ANY = {"type": "object", "properties": {"a": {}}, "required": ["a"]}
DEEP = 100_000

REFUSED = {
    "NaN": ("NaN", "NaN is no JSON value"),
    "Infinity": ("Infinity", "Infinity is no JSON value"),
    "-Infinity": ("[-Infinity]", "-Infinity is no JSON value"),
    "a number that is too large": ("1e999", "1e999 is too large a number"),
    "a number below all": ("-1.5e999", "-1.5e999 is too large a number"),
    "5,000 digits": ("9" * 5000, "4300 digits"),
    "101 levels": ("[" * 100 + "]" * 100, "nested too deeply"),
    "100,000 lists": ("[" * DEEP + "]" * DEEP, "nested too deeply"),
    "100,000 objects": ('{"a":' * DEEP + "1" + "}" * DEEP, "nested too deeply"),
}


def within(text: str) -> str:
    return f'{{"a": {text}}}'


@pytest.mark.parametrize("case", REFUSED)
def test_what_no_file_can_hold_is_no_json(case: str) -> None:
    text, reason = REFUSED[case]
    with pytest.raises(ValueError, match=reason) as caught:
        parsed(within(text))
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("case", REFUSED)
def test_a_record_that_no_file_can_hold_is_refused_and_the_model_is_told_why(case: str) -> None:
    text, reason = REFUSED[case]
    asking = ask(Request((Message("user", "A record."),), 50), parser_of_schema(ANY), retries=1)
    next(asking)
    again = asking.send(Reply(within(text), "m"))
    assert again.because is FailureKind.INVALID_JSON
    assert reason in again.messages[-1].content
    with pytest.raises(StopIteration) as end:
        asking.send(Reply(within('"fine"'), "m"))
    assert end.value.value == {"a": "fine"}


@pytest.mark.parametrize("case", REFUSED)
def test_arguments_that_no_file_can_hold_are_refused_with_the_reason(case: str) -> None:
    text, reason = REFUSED[case]
    with pytest.raises(ValueError, match=rf"the arguments of look aren't valid JSON \(.*{reason}"):
        arguments_of(Tool("look", "", ANY), within(text))


@pytest.mark.parametrize("text", ["[1, 2]", "5", '"text"', "null"])
def test_a_reply_that_is_no_object_is_refused_also_where_the_schema_names_no_type(text: str) -> None:
    with pytest.raises(ReplyError, match="the reply isn't a JSON object"):
        parser_of_schema({"title": "Anything"})(text)


def test_a_record_of_a_schema_that_never_ends_is_refused() -> None:
    with pytest.raises(ReplyError, match="the reply can't be checked"):
        parser_of_schema({"type": "object", "$ref": "#"})('{"a": 1}')


def test_what_is_nested_as_deeply_as_may_be_is_checked_and_written() -> None:
    endless = {"type": "object", "properties": {"a": {"anyOf": [{"type": "integer"}, {"$ref": "#"}]}}}
    text = '{"a": ' * 40 + "1" + "}" * 40
    assert json.loads(json.dumps(parser_of_schema(endless)(text))) == json.loads(text)
    assert parsed("[" * 100 + "]" * 100) is not None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda below: st.lists(below) | st.dictionaries(st.text(), below),
)


@given(json_values)
def test_all_other_json_is_read_as_it_was_written(value: Any) -> None:
    assert parsed(json.dumps(value)) == value


@given(st.text(st.characters(codec=None)) | st.from_regex(r'\{"a": ?[-0-9.eE\[\]{}",:NaInfity]*\}', fullmatch=True))
def test_whatever_a_model_writes_is_a_record_that_can_be_written_or_is_refused(text: str) -> None:
    try:
        record = parser_of_schema({})(text)
    except ReplyError:
        return
    json.dumps(record, allow_nan=False)


def test_half_a_character_stays_what_it_was() -> None:
    assert parser_of_schema(ANY)('{"a": "\\ud800"}') == {"a": "\ud800"}


# --- Tools and files ---


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
def test_a_service_that_answers_with_no_number_is_a_tool_that_failed(number: str) -> None:
    tool = tool_from({"name": "look", "inputSchema": {"type": "object"}}, where="here")

    async def used() -> None:
        component = Component(server.base_url, "weather", (tool,))
        session = component.session("a")
        try:
            await session.call("look", {})
        finally:
            await session.close()
            await component.close()

    with RawServer(answer(f'{{"success": true, "result": {number}}}'.encode())) as server:
        with pytest.raises(ModelError, match="what isn't the Spin protocol") as caught:
            asyncio.run(used())
        assert caught.value.kind is FailureKind.TOOL


def test_data_of_an_mcp_server_that_is_no_json_is_an_error_that_the_model_is_shown() -> None:
    result = as_result(CallToolResult(content=[], structured_content={"a": [math.nan]}))
    assert result.error == "ToolError"
    assert result.content == "ToolError: the result holds a number that JSON can't, such as NaN"


def test_a_journal_never_holds_what_is_no_json(tmp_path: Path) -> None:
    topics, _ = parse_topics('{"path": ["Tea", "Green"]}', source="tea.jsonl")
    plan = Plan(topics, 1)
    item: WorkItem = next(iter(plan))
    journal = Journal(AppendLog(tmp_path / "tea.jsonl"), plan)
    with pytest.raises(ValueError, match="not JSON compliant"):
        journal.append(item, {"a": math.inf}, {})
    journal.lines.discard()
