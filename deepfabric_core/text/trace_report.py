"""Show a trace as plain text: a line for each call, one call in full, and the sums."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from deepfabric_core.amounts import Spent, Usage
from deepfabric_core.chat.messages import ToolCall
from deepfabric_core.chat.trace import Trace, TracedCall
from deepfabric_core.printable import printable, printable_path, printable_text
from deepfabric_core.text.spending import cost_in_words
from deepfabric_core.wording import counted, duration, money

_PATH_WIDTH = 48
_OUTCOME_WIDTH = 60
_SHOWN_LINES = 10
# What is in the column of the way where no schema was asked for.
NO_SCHEMA = "text"
_TOOLS = "tools"

NumberedCall = tuple[int, TracedCall]


class TraceTotals(NamedTuple):
    """The sums over the calls of a trace; `seconds` is the sum of their durations, `elapsed` from first to last."""

    calls: int
    usage: Usage
    unpriced: int
    seconds: float
    elapsed: float
    errors: Mapping[str, int]
    ways: Mapping[str, int]
    models: frozenset[str]


def numbered(trace: Trace, *, failed: bool) -> list[NumberedCall]:
    """Return the calls with their numbers, from 1; with `failed`, only those that had no reply."""
    return [(number, call) for number, call in enumerate(trace.calls, 1) if call.error or not failed]


def totals(calls: Iterable[TracedCall]) -> TraceTotals:
    """Return the sums over some calls."""
    known = list(calls)
    usage = sum((call.usage for call in known), Usage())
    ended = max((call.at + call.seconds for call in known), default=0.0)
    return TraceTotals(
        calls=len(known),
        usage=usage,
        unpriced=sum(call.reply is not None and call.cost is None for call in known),
        seconds=sum(call.seconds for call in known),
        elapsed=ended - min((call.at for call in known), default=0.0),
        errors=Counter(call.error.kind for call in known if call.error),
        ways=Counter(map(way, known)),
        models=frozenset(call.model for call in known),
    )


def way(call: TracedCall) -> str:
    """Return how a reply was asked for: in which way by a schema, with "tools" that may be called, or as "text"."""
    return call.way or (_TOOLS if call.request.offered_tools else NO_SCHEMA)


def outcome(call: TracedCall) -> str:
    """Return what came of a call, in a few words."""
    if call.error is not None:
        status = f" ({call.error.status})" if call.error.status else ""
        return printable(f"failed: {call.error.kind}{status}", _OUTCOME_WIDTH)
    if call.reply is None:
        return "nothing"
    again = f", after {call.because}" if call.because else ""
    called = counted(len(call.reply.tool_calls), "tool call") if call.reply.tool_calls else ""
    return printable(f"{called or call.reply.finish_reason}{again}", _OUTCOME_WIDTH)


def listing(calls: Iterable[NumberedCall]) -> Iterator[str]:
    """Yield a header, then a line per call."""
    known = list(calls)
    width = max((len(printable_path(call.subject.path, _PATH_WIDTH)) for _, call in known), default=0)
    head = ("Call", "Time", "Stage", "Topic", "Way", "In", "Out", "Seconds", "Outcome")
    yield _row(head, max(width, len("Topic")))
    for number, call in known:
        yield _row(_cells(number, call), max(width, len("Topic")))


def _cells(number: int, call: TracedCall) -> tuple[str, ...]:
    return (
        f"{number}",
        time.strftime("%H:%M:%S", time.localtime(call.at)),
        printable(call.stage, 8),
        printable_path(call.subject.path, _PATH_WIDTH),
        way(call),
        f"{call.prompt_tokens:,}",
        f"{call.completion_tokens:,}",
        f"{call.seconds:.2f}",
        outcome(call),
    )


def _row(cells: tuple[str, ...], width: int) -> str:
    number, at, stage, topic, asked, told, said, seconds, came = cells
    return (
        f"{number:>6}  {at:<8}  {stage:<8}  {topic:<{width}}  {asked:<18}  {told:>7}  {said:>7}  {seconds:>7}  {came}"
    )


def sums(calls: Iterable[TracedCall]) -> str:
    """Return the sums over some calls in two aligned columns."""
    known = totals(calls)
    failed = sum(known.errors.values())
    rows = [
        ("Calls", f"{known.calls:,}" + (f", {failed:,} of them failed ({_counts(known.errors)})" if failed else "")),
        ("Tokens", f"{known.usage.prompt_tokens:,} in, {known.usage.completion_tokens:,} out"),
        ("Cost", cost_in_words(Spent(known.calls - failed, known.usage, known.unpriced), known.models)),
        ("Time", f"{known.seconds:,.1f} s in calls, within {duration(known.elapsed)}"),
        ("Ways", _counts(known.ways) or "none"),
    ]
    return "\n".join(f"{label:<7} {text}" for label, text in rows)


def _counts(counts: Mapping[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count:,} {printable(what)}" for what, count in ordered)


def damage(trace: Trace) -> str:
    """Return a sentence about the damaged lines of a trace; empty if there are none."""
    if not trace.damaged:
        return ""
    shown = ", ".join(f"{number:,}" for number in trace.damaged[:_SHOWN_LINES])
    more = f" and {len(trace.damaged) - _SHOWN_LINES:,} more" if len(trace.damaged) > _SHOWN_LINES else ""
    if len(trace.damaged) == 1:
        return f"{trace.source}, line {shown}: it is damaged and left out."
    return f"{trace.source}, lines {shown}{more}: they are damaged and left out."


def in_full(number: int, call: TracedCall) -> str:
    """Return everything about one call: facts in two columns, then the messages and what came of them."""
    request = call.request
    asked = f"{request.schema} as {call.way}" if request.schema else ""
    cost = "" if call.cost is None else f", {money(call.cost)}" if call.cost else ", free"
    facts = [
        ("Call", f"{number}, {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(call.at))}, {call.stage}"),
        ("Model", call.model),
        ("Topic", f"{' > '.join(call.subject.path)}, variation {call.subject.variation}, {call.subject.wanted} wanted"),
        ("Schema", asked),
        ("Tools", ", ".join(request.offered_tools)),
        ("Limits", f"{request.max_tokens:,} tokens, temperature {request.temperature}"),
        ("Again", call.because),
        ("Used", f"{call.prompt_tokens:,} tokens in, {call.completion_tokens:,} out{cost}"),
        ("Took", f"{call.seconds:.3f} s"),
        ("Outcome", outcome(call)),
    ]
    head = "\n".join(f"{label:<8} {printable(text)}" for label, text in facts if text)
    return "\n\n".join((head, *_parts(call)))


def _parts(call: TracedCall) -> Iterator[str]:
    """Yield each message, then the reply or the error, under a line that says what it is."""
    for message in call.request.messages:
        of = f" to {printable(message.tool_call_id)}" if message.tool_call_id else ""
        yield _part(f"{message.role}{of}", message.content, message.tool_calls)
    if call.reply is not None:
        yield _part(f"reply of {printable(call.reply.model)}", call.reply.text, call.reply.tool_calls)
    if call.error is not None:
        yield _part(f"error, {printable(call.error.kind)}", call.error.message, ())


def _part(head: str, text: str, calls: tuple[ToolCall, ...]) -> str:
    called = (f"{printable(call.name)}({printable(call.arguments)})" for call in calls)
    return "\n".join((f"--- {head}", *filter(None, (printable_text(text),)), *called))


def as_object(number: int, call: TracedCall) -> dict[str, Any]:
    """Return the line of a listing for scripts."""
    return {
        "call": number,
        "at": call.at,
        "stage": call.stage,
        "model": call.model,
        "topic_path": list(call.subject.path),
        "variation": call.subject.variation,
        "way": way(call),
        "schema": call.request.schema or None,
        "because": call.because or None,
        "prompt_tokens": call.prompt_tokens,
        "completion_tokens": call.completion_tokens,
        "cost": call.cost,
        "seconds": call.seconds,
        "finish_reason": call.reply.finish_reason if call.reply else None,
        "error": {"kind": call.error.kind, "message": call.error.message, "status": call.error.status}
        if call.error
        else None,
    }


def totals_object(calls: Iterable[TracedCall]) -> dict[str, Any]:
    """Return the sums for scripts."""
    known = totals(calls)
    return {
        "calls": known.calls,
        "prompt_tokens": known.usage.prompt_tokens,
        "completion_tokens": known.usage.completion_tokens,
        "cost": known.usage.cost,
        "unpriced": known.unpriced,
        "seconds": round(known.seconds, 6),
        "elapsed": round(known.elapsed, 3),
        "errors": dict(known.errors),
        "ways": dict(known.ways),
    }
