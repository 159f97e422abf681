"""The section on reviews: what people said of the samples, why they rejected some, and how far the judge agrees."""

from __future__ import annotations

from typing import Any

from deepfabric_core.pictures.report.charts import Bar, bars
from deepfabric_core.pictures.report.numbers import percent
from deepfabric_core.pictures.report.sections.section import Section
from deepfabric_core.wording import counted, digits


def reviews(document: dict[str, Any]) -> Section | None:
    """Return the section; None if nobody has reviewed the dataset."""
    found = document.get("reviews")
    if not found or not any(found[name] for name in ("accepted", "edited", "rejected")):
        return None
    about = (
        f"People accepted {counted(found['accepted'], 'sample')} as they are and {digits(found['edited'])} after "
        f"editing, and rejected {digits(found['rejected'])}{_replaced(found)}.{_judge(found['judge'])}"
    )
    rows = [
        Bar(one["name"], one["count"], f"{digits(one['count'])} · {percent(one['count'], found['rejected'])}")
        for one in found["by_reason"]
    ]
    chart = bars(rows, title="Samples that people rejected, by reason", unit="samples") if rows else ""
    return Section("reviews", "Reviewed", about, chart)


def _replaced(found: dict[str, Any]) -> str:
    replaced, left = found["replaced"], found["rejected"] - found["replaced"]
    parts = [f"{digits(replaced)} of them made again since or left out"] if replaced else []
    parts += [f"{digits(left)} still in the file"] if left else []
    return f" ({', '.join(parts)})" if parts else ""


def _judge(judge: dict[str, Any] | None) -> str:
    if judge is None:
        return ""
    kappa = "" if judge["kappa"] is None else f", a kappa of {judge['kappa']:.2f}"
    return f" The judge agrees in {digits(judge['agrees'])} of {digits(judge['compared'])}{kappa}."
