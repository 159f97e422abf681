"""The `Recipe` type, and the request for a sample that all recipes share."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from deepfabric_core.chat.messages import Message, PlainParts, ReplySchema, Request, Subject
from deepfabric_core.chat.prompt_caching import message_of
from deepfabric_core.chat.tools import ToolUse
from deepfabric_core.config.language_names import writing_instruction
from deepfabric_core.config.schema import Generation
from deepfabric_core.samples.records import Sample
from deepfabric_core.topics.model import TopicPath


@dataclass(frozen=True, slots=True)
class Brief:
    """What one sample is to be about; `earlier` are questions that the topic already has, as far as they are known.

    `claim` takes a question for this sample, and returns False if another sample of the dataset has it. `refused` says,
    of each sample made for it that wasn't accepted, why, and what to do better. `draw` counts the samples that are held
    for the same place, of which the best will be taken.
    """

    path: TopicPath
    cycle: int = 0
    earlier: tuple[str, ...] = ()
    claim: Callable[[str], bool] = bool
    refused: tuple[str, ...] = ()
    draw: int = 0

    @property
    def attempt(self) -> int:
        """How many samples were made for the same place before."""
        return len(self.refused) + self.draw

    @property
    def advice(self) -> str:
        """What to mind, in a sentence; empty if nothing was refused."""
        latest = tuple(dict.fromkeys(self.refused))[-_REMEMBERED_REFUSALS:]
        return f"Mind that an earlier attempt was refused: {'; '.join(latest)}." if latest else ""


Recipe = Callable[[Brief], Generator[Request | ToolUse, Any, Sample]]

# How many of the reasons why earlier attempts were refused are told.
_REMEMBERED_REFUSALS = 3

ABOUT = 'The user asks about "{topic}".'

# The angles of later cycles, so that their samples differ even if they are made at the same time.
_ANGLES = (
    "a practical task that somebody faces",
    "a mistake or a failure, its cause and its cure",
    "a comparison of two ways to go about it",
    "an explanation to a complete beginner",
    "an expert's question about a rare case",
    "a decision with a trade-off",
    "how to check or measure the result",
    "what changed over time, or goes against common belief",
    "planning it under limits of time, money or means",
    "the reason behind a rule",
)


@dataclass(frozen=True, slots=True)
class SampleRequest:
    """The part of the prompt that all samples of a run share.

    `form` says what the reply has to look like, and `about`, which names the topic as {topic}, what the task is about.
    `plain` asks for the same in plain text, if it can be.
    """

    generation: Generation
    task: str
    form: str
    schema: ReplySchema
    plain: Callable[[Generation, Brief], PlainParts] | None = None
    about_topic: str = ABOUT

    def about(self, brief: Brief) -> Request:
        """Return the request for one sample."""
        messages = bare = self._messages(brief)
        if brief.earlier:
            bare = self._messages(replace(brief, earlier=()))
        return Request(
            messages=messages,
            messages_without_examples=bare,
            max_tokens=self.generation.max_tokens,
            schema=self.schema,
            subject=Subject(path=brief.path, variation=brief.cycle, taken=brief.earlier, attempt=brief.attempt),
            redraw=brief.attempt,
            plain=partial(self.plain, self.generation, brief) if self.plain else None,
        )

    def _messages(self, brief: Brief) -> tuple[Message, ...]:
        return messages_about(self.generation, brief, self.task, self.form, self.about_topic)


def messages_about(
    generation: Generation, brief: Brief, task: str, form: str, about: str = ABOUT
) -> tuple[Message, ...]:
    """Return the messages that ask for a task to be done about the topic of a brief, which is {topic} in `about`.

    A small model only writes about the topic if the sentence that names it is close to the end; and where that says no
    more than what to write about, it takes the topic's name for the question.
    """
    shared = generation.instructions, task, in_language(generation), form
    own = (
        f"Topic path, from general to specific: {' > '.join(brief.path)}",
        about.replace("{topic}", brief.path[-1]),
        _something_different(brief) if brief.cycle else "",
        brief.advice,
    )
    return message_of("system", [generation.system_prompt]), message_of("user", shared, own)


def in_language(generation: Generation) -> str:
    """Return the sentence that says in which language to write; empty if that is left open."""
    return writing_instruction(generation.language) if generation.language else ""


def angle(number: int) -> str:
    """Return one of several angles from which something can be asked about a topic."""
    return _ANGLES[number % len(_ANGLES)]


def _something_different(brief: Brief) -> str:
    known = "".join(f"\n- {question}" for question in brief.earlier)
    return (
        f"This topic has samples already; don't repeat or rephrase their questions{':' if known else '.'}{known}\n\n"
        f"This is number {brief.cycle + 1}; write a clearly different one: {angle(brief.cycle - 1)}."
    )
