"""The report as one JSON object, of which the page is drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from deepfabric_core.quality.report.notes import notes
from deepfabric_core.quality.report.sums import ReportSums
from deepfabric_core.topics.model import TopicPath

FORMAT = 1


@dataclass(frozen=True)
class Findings:
    """What is known beside the sums: of the file, the tokens, and what takes a comparison or another file.

    `leaves` are the topics of a topics file, None without one; the rest are parts of the report as they stand there.
    """

    file: Mapping[str, Any]
    tokens: Mapping[str, Any]
    leaves: Iterable[TopicPath] | None = None
    duplicates: Mapping[str, Any] | None = None
    rejected: Mapping[str, Any] | None = None
    reviews: Mapping[str, Any] | None = None
    difference: Mapping[str, Any] | None = None
    checks: Iterable[Mapping[str, Any]] = field(default_factory=list)


def document(sums: ReportSums, findings: Findings) -> dict[str, Any]:
    """Return the report."""
    parts = sums.as_object()
    parts["checks"]["known"] = list(findings.checks)
    whole = {
        "format": FORMAT,
        "dataset": dict(findings.file),
        "tokens": dict(findings.tokens),
        **parts,
        "topics": sums.topics.as_object(findings.leaves),
        "duplicates": findings.duplicates,
        "rejected": findings.rejected,
        "reviews": findings.reviews,
        "cost": _cost(parts, findings.rejected),
        "difference": findings.difference,
    }
    return {**whole, "notes": notes(whole)}


def compact(report: Mapping[str, Any], *, pairs: int = 8, examples: int = 2) -> dict[str, Any]:
    """Return a report with fewer examples, for a place that keeps all it shows, such as a notebook."""
    found = dict(report)
    for key in ("duplicates", "difference"):
        part = found[key]
        if part and "pairs" in part:
            found[key] = {**part, "pairs": part["pairs"][:pairs]}
        elif part and part.get("shared"):
            found[key] = {**part, "shared": {**part["shared"], "pairs": part["shared"]["pairs"][:pairs]}}
    found["checks"] = {**found["checks"], "by_check": _with_fewer(found["checks"]["by_check"], examples)}
    found["languages"] = _with_fewer(found["languages"], examples)
    if found["rejected"]:
        found["rejected"] = {**found["rejected"], "by_reason": _with_fewer(found["rejected"]["by_reason"], examples)}
    return found


def _with_fewer(kinds: list[dict[str, Any]], examples: int) -> list[dict[str, Any]]:
    return [{**kind, "examples": kind["examples"][:examples]} for kind in kinds]


def _cost(parts: Mapping[str, Any], rejected: Mapping[str, Any] | None) -> dict[str, float | None]:
    """Return what the samples cost, what the rejected ones did, and both together for each accepted sample."""
    accepted, refused = parts["making"]["cost"], rejected["cost"] if rejected else None
    known = [cost for cost in (accepted, refused) if cost is not None]
    total = round(sum(known), 6) if known else None
    priced = parts["making"]["priced"]
    per_sample = round(total / priced, 8) if total is not None and priced else None
    return {"accepted": accepted, "rejected": refused, "total": total, "per_accepted_sample": per_sample}
