"""Notes on what deserves a look in a dataset: a sentence each, and the section of the report that has more."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from deepfabric_core.wording import are, counted, digits

Document = Mapping[str, Any]
Note = dict[str, str]

_SHORT_SHARE = 0.01
_LOPSIDED = 10
_LOW_DISTINCT = 0.1
_REPEATED = 0.01
_MINORITY = 0.2


def notes(document: Document) -> list[Note]:
    """Return the notes, those on what the whole dataset is first."""
    return [note for find in _FINDERS if document["samples"] or find is _on_file for note in find(document)]


def _note(section: str, text: str, weight: str = "look") -> Note:
    return {"section": section, "text": text, "weight": weight}


def _on_file(document: Document) -> Iterator[Note]:
    damaged = document["dataset"]["damaged"]
    if damaged:
        yield _note("file", f"{counted(damaged, 'line')} of the file {are(damaged)} no sample and left out.")
    if not document["samples"]:
        yield _note("file", "The dataset has no samples.")


def _on_making(document: Document) -> Iterator[Note]:
    samples, making = document["samples"], document["making"]
    for flag, said in (
        ("simulated", "made up by a simulated model: good for trying things, not for training"),
        ("demonstration", "from the demo, written by hand"),
    ):
        number = making[flag]
        if number:
            how_many = "All samples" if number == samples > 1 else counted(number, "sample").capitalize()
            yield _note("making", f"{how_many} {are(number)} {said}.", "warn" if flag == "simulated" else "look")


def _on_duplicates(document: Document) -> Iterator[Note]:
    found = document["duplicates"]
    if found and found["samples"]:
        share = found["samples"] / document["samples"]
        text = f"{counted(found['samples'], 'sample')} ({_percent(share)}) {are(found['samples'])} nearly another one."
        yield _note("duplicates", text, "warn" if share > _REPEATED else "look")


def _on_checks(document: Document) -> Iterator[Note]:
    checks = document["checks"]
    if checks["failing"]:
        first = checks["by_check"][0]
        share = checks["failing"] / document["samples"]
        failing = f"{counted(checks['failing'], 'sample')} ({_percent(share)})"
        text = f"{failing} failed a check, most often “{first['name']}”."
        yield _note("checks", text, "warn" if share > _REPEATED else "look")


def _on_topics(document: Document) -> Iterator[Note]:
    topics = document["topics"]
    if topics["missing"]:
        text = f"{digits(topics['missing'])} of {counted(topics['known'], 'topic')} have no sample."
        yield _note("topics", text, "warn")
    most, median = topics["most_per_topic"], topics["median_per_topic"]
    if most and median and most > _LOPSIDED * median:
        yield _note("topics", f"One topic has {counted(most, 'sample')}, the median topic {digits(median)}.")


def _on_languages(document: Document) -> Iterator[Note]:
    known = [one for one in document["languages"] if one["name"] != "unknown"]
    others = sum(one["count"] for one in known[1:])
    if others and others < _MINORITY * document["samples"]:
        yield _note("languages", f"{counted(others, 'sample')} {are(others)} in another language than the rest.")


def _on_variety(document: Document) -> Iterator[Note]:
    triples = document["variety"][2]
    if triples["total"] and triples["share"] is not None and triples["share"] < _LOW_DISTINCT:
        text = f"Only {_percent(triples['share'])} of all sequences of three words are different ones."
        yield _note("variety", text)


def _on_rejected(document: Document) -> Iterator[Note]:
    rejected = document["rejected"]
    if rejected and rejected["samples"]:
        made = rejected["samples"] + document["samples"]
        share = _percent(rejected["samples"] / made)
        yield _note("rejected", f"{counted(rejected['samples'], 'sample')} ({share} of those made) were rejected.")


def _on_reviews(document: Document) -> Iterator[Note]:
    reviews = document["reviews"]
    left = reviews["rejected"] - reviews["replaced"] if reviews else 0
    if left:
        yield _note("reviews", f"{counted(left, 'sample')} that people rejected {are(left)} still in the file.", "warn")


def _on_judge(document: Document) -> Iterator[Note]:
    judge = document["judge"]
    if judge and len(judge["criteria"]) > 1:
        worst = judge["criteria"][0]
        yield _note("judge", f"The judge's lowest mean is {worst['mean']:.2f}, for “{worst['name']}”.")


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %" if share < 0.1 else f"{share * 100:.0f} %"  # noqa: PLR2004 - below ten, a decimal


_FINDERS: tuple[Callable[[Document], Iterator[Note]], ...] = (
    _on_making,
    _on_file,
    _on_topics,
    _on_duplicates,
    _on_checks,
    _on_languages,
    _on_variety,
    _on_judge,
    _on_rejected,
    _on_reviews,
)
