"""Make a record of ours of what was read from another tool's, and tell ours from theirs.

What isn't understood of a record is kept in its metadata, under `more`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deepfabric_core.samples.foreign.reader import ForeignSample, Message, Raw, Reader, UnreadableRecordError
from deepfabric_core.samples.foreign.readers import read_foreign
from deepfabric_core.samples.foreign.tools import parsed
from deepfabric_core.samples.foreign.turns import text_of
from deepfabric_core.samples.records import NO_REASONING, Record
from deepfabric_core.topics.model import topic_id

_ROLES = frozenset(("system", "user", "assistant", "tool"))
_KEYS = frozenset(("role", "content", "tool_calls", "tool_call_id", "name", "weight", "reasoning_content", "thinking"))
# A text that holds one of these has reasoning or calls between tags.
_TAGS = ("</think>", "</thinking>", "</thought>", "</reasoning>", "[/THINK]", "</tool_call>")
# Keys of older versions of DeepFabric, whose messages lack what stands there.
OLDER_KEYS = frozenset(("reasoning_trace", "tool_executions", "executions", "available_tools"))
_TOPICS = ("topic_path", "topic")
_DEEPFABRIC = "deepfabric"
_NOTHING: tuple[Any, ...] = (None, "", [], {})


def is_ours(record: Raw) -> bool:
    """Whether a record has messages as ours do, so that nothing in it has to be read in another way."""
    messages, tools = record.get("messages"), record.get("tools")
    if not isinstance(messages, list) or not messages or not (tools is None or isinstance(tools, list)):
        return False
    for message in messages:
        if not isinstance(message, dict) or not _is_our_message(message):
            return False
    if not OLDER_KEYS.isdisjoint(record):
        return False
    return "tool_context" not in record or any("tool_calls" in one for one in messages)


def _is_our_message(message: Message) -> bool:
    role, content = message.get("role"), message.get("content")
    if not isinstance(role, str) or role not in _ROLES:
        return False
    # Most messages have a role and a content, and nothing else.
    if (content is None or len(message) > 2) and not message.keys() <= _KEYS:  # noqa: PLR2004
        return False
    if role != "assistant" or not isinstance(content, str):
        return isinstance(content, str) or content is None
    return ("</" not in content and "[/" not in content) or not any(tag in content for tag in _TAGS)


def as_ours(record: Raw) -> Raw | None:
    """Return a record of any format as one of ours, itself if it is one; None if it holds no conversation."""
    if is_ours(record):
        return record
    try:
        sample, name = read_foreign(record)
    except UnreadableRecordError:
        return None
    return record_of(sample, record, name)


def worse_of(record: Raw) -> tuple[Raw, Raw] | None:
    """Return the record with the better answer and that with the worse one, of a record that has both; else None."""
    if is_ours(record):
        return None
    try:
        sample, name = read_foreign(record)
    except UnreadableRecordError:
        return None
    return None if sample.worse is None else (record_of(sample, record, name), worse_record(sample))


def label_of(record: Raw) -> bool | None:
    """Return whether a record says that its answer is good; None if it doesn't say."""
    if "label" not in record and "kto_tag" not in record:
        return None
    try:
        return read_foreign(record)[0].good
    except UnreadableRecordError:
        return None


def record_of(sample: ForeignSample, raw: Raw, name: str, *, topic_column: str | None = None) -> Record:
    """Return what was read as a record of ours.

    Args:
        sample: what was read.
        raw: the record that it was read from.
        name: the format of that.
        topic_column: the key of the topic, if it isn't `topic` or `topic_path`.
    """
    unread = {key: value for key, value in raw.items() if key not in sample.taken and value not in _NOTHING}
    if name == _DEEPFABRIC and _is_as_today(sample, raw):
        return dict(raw)
    given = parsed(unread.pop("metadata", None))
    said = dict(given) if isinstance(given, Mapping) else {}
    more = dict(sample.rest) | ({"metadata": given} if given is not None and not isinstance(given, Mapping) else {})
    path, key = _topic(unread, said, topic_column)
    unread.pop(key, None)
    if isinstance(unread.get("source"), str):
        said.setdefault("source", unread.pop("source"))
    kept = unread if name == _DEEPFABRIC else {}
    more |= {} if name == _DEEPFABRIC else unread
    return {**_said(sample, said, path, more), **kept}


