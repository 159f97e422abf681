"""Five hundred samples, half of them good, each with the check that has to find its fault."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from random import Random

from deepfabric_core.quality.candidate import Candidate
from tests.core.quality import labelled_bad as bad
from tests.core.quality import labelled_later as later
from tests.core.quality.labelled_good import ENGLISH, FENCE, OTHERS, SENTENCES

HALF = 250
_QUESTIONS = (
    "How do I care for the chain?",
    "Which faults are found on older bicycles?",
    "What would you look at before a long tour?",
    "Why is my bicycle so loud?",
    "What do beginners get wrong in the workshop?",
)
_CODE = {
    "python": 'total = sum(part.price for part in parts)\nprint(f"{total:.2f}")',
    "json": '{"chain": {"links": 114, "worn": 0.75}}',
    "yaml": "chain:\n  links: 114\n  worn: 0.75",
    "bash": "grep -c chain parts.txt",
}


@dataclass(frozen=True, slots=True)
class Labelled:
    """A sample; `fault` is the name of the check that finds what is wrong with it, or empty for a good one."""

    candidate: Candidate
    language: str = "en"
    fault: str = ""


def labelled() -> tuple[Labelled, ...]:
    """Return all of them, the same each time."""
    return (*islice(_good(Random(17)), HALF), *_bad(Random(18)))


def _good(random: Random) -> Iterator[Labelled]:
    for question, answer in ENGLISH:
        yield Labelled(Candidate(question, answer))
    for language, question, answer in OTHERS:
        yield Labelled(Candidate(question, answer), language)
    for language, question, answer in later.GOOD:
        if answer not in later.DISPUTED:
            yield Labelled(Candidate(question, answer), language)
    while True:
        yield Labelled(Candidate(random.choice(_QUESTIONS), _composed(random), _reasoning(random)))


def _composed(random: Random) -> str:
    """Return a longer answer: paragraphs, a list, a table or code, and a last sentence."""
    parts = [" ".join(random.sample(SENTENCES, 3))]
    form = random.randrange(5)
    if form == 0:
        parts += [f"{number}. {one}" for number, one in enumerate(random.sample(SENTENCES, 4), 1)]
    elif form == 1:
        parts.append("\n".join(f"- {one.rstrip('.')}" for one in random.sample(SENTENCES, 4)))
    elif form == 2:
        language = random.choice(list(_CODE))
        parts.append(f"In code:\n\n{FENCE}{language}\n{_CODE[language]}\n{FENCE}")
    elif form == 3:
        rows = "".join(f"| {one.split()[0]} | {one} |\n" for one in random.sample(SENTENCES, 3))
        parts.append(f"| first | all |\n|---|---|\n{rows}")
    else:
        parts.append("**In short:** " + random.choice(SENTENCES))
    if random.random() < 0.6:
        parts.append(" ".join(random.sample(SENTENCES, random.randrange(1, 6))))
    return "\n\n".join(parts)


def _reasoning(random: Random) -> str:
    return f"First, {random.choice(SENTENCES)} Then, {random.choice(SENTENCES)}" if random.random() < 0.3 else ""


def _bad(random: Random) -> Iterator[Labelled]:
    kinds = [[*_later(kind), *_faults(kind, random)] for kind in _KINDS]
    shares = [HALF // len(_KINDS) + (number < HALF % len(_KINDS)) for number in range(len(_KINDS))]
    for samples, share in zip(kinds, shares, strict=True):
        yield from islice(cycle(samples), share) if len(samples) < share else samples[:share]


_KINDS = [
    "empty",
    "refusal",
    "prompt_leak",
    "placeholder",
    "final_answer",
    "echo",
    "unclosed_code",
    "truncation",
    "loop",
    "language",
    "python_syntax",
    "json_syntax",
    "yaml_syntax",
    "secret",
    "payment_data",
]


def _later(kind: str) -> Iterator[Labelled]:
    for fault, language, answer in later.BAD:
        if fault == kind and answer not in later.DISPUTED:
            question = later.ECHOED if kind == "echo" else "17 + 4 = ?"
            yield Labelled(Candidate(question, answer), language, kind)


def _faults(kind: str, random: Random) -> Iterator[Labelled]:
    """Yield samples of one fault: each by itself, and then within or around longer texts."""
    if kind == "echo":
        for question, answer in bad.ECHOES:
            yield Labelled(Candidate(question, answer), _language_of_echo(question), kind)
        for question in (*_QUESTIONS, "Where do I find the number of the frame on my bicycle?"):
            longer = f"{question[:-1]} if the shop is closed and it rains all day?"
            yield Labelled(Candidate(longer, longer), fault=kind)
    elif kind == "refusal":
        for language, answer in _spread(bad.REFUSALS):
            yield Labelled(
                Candidate("How do I get the lock open?" if language == "en" else "?1", answer), language, kind
            )
    elif kind == "language":
        for language, answer in bad.LANGUAGES:
            yield Labelled(Candidate("17 + 4 = ?", answer), language, kind)
    else:
        for answer in _answers_with(kind, random):
            question = random.choice(_QUESTIONS)
            yield Labelled(Candidate(question, answer), "" if not answer.isascii() else "en", kind)


def _answers_with(kind: str, random: Random) -> Iterator[str]:
    if kind in {"python_syntax", "json_syntax", "yaml_syntax"}:
        language = kind.removesuffix("_syntax")
        for code in {"python": bad.PYTHON, "json": bad.JSON, "yaml": bad.YAML}[language]:
            yield f"{random.choice(SENTENCES)}\n\n{FENCE}{language}\n{code}\n{FENCE}\n\n{random.choice(SENTENCES)}"
        return
    if kind == "unclosed_code":
        for language, code in _CODE.items():
            for closing in ("", "\n", f"\n\n{random.choice(SENTENCES)}", f"\n{FENCE}\n\n{FENCE}{language}\n{code}"):
                yield f"{random.choice(SENTENCES)}\n\n{FENCE}{language}\n{code}{closing}"
        return
    if kind in {"secret", "payment_data"}:
        for value in bad.SECRETS if kind == "secret" else bad.PAYMENT:
            yield f"{random.choice(SENTENCES)} Use {value} for that. {random.choice(SENTENCES)}"
            yield f"{value}"
        return
    alone = {
        "empty": bad.EMPTY,
        "prompt_leak": bad.LEAKS,
        "placeholder": bad.PLACEHOLDERS,
        "final_answer": bad.FORMATS,
        "truncation": bad.TRUNCATED,
        "loop": bad.LOOPS,
    }[kind]
    yield from alone
    if kind in {"truncation", "loop", "prompt_leak"}:
        for answer in alone:
            yield f"{' '.join(random.sample(SENTENCES, 4))}\n\n{answer}"


def _spread(samples: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield every second sample, then the others, so that a part of them has all languages."""
    yield from (*samples[::2], *samples[1::2])


def _language_of_echo(question: str) -> str:
    return "de" if question.startswith("Warum") else "ja" if not question.isascii() else "en"
