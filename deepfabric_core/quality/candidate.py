"""`Candidate`: a sample before it is accepted, and any record of a dataset, as the gates see it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from deepfabric_core.samples.reading import answer_of, messages_of, path_of, question_of
from deepfabric_core.topics.model import TopicPath

# Keys of a record that hold nothing the model wrote for people.
_NOT_TEXTS = frozenset({"metadata", "tools"})
# Texts deeper than this in a record aren't looked at.
_DEEPEST = 20
# In characters: what says what a sample without a topic is about.
_ABOUT = 120


@dataclass(frozen=True, slots=True)
class Candidate:
    """The texts of a sample, and its topic.

    A conversation has `question` and `answer`, and `reasoning` where it has some. A record of the user's own schema has
    `fields`: each text in it by its place, as in "steps/0/title"; and `question` and `answer` if it has such keys.
    """

    question: str
    answer: str
    reasoning: str = ""
    path: TopicPath = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_conversation(self) -> bool:
        """Whether it is a question and an answer, instead of a record of the user's own schema."""
        return not self.fields and bool(self.question or self.answer or not self.record)

    @property
    def about(self) -> TopicPath:
        """What it is about: its topic or, without one, its question or first text."""
        first = self.question or next(iter(self.fields.values()), "")
        return self.path or (" ".join(first.split())[:_ABOUT],)

    def texts(self) -> Iterator[tuple[str, str]]:
        """Yield each text that the model wrote for people, after its name in sentences."""
        if not self.is_conversation:
            yield from self.fields.items()
            return
        yield "question", self.question
        if self.reasoning:
            yield "reasoning", self.reasoning
        yield "answer", self.answer

    @property
    def whole(self) -> str:
        """All its texts, a line break between them."""
        return "\n".join(text for _, text in self.texts())


def candidate_of(record: Mapping[str, Any], path: TopicPath = ()) -> Candidate:
    """Return the candidate that a record makes; its topic is read from the metadata unless it is given."""
    path = path or path_of(record)
    question, answer = question_of(record) or "", answer_of(record) or ""
    if messages_of(record) is None:
        return Candidate(question, answer, path=path, fields=dict(_texts_in(record)), record=record)
    return Candidate(question, answer, _reasoning_of(record), path, record=record)


def _reasoning_of(record: Mapping[str, Any]) -> str:
    """Return what a record holds of reasoning: its chain of thought, or what an agent thought before its calls."""
    thoughts = [record.get("chain_of_thought"), _content_of(record.get("reasoning"))]
    thoughts += [message.get("reasoning_content") for message in messages_of(record) or ()]
    return "\n".join(text for text in dict.fromkeys(_strings(thoughts)) if text)


def _content_of(reasoning: object) -> object:
    """Return the text of `reasoning` as DeepFabric writes it: free text, or steps with a thought each."""
    content = reasoning.get("content") if isinstance(reasoning, Mapping) else reasoning
    if not isinstance(content, list):
        return content
    return "\n".join(_strings(step.get("thought") for step in content if isinstance(step, Mapping)))


def _strings(values: Any) -> Iterator[str]:
    return (value for value in values if isinstance(value, str))


def _texts_in(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield the texts in a record of any schema, with their places, but not numbers and the like."""
    if isinstance(value, str):
        yield place or "text", value
    elif place.count("/") >= _DEEPEST:
        return
    elif isinstance(value, Mapping):
        for key, part in value.items():
            if place or key not in _NOT_TEXTS:
                yield from _texts_in(part, f"{place}/{key}" if place else str(key))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from _texts_in(part, f"{place}/{number}" if place else str(number))
