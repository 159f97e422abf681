"""The card of a sample: all that is shown of it, made from its line when it is looked at."""

from __future__ import annotations

import json
import re
import time
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deepfabric_core.chat.tools import text_of
from deepfabric_core.samples.foreign.places import Turn, foreign_conversation
from deepfabric_core.samples.reading import JournalLine, mapping_of, messages_of, metadata_of
from deepfabric_core.samples.reviews import Decision, Review
from deepfabric_core.store.failure_log import shown_last_call
from deepfabric_core.wording import counted, money
from deepfabric_nb.samples.edits import Place, at_place, text_at
from deepfabric_nb.samples.index import UNREADABLE, findings_of, finite_number, record_of
from deepfabric_nb.samples.other_format import in_other_format
from deepfabric_nb.samples.protocol import (
    CallShown,
    Card,
    CheckShown,
    DecisionShown,
    FieldShown,
    MessageShown,
    ScoreShown,
)
from deepfabric_nb.samples.record_texts import NOT_READ, text_parts
from deepfabric_nb.samples.shown_text import ShownText

_REPEATED = ("question", "final_answer", "answer")
_REASONING = ("reasoning", "chain_of_thought", "reasoning_steps")
_ERROR = re.compile(
    r"\s*(?:\w*(?:Error|Exception|FileNotFound|InvalidArguments)\s*:|Traceback \(most recent call last\))"
)


def card_of(row: int, line: JournalLine, path: Sequence[str], review: Review, shown: ShownText) -> Card:
    """Return the card of a row: of the record as it was edited last, if it was edited."""
    original = record_of(line)
    record = review.applied_to(dict(original))
    said, judge = metadata_of(record), mapping_of(metadata_of(original).get("judge"))
    request, reply = shown_last_call(line)
    system, messages = _spoken(record, shown)
    return {
        "row": row,
        "path": list(path),
        "facts": [shown.line(fact, 200) for fact in _facts(line, said)],
        "system": system,
        "messages": messages,
        "fields": list(_fields(record, shown)),
        "tools": [shown.line(name, 200) for name in _tools(record)],
        "score": finite_number(judge.get("score")) if judge.get("judged") is True else None,
        "scores": list(_scores(judge, shown)),
        "checks": [_check(found, shown) for found in findings_of(line)],
        "error": shown.text(str(line.get("error") or "")),
        "request": shown.text(request),
        "reply": shown.text(reply),
        "history": [_decision(one, shown) for one in review.decisions],
        "before": _before(original, record, shown) if review.edited is not None else [],
    }


# ---- a conversation


def _spoken(record: Mapping[str, Any], shown: ShownText) -> tuple[str, list[MessageShown]]:
    """Return the system prompt and the messages of a record; none if it isn't a conversation."""
    if (own := in_other_format(record)) is not None:
        said = _Conversation(own.record, shown)
        return said.system, [_unplaced(message) for message in said.messages]
    if (other := foreign_conversation(record)) is not None:
        first = next((at for at, turn in enumerate(other.turns) if turn.role != "system"), len(other.turns))
        system = "\n\n".join(turn.text for turn in other.turns[:first])
        return shown.text(system), [_turn_shown(turn, shown) for turn in other.turns[first:]]
    if messages_of(record) is None:
        return "", []
    conversation = _Conversation(record, shown)
    return conversation.system, conversation.messages


def _unplaced(message: MessageShown) -> MessageShown:
    """Return a message that can't be edited, as its record holds it in another way."""
    calls: list[CallShown] = [{**call, "at": [], "result_at": []} for call in message["calls"]]
    return {**message, "calls": calls, "at": []}


def _turn_shown(turn: Turn, shown: ShownText) -> MessageShown:
    return {"role": turn.role, "text": shown.text(turn.text), "reasoning": [], "calls": [], "at": list(turn.place)}


@dataclass(frozen=True, slots=True)
class _Result:
    text: str
    at: list[str | int]


