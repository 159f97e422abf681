"""A record of ours, in any format and back: what comes back is all but what the format says that it loses."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deepfabric_core.export.conversation import Conversation, Turn, conversation_of
from deepfabric_core.export.formats import BUILT_IN
from deepfabric_core.export.formats.format import Answer, Format, Loss, Pair
from deepfabric_core.export.formats.messages import split_at_answer
from deepfabric_core.export.formats.sequence import in_turns, one_call_at_a_time
from deepfabric_core.export.row_files import open_rows
from deepfabric_core.samples.foreign.our_record import read_as_ours, worse_record
from deepfabric_core.store.record_files.read import read_records
from tests.core.export.samples import READ

Record = dict[str, Any]

# No format has room for halves of characters; some have marks of their own, which other tests are about.
_TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="<[|"), max_size=12)
_TEXTS |= st.sampled_from(["\n", " a\n\n", "\n\nb ", "\n"])
_SAID = _TEXTS.filter(bool)
_NUMBERS = st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
_JSON = st.recursive(
    st.none() | st.booleans() | _NUMBERS | _TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_TEXTS, inner, max_size=2),
    max_leaves=4,
)
_ARGUMENTS = st.dictionaries(_TEXTS, _JSON, max_size=3)


@st.composite
def chats(draw: st.DrawFn, *, weights: bool = True) -> Record:
    """Conversations of one or two questions, each answered after some calls or none, at once or one by one."""
    messages: list[Record] = [{"role": "system", "content": draw(_SAID)}] if draw(st.booleans()) else []
    numbers = iter(range(100))
    for _ in range(draw(st.integers(1, 2))):
        messages.append({"role": "user", "content": draw(_SAID)})
        for _ in range(draw(st.integers(0, 2))):
            calls = [_call(f"id{next(numbers)}", draw(_ARGUMENTS)) for _ in range(draw(st.integers(1, 2)))]
            messages.append({**_thought(draw), "role": "assistant", "content": draw(_TEXTS), "tool_calls": calls})
            messages += [{"role": "tool", "content": draw(_TEXTS), "tool_call_id": call["id"]} for call in calls]
        weight = {"weight": 0} if weights and draw(st.booleans()) else {}
        messages.append({**_thought(draw), "role": "assistant", "content": draw(_SAID), **weight})
    has_calls = any("tool_calls" in message for message in messages)
    return {"messages": messages, **({"tools": [READ]} if has_calls else {})}


def _thought(draw: st.DrawFn) -> Record:
    thought = draw(_TEXTS)
    return {"reasoning_content": thought} if thought else {}


def _call(identity: str, arguments: Record) -> Record:
    function = {"name": "read_file", "arguments": json.dumps(arguments, ensure_ascii=False)}
    return {"id": identity, "type": "function", "function": function}


def said(record: Record) -> Conversation:
    """What a record says: ids of calls are counted, as they are names alone."""
    found = conversation_of(record)
    assert found is not None
    names: dict[str, str] = {}
    turns = []
    for turn in found.turns:
        calls = tuple(
            call.__class__(names.setdefault(call.id, str(len(names))), call.name, call.arguments) for call in turn.calls
        )
        turns.append(turn._replace(calls=calls, call_id=names.get(turn.call_id, "")))
    return Conversation(tuple(turns), found.tools)


def without(conversation: Conversation, lost: Iterable[str]) -> Conversation:
    """A conversation without what is said to be lost."""
    turns, gone = list(conversation.turns), set(lost)
    if Loss.WEIGHT in gone:
        turns = [turn._replace(weight=None) for turn in turns]
    if Loss.TEXT_BESIDE_CALL in gone:
        turns = [turn._replace(content="") if turn.calls else turn for turn in turns]
    if Loss.AT_ONCE in gone:
        turns, _ = one_call_at_a_time(turns)
        turns = said_of(turns)
    if Loss.CALLS in gone:
        turns = [turn for turn in turns if turn.role != "tool" and not turn.calls]
    if Loss.JOINED in gone:
        turns = [*turns[:1], *in_turns(turns[1:])[0]] if turns[0].role == "system" else in_turns(turns)[0]
    return Conversation(tuple(turns), () if Loss.TOOLS in gone else conversation.tools)


def said_of(turns: list[Turn]) -> list[Turn]:
    """Turns with the ids of calls counted again."""
    names: dict[str, str] = {}
    found = []
    for turn in turns:
        calls = tuple(
            call.__class__(names.setdefault(call.id, str(len(names))), call.name, call.arguments) for call in turn.calls
        )
        found.append(turn._replace(calls=calls, call_id=names.get(turn.call_id, "")))
    return found


def item_of(chosen: Format, record: Record) -> Any:
    """What a format takes of a record."""
    whole = conversation_of(record)
    assert whole is not None
    if chosen.takes == "answers":
        return Answer(whole, good=True)
    if chosen.takes == "pairs":
        parts = split_at_answer(whole)
        assert parts is not None
        return Pair(parts[0], parts[1], (Turn("assistant", "Worse."),))
    return whole


PLACES = {"openai": "think-tags", "openai-preference": "think-tags", "alpaca": "think-tags"}
FORMATS = sorted(set(BUILT_IN) - {"grpo"})


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=25)
@given(record=chats())
def test_all_comes_back_from_a_format_but_what_it_says_it_loses(name: str, record: Record) -> None:
    chosen = BUILT_IN[name]
    place: Any = PLACES.get(name, chosen.default_reasoning)
    made = chosen.convert(item_of(chosen, record), place)
    assert chosen.loses.issuperset(made.lost)
    if made.left_out:
        return
    back, sample, _ = read_as_ours(json.loads(json.dumps(made.rows[-1])), None, None)
    wanted, found = without(said(record), made.lost), said(back)
    assert found.turns == wanted.turns
    if name == "harmony":
        # Its types don't say all that a schema does.
        assert [tool["function"]["name"] for tool in found.tools] == [one["function"]["name"] for one in wanted.tools]
    else:
        assert found.tools == wanted.tools
    if chosen.takes == "pairs":
        assert said(worse_record(sample)).turns[-1].content == "Worse."
    assert sample.good is (True if chosen.takes == "answers" else None)


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=st.lists(chats(weights=False), min_size=1, max_size=4))
def test_files_with_columns_give_back_what_lines_do(name: str, records: list[Record], tmp_path: Path) -> None:
    chosen = BUILT_IN[name]
    rows = [row for record in records for row in chosen.convert(item_of(chosen, record), chosen.default_reasoning).rows]
    found = []
    for path in (tmp_path / "rows.jsonl", tmp_path / "rows.parquet", tmp_path / "rows"):
        file = open_rows(path, chosen.columns)
        for row in rows:
            file.add(row)
        file.finish()
        read = [read_as_ours(one.record, None, None)[0] for one in read_records(path) if one.record]
        found.append([(said(one), one["metadata"]) for one in read])
    assert len(found[0]) == len(rows) and found[0] == found[1] == found[2]


@settings(max_examples=15)
@given(record=chats())
def test_a_record_of_ours_is_read_as_it_is(record: Record) -> None:
    own, _, name = read_as_ours({**record, "metadata": {"conversation_type": "cot"}}, None, None)
    assert said(own) == said(record) and own["metadata"]["conversation_type"] == "cot"
    assert read_as_ours(own, None, None)[0] == own and name in ("openai", "deepfabric")
