"""The section on rejected samples: how many, why, what they cost, and examples."""

from __future__ import annotations

from typing import Any

from deepfabric_core.pictures.report.charts import Bar, bars
from deepfabric_core.pictures.report.numbers import percent
from deepfabric_core.pictures.report.sections.section import Section
from deepfabric_core.pictures.report.texts import escaped, example
from deepfabric_core.wording import counted, digits, money

_COLOURS = {"checks": "bad", "duplicates": "h1", "contamination": "h3", "judge": "h4", "review": "h2"}


def rejected(document: dict[str, Any]) -> Section | None:
    """Return the section; None if no file of rejected samples stands beside the dataset."""
    found = document["rejected"]
    if not found or not found["samples"]:
        return None
    made = found["samples"] + document["samples"]
    rows = [
        Bar(
            f"{one['gate']}: {one['name']}" if one["name"] != one["gate"] else one["gate"],
            one["count"],
            f"{digits(one['count'])} · {percent(one['count'], made)}",
            below=f'<div class="examples">{"".join(map(_example, one["examples"]))}</div>',
            colour=_COLOURS.get(one["gate"], "h2"),
        )
        for one in found["by_reason"]
    ]
    cost = f", which cost {money(found['cost'])}" if found["cost"] is not None else ""
    about = f"{counted(found['samples'], 'sample')} of {digits(made)} were made and rejected{cost}."
    chart = bars(rows, title="Rejected samples by gate and reason (click one for examples)", unit="samples")
    return Section("rejected", "Rejected", about, chart)


def _example(one: dict[str, Any]) -> str:
    return f'<p class="reason" dir="auto">{escaped(one["reason"])}</p>{example(one, evidence=one["evidence"])}'
