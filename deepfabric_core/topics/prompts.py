"""The prompts that ask a model for subtopics, and the classes that its replies are parsed into."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from pydantic import BaseModel

from deepfabric_core.chat.json_replies import parser_of, schema_of
from deepfabric_core.chat.messages import Message, PlainParts, ReplySchema, Request, Subject
from deepfabric_core.chat.plain_text import CutOffError, listed
from deepfabric_core.chat.prompt_caching import message_of
from deepfabric_core.config.language_names import writing_instruction
from deepfabric_core.config.schema import TopicsConfig
from deepfabric_core.topics.model import TopicPath


class Subtopics(BaseModel):
    """The model's reply in a tree, and in a graph without cross-links."""

    subtopics: list[str]


class LinkedSubtopic(BaseModel):
    """A subtopic, and the numbers of other topics in the graph that it also belongs under."""

    topic: str
    also_under: list[int] = []


class LinkedSubtopics(BaseModel):
    """The model's reply in a graph with cross-links."""

    subtopics: list[LinkedSubtopic]


parse_subtopics = parser_of(Subtopics)
parse_linked_subtopics = parser_of(LinkedSubtopics)

_SYSTEM = (
    "You name the subtopics of a topic: specific, distinct from each other, and together covering it well. "
    "Each name is a short phrase that a practitioner would use, without numbering."
)
_ANCHORED = (
    'Keep to the domain of "{root}": each name should be one that a practitioner of it would use, '
    "and that could not stand as well in another field."
)
_FORM = 'Reply as a JSON object whose key "subtopics" holds a list of names.'
_LINKED_FORM = (
    'Reply as a JSON object whose key "subtopics" holds a list of objects. Each has the keys "topic", the name, and '
    '"also_under", a list of numbers that is mostly empty.'
)
# What small models understand, which can't be told of paths, subtopics and JSON.
_CHAPTERS = "What {are} {wanted} of a practical handbook about {topic}{field}?"
_LINES = "Write only {their}, one a line."
# Asked of servers that can enforce it; a shorter name is taken where it is given.
_SHORTEST_NAME = 3
_SHOWN_CANDIDATES = 60
_SHOWN_REFUSED = 5
_SHOWN_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Candidate:
    """A topic that may become a further parent of a new subtopic."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known around a topic that is to get subtopics.

    `found` are its subtopics so far, `beside` its siblings, `candidates` topics for cross-links; `refused` are names
    that the last reply gave, each with the reason, empty if it gave none, and None before the first reply; `in_vain`
    says that none of them could be used.
    """

    found: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    refused: Mapping[str, str] | None = None
    in_vain: bool = False


def subtopics_request(
    settings: TopicsConfig, path: TopicPath, wanted: int, around: Surroundings | None = None
) -> Request:
    """Return the request for `wanted` more subtopics of the last topic of `path`; in other words if one was in vain."""
    around = around or Surroundings()
    found, candidates = around.found, around.candidates
    if around.in_vain:
        *system, asked = _as_chapters(settings, path, wanted, around)
        form = [_linked(candidates), _LINKED_FORM] if candidates else [_FORM]
        about = message_of("user", (), [asked.content, *form])
    else:
        system = [message_of("system", [settings.system_prompt or _SYSTEM])]
        about = message_of("user", _shared(settings, path, linked=bool(candidates)), _own(path, wanted, around))
    return Request(
        messages=(*system, about),
        max_tokens=settings.max_tokens,
        schema=_schema(wanted, linked=bool(candidates)),
        subject=Subject(path=path, wanted=wanted, taken=found),
        plain=lambda: _in_plain_text(_plain_messages(settings, path, wanted, around), linked=bool(candidates)),
    )


def _shared(settings: TopicsConfig, path: TopicPath, *, linked: bool) -> Iterator[str]:
    """Yield the parts of the prompt that are the same for all topics."""
    if settings.mode == "graph" and settings.prompt_style == "anchored":
        yield _ANCHORED.format(root=path[0])
    if settings.language:
        yield writing_instruction(settings.language)
    yield _LINKED_FORM if linked else _FORM


