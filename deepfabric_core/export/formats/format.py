"""What a format is: which rows it makes of a conversation, a pair or an answer, and what it can't hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from deepfabric_core.export.columns import Columns
from deepfabric_core.export.conversation import Conversation, Turn

Row = dict[str, Any]
Takes = Literal["conversations", "pairs", "answers", "records"]
# Where reasoning goes: into the text, between tags; under a key of its own in the message; or nowhere.
Reasoning = Literal["think-tags", "reasoning_content", "thinking", "drop"]
Companion = Callable[[Mapping[str, str]], Mapping[str, Any]]


_STRICT = ("openai", "openai-preference")


class Loss(StrEnum):
    """What a row doesn't have of its sample, in words that complete "lost: ..."."""

    REASONING = "the reasoning"
    TEXT_BESIDE_CALL = "the text beside a tool call"
    TOOLS = "the definitions of tools"
    CALLS = "the tool calls and their results"
    AT_ONCE = "that tools were called at once; the calls stand one after the other"
    JOINED = "the border between messages of one speaker, which are one message now"
    NOT_AN_OBJECT = "arguments as an object: they aren't a JSON object and stay as their text"
    RESULTS = "that the results of tools aren't the assistant's: they are learned as a part of its answer"
    WEIGHT = "which answers aren't to be learned (their weight)"
    PARTS = "pictures and other parts of messages that aren't text"
    SYSTEM_LATER = "system messages that aren't the first one"


class LeftOut(StrEnum):
    """Why there is no row for a sample, in words that complete "left out: ..."."""

    NO_CONVERSATION = "it holds no conversation"
    NO_QUESTION = "no user asks anything in it"
    NO_ANSWER = "it doesn't end with an answer"
    TURNS = "user and assistant don't take turns in it"
    SEVERAL_ANSWERS = "its answers are several messages, and the format has room for one"
    UNREADABLE_CALL = "the arguments of a call aren't a JSON object"
    MARKERS = "a text in it holds the format's own markers"


@dataclass(frozen=True, slots=True)
class Converted:
    """The rows that something makes, what is lost of it, and if it makes none, why."""

    rows: tuple[Row, ...] = ()
    lost: tuple[str, ...] = ()
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """A prompt with a better and a worse answer to it."""

    prompt: Conversation
    chosen: tuple[Turn, ...]
    rejected: tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """A conversation that is wanted (`good`) or not."""

    conversation: Conversation
    good: bool


@dataclass(frozen=True, slots=True)
class Format:
    """A format: `convert` makes rows of what it `takes`, with the reasoning where it is told.

    `columns` are None where the rows may be anything. `companion` returns the content of `dataset_info.json`, by the
    names of the files and of their datasets. `loses` is what the format can't hold, whatever is asked for: what comes
    back from it is all but that.
    """

    name: str
    what: str
    takes: Takes
    convert: Callable[[Any, Reasoning], Converted]
    columns: Columns | None
    reasoning: tuple[Reasoning, ...]
    companion: Companion | None = None
    loses: frozenset[Loss] = frozenset()

    @property
    def has_source(self) -> bool:
        """Whether a row may say where it is from: whoever takes files as they are, as OpenAI, wants no other keys."""
        return self.columns is not None and self.name not in _STRICT

    @property
    def default_reasoning(self) -> Reasoning:
        """Where the reasoning goes unless people say otherwise."""
        return self.reasoning[0]
