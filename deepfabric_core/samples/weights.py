"""How many samples each topic gets where some are to have more than others (`topics.weights`)."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence

from deepfabric_core.errors import ConfigError
from deepfabric_core.topics.find import find
from deepfabric_core.topics.model import Topics


def leaf_weights(topics: Topics, weights: Mapping[str, float]) -> tuple[float, ...]:
    """Return the weight of each leaf: that of the nearest topic at or above it that has one, else 1.

    Topics are named as for `find`; names that mean none or several are left out, see `unclear_names`. Without any
    weight the result is empty.

    Raises:
        ConfigError: no leaf has a weight above 0.
    """
    own = {topic_id: weight for name, weight in weights.items() if (topic_id := _meant(topics, name)) is not None}
    if not own:
        return ()
    known: dict[str, float] = {}
    for topic, _ in topics.walk():
        known[topic.id] = own.get(topic.id, known[topic.parents[0]] if topic.parents else 1.0)
    result = tuple(known[leaf.id] for leaf, _ in topics.leaves)
    if not any(result):
        raise ConfigError(
            "topics.weights: every topic has the weight 0, so there is nothing to make; raise one of them."
        )
    return result


def unclear_names(topics: Topics, weights: Mapping[str, float]) -> Iterator[str]:
    """Yield a sentence for each name that means no topic, or several."""
    for name in weights:
        try:
            find(topics, name)
        except ConfigError as problem:
            yield f"topics.weights: {problem}"


def _meant(topics: Topics, name: str) -> str | None:
    try:
        return find(topics, name).id
    except ConfigError:
        return None


def shared_out(count: int, weights: Sequence[float], order: Sequence[int]) -> list[int]:
    """Return how many of `count` samples each place gets, by its weight; of equal claims, the first in `order` wins.

    The samples are given one by one to the place that lacks most of its share (Webster's method), so that no place has
    fewer samples if the count is larger.

    >>> shared_out(6, (2.0, 1.0), (0, 1)), shared_out(3, (1.0, 1.0), (1, 0)), shared_out(3, (1.0, 0.0), (0, 1))
    ([4, 2], [1, 2], [3, 0])
    """
    sure = max(0.0, (count - len(weights)) / sum(weights))
    shares = [int(sure * weight + 0.5) for weight in weights]
    claims = [
        (_claim(shares[place], weights[place]), rank, place) for rank, place in enumerate(order) if weights[place]
    ]
    heapq.heapify(claims)
    for _ in range(count - sum(shares)):
        _, rank, place = claims[0]
        shares[place] += 1
        heapq.heapreplace(claims, (_claim(shares[place], weights[place]), rank, place))
    return shares


def _claim(share: int, weight: float) -> float:
    return (share + 0.5) / weight
