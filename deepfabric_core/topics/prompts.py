"""The prompts that ask a model for subtopics, and the classes that its replies are parsed into."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import BaseModel

from deepfabric_core.chat.json_replies import parser_of, schema_of
from deepfabric_core.chat.messages import Message, Request, Subject
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
    "You plan the coverage of a training dataset. Given a topic, you name subtopics that are specific, "
    "distinct from each other and together cover it well. A name is a short phrase, without numbering."
)
_GENERIC_EXAMPLE = 'For example, under "Cooking > Bread" one could name "Sourdough starters" or "Shaping a loaf".'
_ANCHORED_EXAMPLE = (
    'Keep to the domain of "{root}": each name should be one that a practitioner of it would use, '
    "and that could not stand as well in another field."
)
_SHOWN_CANDIDATES = 60


@dataclass(frozen=True, slots=True)
class Candidate:
    """A topic that may become a further parent of a new subtopic."""

    id: str
    name: str


def subtopics_request(
    settings: TopicsConfig,
    path: TopicPath,
    *,
    wanted: int,
    found: Iterable[str] = (),
    beside: Iterable[str] = (),
    candidates: tuple[Candidate, ...] = (),
) -> Request:
    """Return the request for `wanted` more subtopics of the last topic of `path`.

    `found` are its subtopics so far, `beside` its siblings, `candidates` topics for cross-links.
    """
    found = tuple(found)
    parts = [f"Topic path, from the root: {' > '.join(path)}", _task(path[-1], wanted)]
    if found:
        parts.append(f"It has these already, so name different ones: {'; '.join(found)}.")
    if beside := tuple(beside):
        parts.append(f"These stand beside it and are covered elsewhere: {'; '.join(beside)}.")
    if candidates:
        numbered = "; ".join(f"{number}. {topic.name}" for number, topic in enumerate(candidates, 1))
        parts.append(
            f"Where a subtopic truly belongs under one of these topics as well, give their numbers: {numbered}."
        )
    if settings.mode == "graph" and settings.prompt_style == "anchored":
        parts.append(_ANCHORED_EXAMPLE.format(root=path[0]))
    else:
        parts.append(_GENERIC_EXAMPLE)
    parts.append(
        'Reply as JSON: {"subtopics": [{"topic": "...", "also_under": []}]}'
        if candidates
        else 'Reply as JSON: {"subtopics": ["..."]}'
    )
    return Request(
        messages=(Message("system", settings.system_prompt or _SYSTEM), Message("user", "\n\n".join(parts))),
        max_tokens=settings.max_tokens,
        schema=schema_of(LinkedSubtopics if candidates else Subtopics),
        subject=Subject(path=path, wanted=wanted, taken=found),
    )


def _task(topic: str, wanted: int) -> str:
    return f'Name exactly {wanted} subtopic{"" if wanted == 1 else "s"} of "{topic}".'


def shown_candidates(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """Return the nearest topics only, to keep the prompt short."""
    return tuple(candidates)[:_SHOWN_CANDIDATES]