def _own(path: TopicPath, wanted: int, around: Surroundings) -> Iterator[str]:
    """Yield the parts of the prompt that say which subtopics are wanted."""
    yield f"Topic path, from general to specific: {' > '.join(path)}"
    yield _task(path[-1], wanted)
    if around.found:
        yield f"It has these already, so name different ones: {'; '.join(around.found)}."
    if around.beside:
        yield f"These stand beside it and are covered elsewhere: {'; '.join(around.beside)}."
    if around.candidates:
        yield _linked(around.candidates)
    if around.refused is not None:
        yield _mind(around.refused)


def _linked(candidates: tuple[Candidate, ...]) -> str:
    numbered = "; ".join(f"{number}. {topic.name}" for number, topic in enumerate(candidates, 1))
    return f"Where a subtopic truly belongs under one of these topics as well, give their numbers: {numbered}."


def _plain_messages(settings: TopicsConfig, path: TopicPath, wanted: int, around: Surroundings) -> tuple[Message, ...]:
    """Return the messages that ask for the names in plain text."""
    *system, asked = _as_chapters(settings, path, wanted, around)
    lines = _LINES.format(their="its title" if wanted == 1 else "their titles")
    return *system, Message("user", f"{asked.content} {lines}")


def _as_chapters(settings: TopicsConfig, path: TopicPath, wanted: int, around: Surroundings) -> tuple[Message, ...]:
    """Return the messages that ask for the names as the chapters of a book."""
    one = wanted == 1
    asked = _CHAPTERS.format(
        are="is" if one else "are",
        wanted="one more chapter" if one else f"{wanted} chapters",
        topic=path[-1],
        field=f", in the field of {path[0]}" if len(path) > 1 else "",
    )
    # A model that named nothing of use has mostly repeated what it was told to leave out.
    others = [] if around.in_vain else [*around.found, *around.beside, *list(around.refused or ())[:_SHOWN_REFUSED]]
    left_out = f" Leave these out: {'; '.join(name[:_SHOWN_CHARACTERS] for name in others)}." if others else ""
    system = (Message("system", settings.system_prompt),) if settings.system_prompt else ()
    language = f" {writing_instruction(settings.language)}" if settings.language else ""
    return *system, Message("user", asked + left_out + language)


def _in_plain_text(messages: tuple[Message, ...], *, linked: bool) -> PlainParts:
    """Ask for the names as a list, one a line; without links, which are too much for such a model."""
    try:
        text = yield messages
    except CutOffError as problem:
        text = problem.whole_lines
    names: list[Any] = listed(text)
    return {"subtopics": [{"topic": name, "also_under": []} for name in names] if linked else names}


@cache
def _schema(wanted: int, *, linked: bool) -> ReplySchema:
    """Return the schema of a reply with one to `wanted` names."""
    plain = schema_of(LinkedSubtopics if linked else Subtopics)
    items = {**plain.schema["properties"]["subtopics"], "minItems": 1, "maxItems": wanted}
    if not linked:
        items["items"] = {"type": "string", "minLength": _SHORTEST_NAME}
    schema = {**plain.schema, "properties": {"subtopics": items}}
    name: Any = {"topic": "Name of a subtopic", "also_under": []} if linked else "Name of a subtopic"
    return replace(plain, limits=schema, example={"subtopics": [name] * wanted})


def _mind(refused: Mapping[str, str]) -> str:
    if not refused:
        return "The last reply named none. Name them this time."
    shown = "; ".join(f'"{name[:_SHOWN_CHARACTERS]}" ({why})' for name, why in list(refused.items())[:_SHOWN_REFUSED])
    return f"These can't be used: {shown}. Name others."


def _task(topic: str, wanted: int) -> str:
    return f'Name exactly {wanted} subtopic{"" if wanted == 1 else "s"} of "{topic}".'


def shown_candidates(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """Return the nearest topics only, to keep the prompt short."""
    return tuple(candidates)[:_SHOWN_CANDIDATES]
