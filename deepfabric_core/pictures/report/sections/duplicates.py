"""The section on near-duplicates: pairs of samples side by side, with what differs marked."""

from __future__ import annotations

from typing import Any

from deepfabric_core.pictures.report.numbers import percent
from deepfabric_core.pictures.report.sections.section import Section
from deepfabric_core.pictures.report.texts import escaped, marked, place, texts_of
from deepfabric_core.wording import are, counted, digits

_OPEN = 2
_UNFOLDED = 12
_BEGINNING = 120
_KINDS = {"same": "word for word", "question": "the same question", "answer": "the same answer"}


def duplicates(document: dict[str, Any]) -> Section | None:
    """Return the section; None if they weren't looked for."""
    found = document["duplicates"]
    if not found or not document["samples"]:
        return None
    good = '<p class="good">No sample is nearly another one.</p>' if document["samples"] > 1 else ""
    html = pairs(found["pairs"]) if found["pairs"] else good
    return Section("duplicates", "Near-duplicates", _about(found, document["samples"]), html)


def _about(found: dict[str, Any], samples: int) -> str:
    number = found["samples"]
    if samples == 1:
        return "There is nothing to compare a single sample with."
    if not number:
        return f"All {counted(samples, 'sample')} were compared with each other by their words."
    shown = len(found["pairs"])
    which = f" Here are the {digits(shown)} that are most alike." if shown < number else ""
    return (
        f"{counted(number, 'sample')} ({percent(number, samples)}) {are(number)} nearly an earlier one, "
        f"{digits(found['exact'])} of them word for word.{which}"
    )


def pairs(found: list[dict[str, Any]], left: str = "", right: str = "") -> str:
    """Return pairs of samples to open, the first few open already; `left` and `right` say where each is from."""
    shown = [_pair(pair, (left, right), opened=at < _OPEN) for at, pair in enumerate(found)]
    more = shown[_UNFOLDED:]
    if not more:
        return "".join(shown)
    head = f"<summary>{counted(len(more), 'more pair')}</summary>"
    return f'{"".join(shown[:_UNFOLDED])}<details class="more">{head}{"".join(more)}</details>'


def _pair(pair: dict[str, Any], names: tuple[str, str], *, opened: bool) -> str:
    first, second = pair["first"], pair["second"]
    # Reasoning isn't compared.
    texts = [dict(texts_of({**sample, "reasoning": ""})) for sample in (first, second)]
    sides = ["", ""]
    for name in dict.fromkeys([*texts[0], *texts[1]]):
        both = marked(texts[0].get(name, ""), texts[1].get(name, ""))
        for side, text in enumerate(both):
            sides[side] += f"<dt>{escaped(name)}</dt><dd>{text}</dd>"
    columns = "".join(
        f'<article class="sample">{f"<p class=side>{name}</p>" * bool(name)}{place(sample)}<dl>{side}</dl></article>'
        for name, sample, side in zip(names, (first, second), sides, strict=True)
    )
    said = _KINDS.get(pair["kind"]) or f"{percent(pair['similarity'])} alike"
    beginning = escaped(next(iter(texts[0].values()), "")[:_BEGINNING])
    head = (
        f'<b>{said}</b> <span class="dim">lines {first["line"]:,} and {second["line"]:,}</span> '
        f'<bdi class="dim beginning">{beginning}</bdi>'
    )
    opens = " open" if opened else ""
    return f'<details class="card"{opens}><summary>{head}</summary><div class="two pair">{columns}</div></details>'