class _Conversation:
    """The messages of a record, with the results of tool calls beside the calls, and the reasoning before each."""

    def __init__(self, record: Mapping[str, Any], shown: ShownText) -> None:
        self._record = record
        self._shown = shown
        self._all = messages_of(record) or []
        self._results = self._results_by_id()
        self.system, first = self._leading_system()
        self.messages = [self._message(at) for at in range(first, len(self._all)) if not self._is_paired(at)]
        if not any(message["calls"] for message in self.messages):
            self._add_executions()
        self._add_reasoning()

    def _leading_system(self) -> tuple[str, int]:
        first = 0
        while first < len(self._all) and self._all[first].get("role") in ("system", "developer"):
            first += 1
        texts = [_content(message) for message in self._all[:first]]
        return self._shown.text("\n\n".join(texts)), first

    def _results_by_id(self) -> dict[str, deque[_Result]]:
        """Return the results by the id of their call, in their order, as several calls may have one id."""
        called = {own for message in self._all for own in map(_id_of, _calls_of(message))}
        found: dict[str, deque[_Result]] = defaultdict(deque)
        for at, message in enumerate(self._all):
            own = message.get("tool_call_id")
            if message.get("role") == "tool" and isinstance(own, str) and own in called:
                found[own].append(_Result(_content(message), ["messages", at, "content"]))
        return found

    def _is_paired(self, at: int) -> bool:
        message = self._all[at]
        own = message.get("tool_call_id")
        return message.get("role") == "tool" and isinstance(own, str) and own in self._results

    def _message(self, at: int) -> MessageShown:
        message = self._all[at]
        calls = [self._call(call, at, number) for number, call in enumerate(_raw_calls(message)) if _is_call(call)]
        thoughts = (message.get(name) for name in ("reasoning_content", "reasoning"))
        return {
            "role": self._shown.line(str(message.get("role") or ""), 40),
            "text": self._shown.text(_content(message)),
            "reasoning": [self._shown.text(one) for one in thoughts if isinstance(one, str) and one.strip()],
            "calls": calls,
            "at": _place_of_text(message, at),
        }

    def _call(self, call: Mapping[str, Any], at: int, number: int) -> CallShown:
        function = call["function"]
        waiting = self._results.get(_id_of(call))
        result = waiting.popleft() if waiting else None
        arguments = text_of(function.get("arguments", ""))
        place: list[str | int] = ["messages", at, "tool_calls", number, "function", "arguments"]
        return self._shown_call(str(function.get("name") or ""), arguments, place, result)

    def _shown_call(self, name: str, arguments: str, at: list[str | int], result: _Result | None) -> CallShown:
        return {
            "name": self._shown.line(name, 200),
            "arguments": self._shown.text(pretty(arguments)),
            "result": None if result is None else self._shown.text(result.text),
            "failed": result is not None and is_error(result.text),
            "at": at,
            "result_at": [] if result is None else result.at,
        }

    def _add_executions(self) -> None:
        """Show the calls that only DeepFabric's `tool_context` has before the last message."""
        executions = mapping_of(self._record.get("tool_context")).get("executions")
        done = [one for one in executions if isinstance(one, Mapping)] if isinstance(executions, list) else []
        calls = [self._execution(one) for one in done]
        if calls:
            before: MessageShown = {"role": "assistant", "text": "", "reasoning": [], "calls": calls, "at": []}
            self.messages.insert(max(0, len(self.messages) - 1), before)

    def _execution(self, one: Mapping[str, Any]) -> CallShown:
        result = one.get("result")
        came = None if result is None else _Result(text_of(result), [])
        return self._shown_call(str(one.get("function_name") or ""), text_of(one.get("arguments", "")), [], came)

    def _add_reasoning(self) -> None:
        """Put the record's steps of thought before what they led to: a call each and the answer, or all before that."""
        steps = [self._shown.text(step) for step in _steps(self._record)]
        spoken = [message for message in self.messages if message["role"] == "assistant"]
        if not steps or not spoken:
            if steps and self.messages:
                self.messages[-1]["reasoning"] += steps
            return
        if len(steps) == sum(len(message["calls"]) for message in spoken) + 1:
            left = deque(steps)
            for message in spoken:
                message["reasoning"] += [thought for _ in message["calls"] if (thought := left.popleft())]
            spoken[-1]["reasoning"] += [thought for thought in left if thought]
        else:
            spoken[-1]["reasoning"] += [step for step in steps if step]


