"""How many samples each topic gets where some are to have more than others (`topics.weights`)."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from math import ceil, inf

from deepfabric_core.errors import ConfigError
from deepfabric_core.topics.find import find
from deepfabric_core.topics.model import Topics


def own_weights(topics: Topics, weights: Mapping[str, float]) -> dict[str, float]:
    """Return the weights of the topics that have one, by their ids: of those named here, else set by hand.

    Topics are named as for `find`; names that mean none or several are left out, see `unclear_names`.
    """
    return {**topics.weights, **named_weights(topics, weights)}


def named_weights(topics: Topics, weights: Mapping[str, float]) -> dict[str, float]:
    """Return the weights of the topics that are named here, by their ids."""
    return {topic_id: weight for name, weight in weights.items() if (topic_id := _meant(topics, name)) is not None}


def leaf_weights(topics: Topics, weights: Mapping[str, float]) -> tuple[float, ...]:
    """Return the weight of each leaf: that of the nearest topic at or above it that has one, else 1.

    `weights` are named as for `own_weights`. Without any weight the result is empty.

    Raises:
        ConfigError: no leaf has a weight above 0.
    """
    own = own_weights(topics, weights)
    if not own:
        return ()
    known = weights_of_all(topics, own)
    result = tuple(known[leaf.id] for leaf, _ in topics.leaves)
    if not any(result):
        raise ConfigError(
            "topics.weights: every topic has the weight 0, so there is nothing to make; raise one of them."
        )
    return result


def weights_of_all(topics: Topics, own: Mapping[str, float]) -> dict[str, float]:
    """Return each topic's weight by its id: that of the nearest one at or above it that has its `own`, or else 1."""
    known: dict[str, float] = {}
    for topic, _ in topics.walk():
        known[topic.id] = own.get(topic.id, known[topic.parents[0]] if topic.parents else 1.0)
    return known


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


def count_for_exact_shares(made: Sequence[int], weights: Sequence[float]) -> int:
    """Return the smallest count of samples in which those that are made are no more than any place's share.

    What was made where the weight is 0 comes on top.

    >>> count_for_exact_shares((2, 2), (2.0, 1.0)), count_for_exact_shares((3, 1), (0.0, 1.0))
    (6, 4)
    """
    each = max((count / weight for count, weight in zip(made, weights, strict=True) if weight), default=0.0)
    beyond = sum(count for count, weight in zip(made, weights, strict=True) if not weight)
    return ceil(each * sum(weights) - 1e-9) + beyond


def shared_out(
    count: int, weights: Sequence[float], order: Sequence[int], made: Sequence[int] | None = None
) -> list[int]:
    """Return how many of `count` samples each place gets, by its weight; of equal claims, the first in `order` wins.

    The samples are given one by one to the place that lacks most of its share (Webster's method), so that no place has
    fewer samples if the count is larger. Those that are `made` stay, and the others are shared out; of more than
    `count`, those stay that the places claim first.

    >>> shared_out(6, (2.0, 1.0), (0, 1)), shared_out(3, (1.0, 1.0), (1, 0)), shared_out(3, (1.0, 0.0), (0, 1))
    ([4, 2], [1, 2], [3, 0])
    >>> shared_out(6, (2.0, 1.0), (0, 1), made=(1, 4)), shared_out(2, (2.0, 1.0), (0, 1), made=(1, 4))
    ([2, 4], [1, 1])
    """
    if made is not None and sum(made) > count:
        return _first_claimed(count, weights, order, made)
    sure = max(0.0, (count - len(weights)) / sum(weights))
    shares = [int(sure * weight + 0.5) for weight in weights] if made is None else list(made)
    claims = [
        (_claim(shares[place], weights[place]), rank, place) for rank, place in enumerate(order) if weights[place]
    ]
    heapq.heapify(claims)
    for _ in range(count - sum(shares)):
        _, rank, place = claims[0]
        shares[place] += 1
        heapq.heapreplace(claims, (_claim(shares[place], weights[place]), rank, place))
    return shares


def _first_claimed(count: int, weights: Sequence[float], order: Sequence[int], made: Sequence[int]) -> list[int]:
    claims = (
        (_claim(share, weights[place]), rank, place) for rank, place in enumerate(order) for share in range(made[place])
    )
    shares = [0] * len(weights)
    for _, _, place in heapq.nsmallest(count, claims):
        shares[place] += 1
    return shares


def _claim(share: int, weight: float) -> float:
    return (share + 0.5) / weight if weight else inf
