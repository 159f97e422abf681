"""Print how well estimates hold: `python -m tests.core.samples.calibration_table [runs of each family]`."""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

from tests.core.samples.calibration import Behaviour, Outcome, config_of, outcome_of

Family = Callable[[random.Random], tuple[dict[str, Any], Behaviour]]

JUDGED = {"quality": {"min_acceptance": 0, "judge": {}}}
CHOSEN = {"quality": {"min_acceptance": 0, "judge": {}, "compare": {"best_of": 2}}}
AGENT = {"generation": {"system_prompt": "You act.", "conversation": {"type": "cot", "reasoning_style": "agent"}}}
REASONED = {"generation": {"system_prompt": "You teach.", "conversation": {"type": "cot"}, "max_tokens": 8000}}


def plain(chance: random.Random) -> tuple[dict[str, Any], Behaviour]:
    """Lengths that vary a little or much, and nothing goes wrong."""
    return {}, Behaviour(chance.uniform(80, 600), chance.uniform(0.1, 0.6))


def troubled(chance: random.Random) -> tuple[dict[str, Any], Behaviour]:
    """Replies that can't be used and refused calls."""
    malformed, limited = chance.uniform(0, 0.15), chance.uniform(0, 0.2)
    sigma = chance.uniform(0.1, 0.5)
    return {}, Behaviour(chance.uniform(80, 600), sigma, malformed=malformed, rate_limited=limited)


def judged(chance: random.Random) -> tuple[dict[str, Any], Behaviour]:
    """A judge that refuses some samples, which are made again."""
    refused, malformed = chance.uniform(0, 0.35), chance.uniform(0, 0.05)
    sigma = chance.uniform(0.1, 0.6)
    return JUDGED, Behaviour(chance.uniform(80, 600), sigma, refused=refused, malformed=malformed)


def chosen(chance: random.Random) -> tuple[dict[str, Any], Behaviour]:
    """The best of two samples, compared by a judge."""
    return CHOSEN, Behaviour(chance.uniform(80, 400), chance.uniform(0.1, 0.6), refused=chance.uniform(0, 0.2))


def cycles(chance: random.Random) -> tuple[dict[str, Any], Behaviour]:
    """More samples than leaves: later prompts are longer."""
    few = {"topics": {"prompt": f"Few {chance.random()}", "depth": 1, "degree": chance.randint(8, 15)}}
    return few, Behaviour(chance.uniform(60, 300), chance.uniform(0.1, 0.5))


def branches(chance: random.Random) -> tuple[dict[str, Any], Behaviour]:
    """Samples of one branch resemble each other in length."""
    return REASONED, Behaviour(chance.uniform(80, 600), chance.uniform(0.1, 0.4), of_branch=chance.uniform(0.1, 0.4))


def agents(chance: random.Random) -> tuple[dict[str, Any], Behaviour]:
    """Agents, whose number of steps varies."""
    return AGENT, Behaviour(chance.uniform(80, 400), chance.uniform(0.1, 0.6))


def other_shapes(chance: random.Random) -> tuple[dict[str, Any], Behaviour]:
    """Lengths of other distributions: gamma, two kinds of samples, a heavy tail."""
    shape = chance.choice(["gamma", "two kinds", "pareto"])
    return {}, Behaviour(chance.uniform(80, 600), chance.uniform(0.2, 0.6), shape=shape)


FAMILIES: tuple[Family, ...] = (plain, troubled, judged, chosen, cycles, branches, agents, other_shapes)


def outcomes(family: Family, runs: int, first: int = 0) -> Iterator[Outcome]:
    """Yield the outcomes of so many runs of a family."""
    for number in range(first, first + runs):
        chance = random.Random(f"{family.__name__} {number}")
        sections, behaviour = family(chance)
        with tempfile.TemporaryDirectory() as place:
            job = config_of(number, Path(place), chance, **sections)
            yield asyncio.run(outcome_of(job, behaviour, number))


def row(name: str, made: list[Outcome]) -> str:
    """Return a line of the table."""
    holds, near = (sum(values) for values in ([one.holds for one in made], [one.is_near for one in made]))
    width, error = median(one.width for one in made), median(abs(one.error) for one in made)
    return f"{name:<14} {len(made):>4}  {holds:>4}  {near:>4}  {error:>7.1%}  {width:>6.0%}"


HEAD = f"{'runs':<14} {'':>4}  {'held':>4}  {'near':>4}  {'error':>7}  {'width':>6}"


def main() -> None:
    """Print a row for each family, and one for all."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 13
    made: list[Outcome] = []
    sys.stdout.write(HEAD + "\n")
    for family in FAMILIES:
        found = list(outcomes(family, runs))
        made += found
        sys.stdout.write(row(family.__name__, found) + "\n")
        sys.stdout.flush()
    sys.stdout.write(row("all", made) + "\n")


if __name__ == "__main__":
    main()
