"""The section on lengths in tokens: figures for each part of a sample, and a histogram of each."""

from __future__ import annotations

from typing import Any

from deepfabric_core.pictures.report.charts import Mark, histogram
from deepfabric_core.pictures.report.sections.section import Section
from deepfabric_core.pictures.report.texts import table
from deepfabric_core.wording import digits

_NAMES = {"question": "Question", "reasoning": "Reasoning", "answer": "Answer", "sample": "Whole sample"}
_FIGURES = {
    "min": "least",
    "median": "median",
    "mean": "mean",
    "p95": "95th percentile",
    "max": "most",
    "sum": "in all",
}


def lengths(document: dict[str, Any]) -> Section | None:
    """Return the section; None without samples."""
    found = {name: part for name, part in document["lengths"].items() if part}
    if not found:
        return None
    rows = [[_NAMES[name], *(_figure(part[key]) for key in _FIGURES)] for name, part in found.items()]
    charts = "".join(
        _chart(name, part) for name, part in found.items() if part["count"] > 1 and part["max"] > part["min"]
    )
    about = f"In tokens, counted by {document['tokens']['counted_by']}."
    if not document["tokens"]["exact"]:
        about = f"In tokens, {document['tokens']['counted_by']}, since there is no tokenizer on this machine."
    return Section(
        "lengths", "Lengths", about, f'{table(["", *_FIGURES.values()], rows)}<div class="two">{charts}</div>'
    )


def _chart(name: str, part: dict[str, Any]) -> str:
    marks = [Mark(part["median"], "median:"), Mark(part["p95"], "95 %:")]
    return histogram(part["histogram"], marks, title=_NAMES[name], unit="tokens", what="sample")


def _figure(number: float) -> str:
    return digits(number) if isinstance(number, int) else f"{number:,.0f}" if number >= 100 else f"{number:.1f}"  # noqa: PLR2004 - digits enough
