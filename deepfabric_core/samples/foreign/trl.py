"""TRL's prompts with what is answered: a completion, labelled or not, or a better and a worse answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile
from typing import Any

from deepfabric_core.samples.foreign.calls import CallIds
from deepfabric_core.samples.foreign.openai import reasoning_beside, tools_beside, with_system
from deepfabric_core.samples.foreign.reader import ForeignSample, Message, Raw, Reader, UnreadableRecordError
from deepfabric_core.samples.foreign.reasoning import apart
from deepfabric_core.samples.foreign.tools import parsed
from deepfabric_core.samples.foreign.turns import is_talk, read_turns

_ANSWERS = ("completion", "answer", "solution", "response", "output", "ground_truth", "reference_answer")
_LABELS = ("label", "kto_tag")
_TRUTHS = {"true": True, "false": False}
_PROMPTS = ("prompt", "question", "instruction", "query", "input")
# Transcripts of both speakers in one text.
_SPOKEN = re.compile(r"\n\n(Human|Assistant):[ ]?")


def said_in(value: Any, role: str, ids: CallIds | None = None) -> list[Message]:
    """Return the messages in a prompt or an answer, which may be a text.

    Raises:
        UnreadableRecordError: it is neither.
    """
    found = parsed(value)
    if is_talk(found):
        return read_turns(found, ids)[0]
    if isinstance(found, dict) and is_talk([found]):
        return read_turns([found], ids)[0]
    if not isinstance(value, str):
        raise UnreadableRecordError(f"its {'prompt' if role == 'user' else 'answer'} is neither a text nor messages")
    if role == "user":
        return [{"role": role, "content": value}] if value else []
    thought, text = apart(value)
    return [{"role": role, "content": text, **({"reasoning_content": thought} if thought else {})}]


def label_of(record: Raw) -> tuple[bool | None, set[str]]:
    """Return whether an answer is labelled as good, None if it isn't labelled, and the key of the label."""
    for key in _LABELS:
        value = record.get(key)
        found = value if isinstance(value, bool) else _TRUTHS.get(str(value).strip().casefold())
        if found is not None:
            return found, {key}
    return None, set()


def _is_preference(record: Raw) -> bool:
    return "chosen" in record and "rejected" in record


def _read_preference(record: Raw) -> ForeignSample:
    ids = CallIds()
    key = next((name for name in _PROMPTS if record.get(name)), "")
    prompt = said_in(record[key], "user", ids) if key else []
    both = [record[name] for name in ("chosen", "rejected")]
    better, worse = (_transcript(one) or said_in(one, "assistant") for one in both)
    if not prompt:
        prompt, better, worse = _shared(better, worse)
    elif better[: len(prompt)] == prompt:
        # Some repeat the prompt in both answers.
        better, worse = better[len(prompt) :], worse[len(prompt) :] if worse[: len(prompt)] == prompt else worse
    return _sample(record, prompt, better, {key, "chosen", "rejected"}, worse)


def _transcript(text: Any) -> list[Message]:
    """Return the messages of a text that says who speaks; none if it doesn't."""
    if not isinstance(text, str) or not _SPOKEN.match(text):
        return []
    _, *parts = _SPOKEN.split(text)
    roles = {"Human": "user", "Assistant": "assistant"}
    return [{"role": roles[who], "content": said} for who, said in zip(parts[::2], parts[1::2], strict=True)]


def _shared(better: list[Message], worse: list[Message]) -> tuple[list[Message], list[Message], list[Message]]:
    """Return the prompt with which both of two conversations begin, and what they go on with."""
    same = takewhile(lambda both: both[0] == both[1], zip(better, worse, strict=False))
    shared = sum(1 for _ in same)
    return better[:shared], better[shared:], worse[shared:]


def _matches(record: Raw) -> bool:
    if "prompt" not in record:
        return False
    return is_talk(parsed(record["prompt"])) or "completion" in record or label_of(record)[0] is not None


def _read(record: Raw) -> ForeignSample:
    ids = CallIds()
    prompt = said_in(record["prompt"], "user", ids)
    key = next((name for name in _ANSWERS if record.get(name) not in (None, [])), None)
    answer = said_in(record[key], "assistant", ids) if key else []
    return _sample(record, prompt, answer, {"prompt", *([key] if key else [])})


def _sample(
    record: Raw, prompt: list[Message], answer: list[Message], keys: set[str], worse: Sequence[Message] | None = None
) -> ForeignSample:
    before, system = with_system(prompt, record)
    tools, tools_key = tools_beside(record)
    thought, thought_key = reasoning_beside(record)
    good, label = label_of(record) if worse is None else (None, set())
    taken = frozenset(keys | system | tools_key | thought_key | label)
    bad = None if worse is None else [*before, *worse]
    return ForeignSample([*before, *answer], taken, tools, thought, bad, good)


READERS = (
    Reader("trl-preference", "a prompt with a chosen and a rejected answer", _is_preference, _read_preference),
    Reader("trl", "a prompt with its completion, labelled (KTO) or not", _matches, _read),
)
