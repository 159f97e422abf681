"""Print how much of a limit is used and how many calls are refused, where a refusal is heard of late.

Run with `python -m tests.core.llm.limits.table [SAMPLES]`. A row is how many seconds a refusal takes, a column the kind
of limit; a cell is the share of the limit that was used, and the refused calls per sample.
"""

from __future__ import annotations

import sys
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


def cell(terms: Terms, samples: int) -> str:
    """What came of one case."""
    crowd = Crowd(terms, samples, first_alone=True).run()
    return f"{crowd.share_of_ideal:.2f} / {crowd.refused_per_sample:.3f}"


def main(samples: int) -> None:
    write(["", *KINDS])
    for refusal in (0.003, 0.05, 0.15, 0.3):
        write([f"{refusal}", *(cell(replace(terms, refusal=refusal), samples) for terms in KINDS.values())])


def write(row: list[str]) -> None:
    """Print a row."""
    sys.stdout.write("".join(f"{text:<28}" for text in row) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