def _is_as_today(sample: ForeignSample, raw: Raw) -> bool:
    return is_ours(raw) and list(sample.messages) == raw.get("messages") and sample.reasoning is raw.get("reasoning")


def _said(sample: ForeignSample, said: Mapping[str, Any], path: Sequence[str], more: Mapping[str, Any]) -> Record:
    messages, reasoning = _reasoning(sample.messages, sample.reasoning, stays=sample.worse is not None)
    is_thought = bool(reasoning["content"]) or any("reasoning_content" in one for one in messages)
    is_work = is_thought or any(one.get("tool_calls") for one in messages)
    metadata = {"conversation_type": "cot" if is_work else "basic", **said}
    if path:
        metadata |= {"topic_id": said.get("topic_id") or topic_id("tree", tuple(path)), "topic_path": list(path)}
    if more:
        metadata["more"] = {**more, **(said["more"] if isinstance(said.get("more"), Mapping) else {})}
    record: Record = {"messages": messages, "metadata": metadata, "reasoning": reasoning}
    if sample.tools:
        record["tools"] = list(sample.tools)
    return record | {"question": _first(messages, "user"), "final_answer": _last_answer(messages)}


def worse_record(sample: ForeignSample) -> Record:
    """Return the record of the worse answer."""
    messages, reasoning = _reasoning(sample.worse or (), None, stays=True)
    tools = {"tools": list(sample.tools)} if sample.tools else {}
    first, last = _first(messages, "user"), _last_answer(messages)
    return {
        "messages": messages,
        "metadata": {},
        "reasoning": reasoning,
        **tools,
        "question": first,
        "final_answer": last,
    }


def _reasoning(given: Sequence[Message], beside: Any, *, stays: bool) -> tuple[list[Message], Mapping[str, Any]]:
    """Return messages, and the reasoning of the record: that of the answer, unless other messages have some, too.

    That of one of two answers `stays` in its message, where pairs are read.
    """
    messages = list(given)
    if isinstance(beside, Mapping) and beside.get("content") is not None:
        content = beside["content"]
        return messages, {**beside, "style": "freetext" if isinstance(content, str) else "agent"}
    if isinstance(beside, str) and beside:
        return messages, {"style": "freetext", "content": beside}
    thinking = [at for at, message in enumerate(messages) if message.get("reasoning_content")]
    answers = [at for at, message in enumerate(messages) if message["role"] == "assistant"]
    if stays or len(thinking) != 1 or thinking[0] != answers[-1]:
        return messages, NO_REASONING
    own = messages[thinking[0]]
    messages[thinking[0]] = {key: value for key, value in own.items() if key != "reasoning_content"}
    return messages, {"style": "freetext", "content": own["reasoning_content"]}


def _topic(raw: Raw, said: Raw, column: str | None) -> tuple[tuple[str, ...], str]:
    """Return the path of the topic that a record or its metadata name, and its key in the record, "" if not there."""
    for key in (column,) if column else _TOPICS:
        for place in (raw, said):
            own = next((name for name in place if name == key or name.casefold() == key.casefold()), "")
            if path := _path(place.get(own)):
                return path, own if place is raw else ""
    return (), ""


def _path(value: Any) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(str(name) for name in value) if all(isinstance(name, str | int) for name in value) else ()
    return (str(value),) if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip() else ()


def _first(messages: Sequence[Message], role: str) -> str:
    return next((text_of(one.get("content")) for one in messages if one["role"] == role), "")


def _last_answer(messages: Sequence[Message]) -> str:
    last = messages[-1] if messages else {}
    return text_of(last.get("content")) if last.get("role") == "assistant" else ""


def read_as_ours(raw: Raw, reader: Reader | None, topic_column: str | None) -> tuple[Record, ForeignSample, str]:
    """Return a record as one of ours, what was read of it, and the name of its format.

    Raises:
        UnreadableRecordError: it can't be read as a conversation; the message says why.
    """
    sample, name = read_foreign(raw, reader)
    return record_of(sample, raw, name, topic_column=topic_column), sample, name
