"""`review_counts`: what people said of a dataset's samples, and how far the judge agrees with them, for the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from deepfabric_core.quality.judge.review_agreement import agreement_with_reviews
from deepfabric_core.quality.report.examples import shortened
from deepfabric_core.samples.reviews import Reviews, sample_id

_MOST_REASONS = 20
_LONGEST_REASON = 120
_NO_REASON = "no reason given"


def review_counts(records: Iterable[Mapping[str, Any]], reviews: Reviews) -> dict[str, Any]:
    """Return how many samples people accepted, edited and rejected, and why; rejected ones may be `replaced` by now.

    `judge` has in how many samples, of those `compared`, the judge and people say the same; None without any.
    """
    verdicts: Counter[str] = Counter()
    reviewed = []
    rejected = reviews.rejected()
    for record in records:
        sample = sample_id(record)
        review = reviews.of(sample)
        if review.verdict is None:
            continue
        reviewed.append(record)
        verdicts["edited" if review.edited is not None and not review.is_rejected else review.verdict] += 1
    reasons = Counter(shortened(one.reason, _LONGEST_REASON) or _NO_REASON for one in rejected.values())
    agreed = agreement_with_reviews(reviewed, reviews)
    return {
        "accepted": verdicts["accepted"],
        "edited": verdicts["edited"],
        "rejected": len(rejected),
        "replaced": len(rejected) - verdicts["rejected"],
        "by_reason": [{"name": name, "count": count} for name, count in reasons.most_common(_MOST_REASONS)],
        "judge": None
        if not agreed.count
        else {
            "compared": agreed.count,
            "agrees": round(agreed.share * agreed.count),
            "share": round(agreed.share, 4),
            "kappa": None if agreed.kappa is None else round(agreed.kappa, 4),
        },
    }
