"""Compare two datasets by their sums: what there is more or less of in the one than in the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from deepfabric_core.quality.report.sums import ReportSums

_PARTS = ("question", "answer", "sample")


def difference(new: ReportSums, old: ReportSums) -> dict[str, Any]:
    """Return figures of both, the `old` one's first, and the topics that only one of them has."""
    return {
        "figures": [
            {"what": what, "unit": unit, "old": before, "new": after}
            for what, unit, before, after in _figures(new, old)
            if before is not None or after is not None
        ],
        "lengths": {part: old.lengths[part].as_object() for part in _PARTS},
        "topics_gained": old.topics.lacking(new.topics),
        "topics_lost": new.topics.lacking(old.topics),
    }


def _figures(new: ReportSums, old: ReportSums) -> Iterator[tuple[Any, ...]]:
    yield "samples", "samples", old.samples, new.samples
    yield "topics covered", "topics", old.topics.leaves, new.topics.leaves
    for part in _PARTS:
        lengths = [sums.lengths[part].as_object() or {} for sums in (old, new)]
        for figure, name in _NAMES.items():
            yield f"tokens of {_WORDS[part]}, {name}", "tokens", *(one.get(figure) for one in lengths)
    varieties = zip(old.variety.as_object(), new.variety.as_object(), strict=True)
    for before, after in varieties:
        yield f"distinct-{before['words']}", "share", before["share"], after["share"]
    yield "samples that failed a check", "share", *(_share(sums.failing, sums.samples) for sums in (old, new))
    yield "judge's mean score", "score", *(_mean(sums.judge.as_object()) for sums in (old, new))
    yield "cost", "cost", *(sums.making.as_object()["cost"] for sums in (old, new))


_NAMES = {"median": "median", "p95": "95th percentile"}
_WORDS = {"question": "a question", "answer": "an answer", "sample": "a sample"}


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _mean(judge: Mapping[str, Any] | None) -> float | None:
    return judge["mean"] if judge else None