def _content(message: Mapping[str, Any]) -> str:
    """Return the text of a message: of several parts one below the other, and other objects as JSON."""
    content = message.get("content")
    if (parts := text_parts(content)) is not None:
        return "\n".join(parts)
    return "" if content is None else text_of(content)


def _place_of_text(message: Mapping[str, Any], at: int) -> Place:
    """Return the place of a message's text; empty if it is made of several parts."""
    content: Any = message.get("content")
    if text_parts(content) is None:
        return ["messages", at, "content"]
    return ["messages", at, "content", 0, "text"] if len(content) == 1 and "text" in content[0] else []


def _raw_calls(message: Mapping[str, Any]) -> list[Any]:
    calls = message.get("tool_calls")
    return calls if isinstance(calls, list) else []


def _calls_of(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [call for call in _raw_calls(message) if _is_call(call)]


def _is_call(call: object) -> bool:
    return isinstance(call, Mapping) and isinstance(call.get("function"), Mapping)


def _id_of(call: Mapping[str, Any]) -> str:
    own = call.get("id")
    return own if isinstance(own, str) else ""


def _steps(record: Mapping[str, Any]) -> list[str]:
    """Return the steps of the record's reasoning: of an agent one for each call and one for the answer."""
    steps: list[str] = []
    for name in _REASONING:
        reasoning = record.get(name)
        content = reasoning.get("content") if isinstance(reasoning, Mapping) else reasoning
        if isinstance(content, list):
            steps += map(_step, content)
        elif isinstance(content, str) and content.strip():
            steps.append(content)
    return steps


def _step(step: object) -> str:
    if not isinstance(step, Mapping):
        return text_of(step)
    thought = step.get("thought")
    return thought if isinstance(thought, str) else text_of({k: v for k, v in step.items() if k != "step_number"})


def pretty(text: str) -> str:
    """Return JSON with a line a value; any other text as it is."""
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return text


def is_error(result: str) -> bool:
    """Return whether a tool's result says that the call failed: an error's name, or JSON with an error."""
    if _ERROR.match(result[:200]):
        return True
    if not result[:40].lstrip().startswith("{"):
        return False
    try:
        said = json.loads(result)
    except (ValueError, RecursionError):
        return False
    return isinstance(said, dict) and bool(said.get("error"))


# ---- a record of another schema, and what is beside the messages


def _fields(record: Mapping[str, Any], shown: ShownText) -> Iterator[FieldShown]:
    """Yield the fields of a record of the user's own schema; of a conversation, those that the messages don't have."""
    for name in _names_of_fields(record):
        yield _field(name, record[name], [name], shown)


def _names_of_fields(record: Mapping[str, Any]) -> Iterator[str]:
    if (own := in_other_format(record)) is not None:
        yield from (name for name in record if name not in own.taken and not _is_read(record, name))
    elif (other := foreign_conversation(record)) is not None:
        held = {name for name, value in record.items() if value not in (None, "", [])}
        yield from (name for name in record if name in held and name not in other.keys and not _is_read(record, name))
    elif (messages := messages_of(record)) is None:
        yield from (name for name in record if not _is_read(record, name))
    else:
        said = {_content(message) for message in messages}
        for name, value in record.items():
            repeats = value is None or (name in _REPEATED and value in ("", *said))
            if name not in NOT_READ and name not in _REASONING and not repeats:
                yield name


def _is_read(record: Mapping[str, Any], name: str) -> bool:
    """Whether a field holds the metadata, which are shown as facts."""
    return name == "metadata" and bool(metadata_of(record))


def _field(name: str, value: Any, at: list[str | int], shown: ShownText) -> FieldShown:
    is_json = not isinstance(value, str)
    text = json.dumps(value, ensure_ascii=False, indent=2, default=str) if is_json else value
    return {"name": shown.line(str(name), 200), "text": shown.text(text), "is_json": is_json, "at": at}


def _tools(record: Mapping[str, Any]) -> Iterator[str]:
    if (own := in_other_format(record)) is not None:
        record = own.record
    tools = record.get("tools")
    if messages_of(record) is None or not isinstance(tools, list):
        return
    for tool in tools:
        function = mapping_of(mapping_of(tool).get("function")) or mapping_of(tool)
        if isinstance(function.get("name"), str):
            yield function["name"]


# ---- what is said of it


def _facts(line: JournalLine, said: Mapping[str, Any]) -> Iterator[str]:
    usage = mapping_of(line.get("usage"))
    if model := line.get("model"):
        yield f"{model} (simulated)" if said.get("simulated") is True else str(model)
    tokens = [usage.get(name) for name in ("prompt_tokens", "completion_tokens")]
    known = [number for number in tokens if isinstance(number, int) and not isinstance(number, bool)]
    if sum(known):
        yield counted(sum(known), "token")
    cost = None if said.get("cost_known") is False else finite_number(usage.get("cost"))
    if cost is not None:
        yield money(cost) if cost else "free"
    elif line.get("model"):
        yield "cost unknown"
    attempts, cycle = line.get("attempts"), line.get("cycle")
    if isinstance(attempts, int) and attempts > 1:
        yield counted(attempts, "model call")
    if isinstance(cycle, int) and cycle > 0:
        yield f"cycle {cycle + 1}"
    if kind := line.get("kind"):
        yield kind if kind == UNREADABLE else f"failed: {kind}"


def _scores(judge: Mapping[str, Any], shown: ShownText) -> Iterator[ScoreShown]:
    if judge.get("judged") is not True:
        return
    reasons = mapping_of(judge.get("reasons"))
    for name, given in mapping_of(judge.get("scores")).items():
        if (score := finite_number(given)) is not None:
            reason = shown.text(str(reasons.get(name) or ""))
            yield {"criterion": shown.line(str(name).replace("_", " "), 100), "score": score, "reason": reason}


def _check(found: tuple[str, str, str], shown: ShownText) -> CheckShown:
    check, reason, evidence = found
    return {
        "check": shown.line(check.replace("_", " "), 100),
        "reason": shown.text(reason),
        "evidence": shown.text(evidence),
    }


def _decision(decision: Decision, shown: ShownText) -> DecisionShown:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(decision.at)) if 0 < decision.at < 1e11 else ""  # noqa: PLR2004 - seconds
    said = "; ".join(filter(None, (decision.reason, decision.instruction, decision.comment)))
    return {"action": decision.action, "who": shown.line(decision.who, 60), "when": when, "said": shown.text(said)}


