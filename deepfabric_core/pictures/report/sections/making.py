"""The section on how the samples were made: models, kinds, calls and cost."""

from __future__ import annotations

from typing import Any

from deepfabric_core.pictures.report.charts import Bar, bars
from deepfabric_core.pictures.report.numbers import percent
from deepfabric_core.pictures.report.sections.section import Section
from deepfabric_core.pictures.report.texts import table
from deepfabric_core.wording import digits, money


def making(document: dict[str, Any]) -> Section | None:
    """Return the section; None if the metadata say nothing."""
    found, samples = document["making"], document["samples"]
    charts = []
    for key, title, colour in (("models", "Samples by model", "h1"), ("kinds", "Samples by kind", "h3")):
        rows = [_bar(one["name"], one["samples"], samples, colour) for one in found[key]]
        charts += [bars(rows, title=title, unit="samples")] if rows else []
    if found["attempts"] and found["attempts"]["max"] > 1:
        charts.append(_attempts(found["attempts"], samples))
    if not charts:
        return None
    return Section(
        "making",
        "How it was made",
        _about(found, samples),
        f'<div class="two">{"".join(charts)}</div>{_costs(document)}',
    )


def _about(found: dict[str, Any], samples: int) -> str:
    parts = []
    for flag, said in (("simulated", "by a simulated model"), ("demonstration", "by hand, for the demo")):
        if found[flag]:
            parts.append(f"{digits(found[flag])} of {digits(samples)} samples were made {said}")
    return f"{'; '.join(parts)}." if parts else "By the metadata of the samples."


def _bar(name: str, number: int, samples: int, colour: str) -> Bar:
    return Bar(name, number, f"{digits(number)} · {percent(number, samples)}", colour=colour)


def _attempts(found: dict[str, Any], samples: int) -> str:
    rows = [_bar(_calls(one), one["count"], samples, "h2") for one in found["histogram"] if one["count"]]
    return bars(rows, title="Samples by the number of calls they took", unit="samples")


def _calls(one: dict[str, int]) -> str:
    most = one["to"] - 1
    return f"{one['from']:,}" if most == one["from"] else f"{one['from']:,} to {most:,}"


def _costs(document: dict[str, Any]) -> str:
    found, cost = document["making"], document["cost"]
    rows = [
        ["calls", digits(found["calls"]) if found["calls"] is not None else "unknown"],
        ["prompt tokens, as the provider counted", digits(found["prompt_tokens"])],
        ["completion tokens, as the provider counted", digits(found["completion_tokens"])],
        ["cost of the accepted samples", money(cost["accepted"])],
    ]
    if document["rejected"]:
        rows.append(["cost of the rejected samples", money(cost["rejected"])])
    rows.append(["cost for each accepted sample", money(cost["per_accepted_sample"])])
    if found["priced"] < document["samples"]:
        rows.append(["samples whose cost is unknown", digits(document["samples"] - found["priced"])])
    return table(["", ""], rows)
