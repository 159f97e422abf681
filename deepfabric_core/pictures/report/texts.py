"""Write texts of models and users into the page: escaped, folded if they are long, with differing words marked."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from html import escape
from typing import Any

from deepfabric_core.printable import printable, printable_text
from deepfabric_core.wording import digits

_FOLDED = 420
_SHORT = 260
_LONGEST_NAME = 160
_MOST_PIECES = 1_000
# Of words and spaces, so many pairs of equal ones in two texts are compared.
_MOST_EQUAL = 60_000
_PIECE = re.compile(r"\s+|\w+|[^\w\s]")

Example = Mapping[str, Any]


def escaped(text: object) -> str:
    """Return a text for the page, on one line, with control characters made visible."""
    return escape(printable(str(text)))


def prose(text: str) -> str:
    """Return a text of any length as it is, with its line breaks; a long one is folded."""
    clean = printable_text(text)
    if len(clean) <= _FOLDED:
        return f'<div class="text" dir="auto">{escape(clean)}</div>'
    return _folded(escape(clean[:_SHORT].rstrip()), escape(clean))


def _folded(beginning: str, whole: str) -> str:
    summary = f'<summary><span class="text" dir="auto">{beginning}… </span></summary>'
    return f'<details class="fold">{summary}<div class="text" dir="auto">{whole}</div></details>'


def example(sample: Example, *, evidence: str = "") -> str:
    """Return a sample with its topic and its texts; in them the `evidence` is marked."""
    body = "".join(f"<dt>{escaped(name)}</dt><dd>{_with_mark(text, evidence)}</dd>" for name, text in texts_of(sample))
    return f'<article class="sample">{place(sample)}<dl>{body}</dl></article>'


def place(sample: Example) -> str:
    """Return the line of a sample, and its topic."""
    return f'<p class="place"><span class="chip">line {sample["line"]:,}</span> {trail(sample["path"])}</p>'


def trail(path: Sequence[str]) -> str:
    """Return a topic's path below the root, on one line."""
    return " <i>/</i> ".join(f"<bdi>{escape(printable(name, _LONGEST_NAME))}</bdi>" for name in path[1:] or path)


def trails(paths: Iterable[Sequence[str]], more: int) -> str:
    """Return a list of topics, a line each, and how many there are more."""
    items = "".join(f"<li>{trail(path)}</li>" for path in paths)
    rest = f"<li>and {digits(more)} more</li>" if more > 0 else ""
    return f'<ul class="plain">{items}{rest}</ul>'


def texts_of(sample: Example) -> Iterator[tuple[str, str]]:
    """Yield the texts of a sample after their names."""
    if sample["fields"]:
        yield from sample["fields"].items()
        return
    for name in ("question", "reasoning", "answer"):
        if sample[name]:
            yield name, sample[name]


def _with_mark(text: str, evidence: str) -> str:
    """Return a text with the first place marked where the evidence stands in it, if it does."""
    evidence = evidence.removesuffix("…")
    at = text.find(evidence) if len(evidence.strip()) > 1 else -1
    if at < 0:
        return prose(text)
    before, within, after = text[:at], text[at : at + len(evidence)], text[at + len(evidence) :]
    whole = f"{_safe(before)}<mark>{_safe(within)}</mark>{_safe(after)}"
    if len(text) <= _FOLDED:
        return f'<div class="text" dir="auto">{whole}</div>'
    around = f"{'…' if at > _SHORT else ''}{_safe(before[-_SHORT:])}<mark>{_safe(within[:_SHORT])}</mark>"
    return _folded(around + _safe(after[:60]), whole)


def _safe(text: str) -> str:
    return escape(printable_text(text))


def marked(one: str, other: str) -> tuple[str, str]:
    """Return two texts for the page, with the words marked that aren't in the other at that place."""
    pieces = [_PIECE.findall(printable_text(text)) for text in (one, other)]
    if max(map(len, pieces)) > _MOST_PIECES:
        return prose(one), prose(other)
    marks: tuple[list[str], list[str]] = ([], [])
    for is_same, *parts in _differences(pieces[0], pieces[1]):
        for side, part in enumerate(parts):
            text = escape("".join(part))
            marks[side].append(text if is_same or not text.strip() else f"<mark>{text}</mark>")
    left, right = (f'<div class="text" dir="auto">{"".join(side)}</div>' for side in marks)
    return left, right


def _differences(one: list[str], other: list[str]) -> Iterator[tuple[bool, list[str], list[str]]]:
    """Yield the parts of two texts, after whether they are the same; what repeats itself too often isn't compared."""
    begin = _equal_at_start(one, other)
    end = _equal_at_start(one[begin:][::-1], other[begin:][::-1])
    yield True, one[:begin], other[:begin]
    inner = one[begin : len(one) - end], other[begin : len(other) - end]
    counts = [Counter(part) for part in inner]
    if sum(number * counts[1][piece] for piece, number in counts[0].items()) > _MOST_EQUAL:
        yield False, *inner
    else:
        for kind, begin_one, end_one, begin_other, end_other in SequenceMatcher(
            None, inner[0], inner[1], autojunk=False
        ).get_opcodes():
            yield kind == "equal", inner[0][begin_one:end_one], inner[1][begin_other:end_other]
    yield True, one[len(one) - end :], other[len(other) - end :]


def _equal_at_start(one: list[str], other: list[str]) -> int:
    return next(
        (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: int = 1) -> str:
    """Return a table; cells are HTML already, and those after the first `numbers` columns are aligned as numbers."""
    cells = "".join(
        f"<tr>{''.join(_cell(cell, is_number=place >= numbers) for place, cell in enumerate(row))}</tr>" for row in rows
    )
    heads = "".join(f"<th{' class=number' * (place >= numbers)}>{name}</th>" for place, name in enumerate(head))
    return f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>{cells}</tbody></table></div>'


def _cell(cell: str, *, is_number: bool) -> str:
    return f'<td class="number">{cell}</td>' if is_number else f"<td>{cell}</td>"
