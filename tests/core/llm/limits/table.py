"""Print how much of a limit is used and how many calls are refused, where a refusal is heard of late.

Run with `python -m tests.core.llm.limits.table [SAMPLES] [--steady] [--halves]`. A row is how many seconds a refusal
takes, a column the kind of limit; a cell is the share of the limit that was used, and the refused calls per sample.

With `--steady` answers and refusals take now more, now less, and a cell is the least that was used in five seconds, and
the most that was refused, from the fifth second on. With `--halves` it is the least of the new limit that was used in
the seconds 5 to 10 after it halved, and after it doubled again. Both are the worst of five seeds.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from dataclasses import replace

from tests.core.llm.limits.virtual_provider import Crowd, Terms

HUNDRED = Terms(per_second=100, burst=10, latency=0.5)
FIFTY = Terms(at_once=50, latency=0.5, holds_place=True)
KINDS = {
    "100/s": HUNDRED,
    "100/s, headers on 429": replace(HUNDRED, headers="refusal"),
    "100/s, no Retry-After": replace(HUNDRED, retry_after=None),
    "50 at once": FIFTY,
    "50 at once, no Retry-After": replace(FIFTY, retry_after=None),
}
SEEDS = range(1, 6)
SPAN = 5.0


def cell(terms: Terms, samples: int) -> str:
    """What came of one case."""
    crowd = Crowd(terms, samples, first_alone=True).run()
    return f"{crowd.share_of_ideal:.2f} / {crowd.refused_per_sample:.3f}"


def steady(terms: Terms, samples: int) -> str:
    """What came of the worst five seconds."""
    used, refused = [], []
    for seed in SEEDS:
        crowd = Crowd(terms, samples, seed=seed, first_alone=True).run()
        for since in range(5, int(crowd.now) - 9, 5):
            accepted, refusals = within(crowd, since)
            used.append(accepted / (SPAN * per_second(terms)))
            refused.append(refusals / (SPAN * per_second(terms)))
    return f"{min(used):.2f} / {max(refused):.3f}"


def halves(terms: Terms, samples: int) -> str:
    """How much of a limit was used soon after it halved, and after it doubled again."""
    half = replace(terms, per_second=(terms.per_second or 0) / 2 or None, at_once=(terms.at_once or 0) // 2 or None)
    used: list[list[float]] = [[], []]
    for seed in SEEDS:
        crowd = Crowd(terms, 20 * samples, seed=seed, first_alone=True).run(until=20.0)
        for after, changed in zip(used, (half, terms), strict=True):
            crowd.provider.terms, at = changed, crowd.now
            crowd.run(until=at + 15.0 + seed)
            after.append(within(crowd, at + 5.0)[0] / (SPAN * per_second(changed)))
    return " / ".join(f"{min(shares):.2f}" for shares in used)


def within(crowd: Crowd, since: float) -> tuple[int, int]:
    """How many calls that began in five seconds were accepted, and how many refusals were heard then."""
    refused = sum(since <= at < since + SPAN for at in crowd.refused_at)
    return sum(since <= at < since + SPAN for at in crowd.began) - refused, refused


def per_second(terms: Terms) -> float:
    """How many calls a second a limit lets in."""
    return terms.per_second or (terms.at_once or 0) / (terms.latency * math.exp(terms.spread**2 / 2))


def main(samples: int | None, *, also: list[Callable[[Terms, int], str]]) -> None:
    for show in also or [cell]:
        write([show.__name__, *KINDS])
        for refusal in (0.003, 0.05, 0.15, 0.3):
            varied = 0.0 if show is cell else 0.2
            kinds = [replace(terms, refusal=refusal, spread=varied, jitter=varied) for terms in KINDS.values()]
            write([f"{refusal}", *(show(terms, samples or (2000 if show is cell else 5000)) for terms in kinds)])


def write(row: list[str]) -> None:
    """Print a row."""
    sys.stdout.write("".join(f"{text:<28}" for text in row) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("samples", nargs="?", type=int)
    parser.add_argument("--steady", dest="also", action="append_const", const=steady)
    parser.add_argument("--halves", dest="also", action="append_const", const=halves)
    asked = parser.parse_args()
    main(asked.samples, also=asked.also or [])
