"""The section on variety: the share of different words, and sequences of words."""

from __future__ import annotations

from typing import Any

from deepfabric_core.pictures.report.charts import Bar, bars
from deepfabric_core.pictures.report.numbers import percent, short
from deepfabric_core.pictures.report.sections.section import Section

_NAMES = {1: "single words", 2: "two words in a row", 3: "three words in a row"}


def variety(document: dict[str, Any]) -> Section | None:
    """Return the section; None without words."""
    found = [one for one in document["variety"] if one["total"]]
    if not found:
        return None
    rows = [
        Bar(
            f"distinct-{one['words']}: {_NAMES[one['words']]}",
            100 * one["share"],
            percent(one["distinct"], one["total"]),
            f"{_about(one)}{short(one['distinct'])} different of {short(one['total'])}",
            colour="h4",
        )
        for one in found
    ]
    about = (
        "How many of all words, and of all sequences of words, are different ones. The share falls as a dataset grows, "
        "so compare it with datasets of the same size."
    )
    return Section("variety", "Variety of words", about, bars(rows, top=100, unit="%", title="Share of different ones"))


def _about(one: dict[str, Any]) -> str:
    return "" if one["exact"] else "about "
