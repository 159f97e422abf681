"""Alpaca: an instruction with its input and output; LLaMA-Factory adds a system prompt, history, a worse answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from deepfabric_core.samples.foreign.openai import reasoning_beside, tools_beside, with_system
from deepfabric_core.samples.foreign.reader import ForeignSample, Message, Raw, Reader, UnreadableRecordError
from deepfabric_core.samples.foreign.tools import parsed
from deepfabric_core.samples.foreign.trl import label_of, said_in
from deepfabric_core.samples.foreign.turns import text_of

_OUTPUTS = ("output", "response", "completion", "answer")
_PAIR = 2


def _output(record: Raw) -> str | None:
    return next((key for key in _OUTPUTS if record.get(key) is not None), None)


def _matches(record: Raw) -> bool:
    has_answer = _output(record) is not None or ("chosen" in record and "rejected" in record)
    return isinstance(record.get("instruction"), str) and has_answer


def _read(record: Raw) -> ForeignSample:
    beside = "input" if "input" in record else "context"
    asked = "\n".join(filter(None, (text_of(record.get("instruction")), text_of(record.get(beside)))))
    said = [*_history(parsed(record.get("history"))), *([{"role": "user", "content": asked}] if asked else [])]
    if not asked:
        raise UnreadableRecordError("its instruction is empty")
    before, system = with_system(said, record)
    tools, tools_key = tools_beside(record)
    thought, thought_key = reasoning_beside(record)
    taken = {"instruction", beside, "history", *system, *tools_key, *thought_key}
    if record.get("chosen") and record.get("rejected"):
        better, worse = (said_in(record[key], "assistant") for key in ("chosen", "rejected"))
        keys = frozenset((*taken, "chosen", "rejected"))
        return ForeignSample([*before, *better], keys, tools, thought, [*before, *worse])
    key = _output(record)
    if key is None:
        raise UnreadableRecordError("it has no output")
    answer = said_in(record[key], "assistant")
    good, label = label_of(record)
    return ForeignSample([*before, *answer], frozenset((*taken, *label, key)), tools, thought, good=good)


def _history(pairs: Any) -> Iterator[Message]:
    for pair in pairs if isinstance(pairs, list) else ():
        if not isinstance(pair, list) or len(pair) != _PAIR:
            raise UnreadableRecordError("its history isn't made of pairs of a question and an answer")
        yield {"role": "user", "content": text_of(pair[0])}
        yield from said_in(text_of(pair[1]), "assistant")


READERS = (Reader("alpaca", "an instruction with its input and output, system and history", _matches, _read),)