def _before(original: Mapping[str, Any], edited: Mapping[str, Any], shown: ShownText) -> list[FieldShown]:
    """Return the texts that an edit changed, as they were."""
    return [_as_it_was(place, original, shown) for place in _places(edited) if _differs(place, original, edited)]


def _places(record: Mapping[str, Any]) -> Iterator[Place]:
    """Yield the places that can be edited by hand."""
    other = None if in_other_format(record) else foreign_conversation(record)
    messages = None if other else messages_of(record)
    if other is not None:
        yield from (list(turn.place) for turn in other.turns if turn.place)
    for name in _names_of_fields(record) if messages is None else ():
        yield [name]
    for at, message in enumerate(messages or ()):
        if place := _place_of_text(message, at):
            yield place
        for number, call in enumerate(_raw_calls(message)):
            if _is_call(call):
                yield ["messages", at, "tool_calls", number, "function", "arguments"]


def _differs(place: Place, original: Mapping[str, Any], edited: Mapping[str, Any]) -> bool:
    return text_at(original, place) != text_at(edited, place)


def _as_it_was(place: Place, original: Mapping[str, Any], shown: ShownText) -> FieldShown:
    value = at_place(original, place)
    field = _field(str(place[-1]), value, place, shown)
    if place[-1] == "arguments":
        return {**field, "text": shown.text(pretty(text_of(value)))}
    return field
