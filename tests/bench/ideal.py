"""How long the calls of a case take at best, in seconds, by what is known of the server."""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable

# From the samples made to seconds; None where only the machine sets a limit.
Ideal = Callable[[int], float | None]

# The server's dice are thrown with it too, so that the delays are the very same, in the order of arrival.
SEED = 1


def unknown(_: int) -> None:
    """Tell nothing: without latency the machine itself is the limit."""


def in_flight(
    at_once: int, latency: float, *, straggling: float = 0.0, hang: float = 0.0, timeout: float = 0.0
) -> Ideal:
    """Begin a call the moment a place is free; a straggler takes ten times as long, a hung call is made again."""

    def ideal(samples: int) -> float:
        chance, places = random.Random(SEED), [0.0] * at_once
        for _ in range(samples):
            free = places[0]
            while chance.random() < hang:
                chance.random()
                free += timeout
            heapq.heapreplace(places, free + latency * (10 if chance.random() < straggling else 1))
        return max(places)

    return ideal


def at_rate(per_second: float, burst: int, latency: float) -> Ideal:
    """Begin with the burst, then make each call the moment it is allowed."""
    return lambda samples: max(0, samples - burst) / per_second + latency


def in_windows(per_window: int, seconds: float, latency: float) -> Ideal:
    """Make all the calls of a window as it begins."""
    return lambda samples: max(0, math.ceil(samples / per_window) - 1) * seconds + latency


def of_tree(degree: int, depth: int, at_once: int, latency: float) -> Ideal:
    """Expand each topic of a tree as soon as it exists and a place is free; of what is ready, the highest first.

    For a tree of which something is missing there is no telling.
    """
    expansions = sum(degree**level for level in range(depth))
    seconds = tree_seconds(degree, depth, at_once, latency)
    return lambda expanded: seconds if expanded == expansions else None


def tree_seconds(degree: int, depth: int, at_once: int, latency: float) -> float:
    """Simulate it: a topic at `depth` is a leaf, and isn't expanded."""
    under_way: list[tuple[float, int]] = []
    ready, now = [0], 0.0
    while ready or under_way:
        while ready and len(under_way) < at_once:
            heapq.heappush(under_way, (now + latency, heapq.heappop(ready)))
        now, level = heapq.heappop(under_way)
        below = [level + 1] * degree if level + 1 < depth else []
        ready = list(heapq.merge(ready, below))
    return now
