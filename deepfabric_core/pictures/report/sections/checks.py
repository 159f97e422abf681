"""The section on checks: how many samples each found wanting, with examples."""

from __future__ import annotations

from typing import Any

from deepfabric_core.pictures.report.charts import Bar, bars
from deepfabric_core.pictures.report.numbers import percent
from deepfabric_core.pictures.report.sections.section import Section
from deepfabric_core.pictures.report.texts import escaped, example, table
from deepfabric_core.wording import counted, digits


def checks(document: dict[str, Any]) -> Section | None:
    """Return the section; None if nothing was checked."""
    found, samples = document["checks"], document["samples"]
    if not samples or not (found["known"] or found["by_check"]):
        return None
    if not found["by_check"]:
        html = '<p class="good">No check found anything.</p>'
        return Section(
            "checks", "Checks", f"{counted(samples, 'sample')} passed all checks.", html + _known(found["known"])
        )
    rows = [
        Bar(
            one["name"],
            one["count"],
            f"{digits(one['count'])} · {percent(one['count'], samples)}",
            below=_below(one),
            colour="bad",
        )
        for one in found["by_check"]
    ]
    about = f"{counted(found['failing'], 'sample')} ({percent(found['failing'], samples)}) failed one or more checks."
    chart = bars(rows, title="Samples that failed, by check (click one for examples)", unit="samples")
    return Section("checks", "Checks", about, chart + _known(found["known"]))


def _below(one: dict[str, Any]) -> str:
    return f'<div class="examples">{"".join(map(_example, one["examples"]))}</div>'


def _example(found: dict[str, Any]) -> str:
    return f'<p class="reason" dir="auto">{escaped(found["reason"])}</p>{example(found, evidence=found["evidence"])}'


def _known(known: list[dict[str, Any]]) -> str:
    if not known:
        return ""
    rows = [[f"<code>{escaped(one['name'])}</code>", escaped(one["description"])] for one in known]
    listed = table(["check", "what it finds"], rows, numbers=2)
    return f'<details class="card"><summary>What is checked</summary>{listed}</details>'
