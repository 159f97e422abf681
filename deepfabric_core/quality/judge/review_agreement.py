"""How far the judge agrees with the people who reviewed its samples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from deepfabric_core.quality.judge.agreement import Agreement, agreement
from deepfabric_core.samples.reviews import Reviews, sample_id, verdict_of_judge


def agreement_with_reviews(records: Iterable[Mapping[str, Any]], reviews: Reviews) -> Agreement:
    """Return how far judge and people agree on which samples to accept, over those that both judged.

    Samples that people edited are left out: they are accepted, but not as the judge saw them.

    >>> from deepfabric_core.samples.reviews import Decision
    >>> record = {"messages": [], "metadata": {"judge": {"judged": True, "passed": True}}}
    >>> reviews = Reviews()
    >>> reviews.add(Decision("1", sample_id(record), "reject", "ann", at=0))
    >>> agreement_with_reviews([record], reviews).share
    0.0
    """
    pairs = []
    for record in records:
        judged = verdict_of_judge(record)
        review = reviews.of(sample_id(record)) if judged else None
        if review is not None and review.verdict is not None and review.edited is None:
            pairs.append((judged, review.verdict))
    return agreement([judged for judged, _ in pairs], [said for _, said in pairs])
