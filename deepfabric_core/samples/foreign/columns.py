"""A question and its answer in two columns, under any of their usual names."""

from __future__ import annotations

from deepfabric_core.samples.foreign.openai import reasoning_beside, tools_beside, with_system
from deepfabric_core.samples.foreign.reader import ForeignSample, Raw, Reader, UnreadableRecordError
from deepfabric_core.samples.foreign.trl import label_of, said_in
from deepfabric_core.samples.foreign.turns import text_of

QUESTIONS = ("question", "prompt", "query", "instruction", "problem", "input", "user", "human", "ask")
ANSWERS = (
    "final_answer",
    "answer",
    "response",
    "completion",
    "output",
    "solution",
    "answers",
    "reply",
    "assistant",
    "gpt",
    "target",
)


def pair_of(record: Raw) -> tuple[str, str] | None:
    """Return the columns of the question and of the answer, whatever their case; None if one is missing."""
    folded = {name.strip().casefold(): name for name in reversed(list(record))}
    asked = next((folded[name] for name in QUESTIONS if name in folded and _has_text(record[folded[name]])), None)
    told = (folded[name] for name in ANSWERS if name in folded and folded[name] != asked)
    answered = next((name for name in told if _has_text(record[name])), None)
    return (asked, answered) if asked and answered else None


def _has_text(value: object) -> bool:
    try:
        return bool(text_of(value).strip())
    except UnreadableRecordError:
        return False


def _read(record: Raw) -> ForeignSample:
    pair = pair_of(record)
    if pair is None:
        raise UnreadableRecordError(f"it has no question with an answer, but {_names(record)}")
    asked, answered = pair
    question, answer = (text_of(record[name]) for name in pair)
    before, system = with_system([{"role": "user", "content": question}], record)
    tools, tools_key = tools_beside(record)
    thought, thought_key = reasoning_beside(record)
    good, label = label_of(record)
    taken = frozenset((asked, answered, *system, *tools_key, *thought_key, *label))
    return ForeignSample([*before, *said_in(answer, "assistant")], taken, tools, thought, good=good)


def _names(record: Raw) -> str:
    names = [name[:30] for name in list(record)[:6]]
    return ", ".join(names) + (" and more" if len(record) > len(names) else "") if names else "nothing"


READERS = (Reader("columns", "a question and its answer, each in a column", lambda r: pair_of(r) is not None, _read),)
