"""The section on languages, with examples of those that few samples are in."""

from __future__ import annotations

from typing import Any

from deepfabric_core.pictures.report.charts import Bar, bars
from deepfabric_core.pictures.report.numbers import percent
from deepfabric_core.pictures.report.sections.section import Section
from deepfabric_core.pictures.report.texts import example
from deepfabric_core.wording import digits


def languages(document: dict[str, Any]) -> Section | None:
    """Return the section; None if no language was recognized."""
    found, samples = document["languages"], document["samples"]
    if all(one["code"] is None for one in found):
        return None
    usual = found[0]["name"]
    rows = [
        Bar(
            one["title"],
            one["count"],
            f"{digits(one['count'])} · {percent(one['count'], samples)}",
            below=_below(one, usual),
            colour="h2",
        )
        for one in found
    ]
    about = (
        "By the words and the writing of each sample; code, and texts that are too short, are in none that is known."
    )
    return Section("languages", "Languages", about, bars(rows, title="Samples by language", unit="samples"))


def _below(one: dict[str, Any], usual: str) -> str:
    if one["name"] == usual:
        return ""
    return f'<div class="examples">{"".join(map(example, one["examples"]))}</div>'
