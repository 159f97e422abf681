"""ShareGPT: turns of a human and a GPT, with what LLaMA-Factory adds: tools, calls, a worse answer, a label."""

from __future__ import annotations

from typing import Any

from deepfabric_core.samples.foreign.calls import CallIds
from deepfabric_core.samples.foreign.openai import reasoning_beside, tools_beside, with_system
from deepfabric_core.samples.foreign.reader import ForeignSample, Raw, Reader
from deepfabric_core.samples.foreign.tools import parsed
from deepfabric_core.samples.foreign.trl import label_of, said_in
from deepfabric_core.samples.foreign.turns import read_turns

_TALKS = ("conversations", "conversation", "messages", "dialogue", "dialog")


def _talk(record: Raw) -> str | None:
    return next((key for key in _TALKS if _is_said(record.get(key))), None)


def _is_said(value: Any) -> bool:
    found = parsed(value)
    return isinstance(found, list) and any(
        isinstance(one, dict) and not {"from", "role", "speaker"}.isdisjoint(one) for one in found
    )


def _read(record: Raw) -> ForeignSample:
    key = _talk(record) or _TALKS[0]
    ids = CallIds()
    said, rest = read_turns(record.get(key), ids)
    said, system = with_system(said, record)
    tools, tools_key = tools_beside(record)
    thought, thought_key = reasoning_beside(record)
    taken = {key, *system, *tools_key, *thought_key}
    more = {key: rest} if rest else {}
    if record.get("chosen") and record.get("rejected"):
        better, worse = said_in(record["chosen"], "assistant", ids), said_in(record["rejected"], "assistant")
        keys = frozenset((*taken, "chosen", "rejected"))
        return ForeignSample([*said, *better], keys, tools, thought, [*said, *worse], rest=more)
    good, label = label_of(record)
    return ForeignSample(said, frozenset(taken | label), tools, thought, good=good, rest=more)


def _matches(record: Raw) -> bool:
    return _talk(record) is not None


READERS = (Reader("sharegpt", "turns of a human and a GPT, with system, tools and calls", _matches, _read),)
