"""A model that answers with planted faults: repetitions, rewordings, refusals, loops, and the wrong language."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from dataclasses import dataclass, field

from deepfabric_core.llm.simulated.prose import Writer
from tests.answers import EXACTLY, Json, text_of

REFUSALS = (
    "I'm sorry, but as an AI language model I can't help with that request.",
    "I cannot assist with this. Please consult a professional instead.",
    "As an AI, I am not able to provide an answer to this question.",
)
GERMAN = (
    "Zuerst prüft man, ob die Kette noch gut läuft, und dann wird sie mit etwas Öl wieder leicht gemacht.",
    "Wer das Rad selbst richten will, braucht dafür nicht viel mehr als Zeit und einen guten Schlüssel.",
    "Am besten ist es, wenn man die Bremse nach jeder Fahrt im Regen kurz ansieht und sie trocken reibt.",
)


@dataclass(frozen=True)
class Shares:
    """The share of the samples with each fault."""

    repeated: float = 0.2
    reworded: float = 0.2
    refused: float = 0.05
    looping: float = 0.05
    foreign: float = 0.03


@dataclass
class FlawedReplies:
    """Replies to requests for topics and samples; `planted` has the answer of each faulty sample with its fault.

    `sources` has the answer that each repetition or rewording was made of.
    """

    shares: Shares = Shares()
    seed: int = 0
    planted: dict[str, str] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._said: list[tuple[str, str]] = []

    def __call__(self, body: Json) -> str:
        """Return the reply to a request."""
        asked = "\n".join(map(text_of, body["messages"]))
        path = re.split(r" > ", (re.search(r"general to specific: (.*)", asked) or ["", "a topic"])[1])
        writer = Writer(self._random, path)
        if '"subtopics"' in json.dumps(body.get("response_format", "")) or "subtopics" in asked:
            wanted = EXACTLY.search(asked)
            return json.dumps({"subtopics": writer.subtopics(int(wanted[1]) if wanted else 3, ())})
        question, answer = self._sample(writer)
        return json.dumps({"question": question, "answer": answer}, ensure_ascii=False)

    def _sample(self, writer: Writer) -> tuple[str, str]:
        fault = self._fault()
        self.counts[fault] += 1
        question, answer = writer.question(), " ".join(writer.sentence() for _ in range(5))
        if fault in ("repeated", "reworded") and self._said:
            source = self._random.choice(self._said)
            question, answer = source if fault == "repeated" else _reworded(*source)
            self.sources[answer] = source[1]
        elif fault == "refused":
            answer = self._random.choice(REFUSALS)
        elif fault == "looping":
            answer = " ".join([writer.sentence()] * 12)
        elif fault == "foreign":
            answer = " ".join(self._random.sample(GERMAN, 3))
        else:
            self._said.append((question, answer))
            return question, answer
        self.planted[answer] = fault
        return question, answer

    def _fault(self) -> str:
        drawn = self._random.random()
        for fault, share in vars(self.shares).items():
            drawn -= share
            if drawn < 0:
                return str(fault)
        return "good"


def _reworded(question: str, answer: str) -> tuple[str, str]:
    """Return a sample with a few words changed and another beginning."""
    sentences = re.split(r"(?<=\.) ", answer)
    changed = [sentences[0].replace("usually", "mostly").replace("often", "frequently"), *sentences[1:]]
    return f"Tell me: {question[:1].lower()}{question[1:]}", " ".join(["To put it briefly:", *changed])


def left_over(replies: FlawedReplies, answers: list[str]) -> Counter[str]:
    """Return which planted faults a dataset has: looked up by what was planted, and not by any gate."""
    found: Counter[str] = Counter(replies.planted[answer] for answer in answers if _is_fault(replies, answer, answers))
    found["twice"] = len(answers) - len(set(answers))
    return +found


def _is_fault(replies: FlawedReplies, answer: str, answers: list[str]) -> bool:
    fault = replies.planted.get(answer)
    if fault in ("repeated", "reworded"):  # only a fault beside its source
        source = replies.sources[answer]
        return source != answer and source in answers
    return fault is not None
