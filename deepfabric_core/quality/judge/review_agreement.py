"""How far the judge agrees with the people who reviewed its samples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from deepfabric_core.quality.judge.agreement import Agreement, agreement
from deepfabric_core.samples.reviews import Reviews, sample_id, verdict_of_judge


def agreement_with_reviews(records: Iterable[Mapping[str, Any]], reviews: Reviews) -> Agreement:
    """Return how far judge and people agree on which samples to accept, over those that both judged.

    Samples that people edited are left out, see `Review.verdict_as_made`.

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
        said = reviews.of(sample_id(record)).verdict_as_made if judged else None
        if judged and said:
            pairs.append((judged, said))
    return agreement([judged for judged, _ in pairs], [said for _, said in pairs])
