"""Print how much of a limit is used and how many calls are refused, where a refusal is heard of late."""

from __future__ import annotations

import sys
from dataclasses import replace

from tests.core.llm.limits.virtual_provider import Crowd, Terms

HUNDRED = Terms(per_second=100, burst=10, latency=0.5)
FIFTY = Terms(at_once=50, latency=0.5, holds_place=True)
KINDS = {
    "100/s, Retry-After": HUNDRED,
    "100/s, headers on 429": replace(HUNDRED, headers="refusal"),
    "100/s, none": replace(HUNDRED, retry_after=None),
    "50 at once, Retry-After": FIFTY,
    "50 at once, none": replace(FIFTY, retry_after=None),
}


def main(samples: int) -> None:
    for refusal in (0.003, 0.05, 0.15, 0.3):
        cells = []
        for terms in KINDS.values():
            crowd = Crowd(replace(terms, refusal=refusal), samples).run()
            cells.append(f"{crowd.share_of_ideal:.2f} / {crowd.refused_per_sample:.3f}")
        print(f"{refusal:5.3f}  " + "  ".join(cells))


def fives(name: str, refusal: float, samples: int = 5000) -> None:
    crowd = Crowd(replace(KINDS[name], refusal=refusal), samples).run()
    bins = int(crowd.now // 5) + 1
    refused = [sum(5 * n <= at < 5 * n + 5 for at in crowd.refused_at) for n in range(bins)]
    begun = [sum(5 * n <= at < 5 * n + 5 for at in crowd.began) for n in range(bins)]
    print(name, refusal, [(b - r) / 5 for b, r in zip(begun, refused)], refused)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
    for name in KINDS:
        fives(name, 0.15)
