"""Print what comes of each kind of limit in virtual time, and whether it is within the bounds that are wanted.

Run with `python -m tests.core.llm.limits.bounds [GROUP ...]`, or with `--chance N`. A line is the worst of some seeds:
the share that was used, and the refused calls a sample, or of what could have been accepted in five seconds. Lines out
of bounds are marked, and those within them only shown with `--all`. With `--varied` the limits, latencies and the time
that a refusal takes are up to a half more or less, and times vary more or less from call to call. `--chance` draws
providers of all kinds instead, and prints the worst of them: many samples tell of those where a run sinks slowly.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

from deepfabric_core.llm.limits.controller import AdaptiveController
from deepfabric_core.llm.limits.learned import Learned
from deepfabric_core.llm.limits.rate import TokenBucket
from deepfabric_core.llm.limits.recent import ONE, Call, Size
from tests.core.llm.limits.virtual_provider import Crowd, Terms, Tokens, any_provider

SPAN = 5.0
HEARD_AFTER = (0.003, 0.05, 0.15, 0.3)
PROCESSES = 2
FOR_EVER = 4000.0  # seconds

HUNDRED = Terms(per_second=100, burst=10, latency=0.5)
FIFTY = Terms(at_once=50, latency=0.5, holds_place=True)
KINDS = {
    "100/s": HUNDRED,
    "100/s, headers on 429": replace(HUNDRED, headers="refusal"),
    "100/s, headers 0 and 1 s": replace(HUNDRED, headers="refusal", constant=(0, 1.0)),
    "100/s, no Retry-After": replace(HUNDRED, retry_after=None),
    "50 at once": FIFTY,
    "50 at once, no Retry-After": replace(FIFTY, retry_after=None),
}
EXTRA = {
    "20/s": replace(HUNDRED, per_second=20),
    "1,000/s": replace(HUNDRED, per_second=1000, burst=100),
    "8 at once": replace(FIFTY, at_once=8),
}
BUCKET = replace(HUNDRED, burst=300)
MINUTE = Terms(per_second=10, burst=600, latency=0.5)
HEADERS = {
    "bucket of 300, of the answer": replace(BUCKET, headers="answer"),
    "bucket of 300, of the arrival": replace(BUCKET, headers="arrival"),
    "on a 429 alone": replace(HUNDRED, headers="refusal"),
    "always 0, 1 s": replace(HUNDRED, headers="answer", constant=(0, 1.0)),
    "always 10, 60 s": replace(HUNDRED, headers="answer", constant=(10, 60.0)),
    "five too many": replace(BUCKET, headers="answer", off=5),
    "five too few": replace(BUCKET, headers="answer", off=-5),
    "600 a minute, bucket": replace(MINUTE, headers="answer"),
    "600 a minute, window": replace(MINUTE, window=60.0, headers="answer"),
    "600 a minute, whole seconds": replace(MINUTE, headers="answer", rounded=True),
    "600 a minute, no headers": MINUTE,
    "fifty too many": replace(BUCKET, headers="answer", off=50),
}
TOKENS = Terms(latency=0.5, headers="answer")
BOTH = Tokens(100_000)
TOKEN_LIMITS = {
    "together": replace(TOKENS, tokens=(BOTH,)),
    "a minute": replace(TOKENS, tokens=(Tokens(20_000, seconds=60.0),)),
    "input and output apart": replace(TOKENS, tokens=(Tokens(40_000, "input"), Tokens(60_000, "output"))),
    "cached input not counted": replace(
        TOKENS, tokens=(Tokens(40_000, "input", cached=1000), Tokens(60_000, "output", cached=1000))
    ),
    "reserved and given back": replace(TOKENS, tokens=(replace(BOTH, reserved=1200.0),)),
    "expected wrong, sizes very different": replace(TOKENS, tokens=(replace(BOTH, spread=1.0, expected=0.6),)),
}
NO_LIMITS = {(0.2, 128): Terms(latency=0.2), (0.5, 256): Terms(latency=0.5), (0.5, 1024): Terms(latency=0.5)}


class KnownLimit(AdaptiveController):
    """What there is to compare with: it knows the rate, and that all refusals beside it are by chance."""

    def __init__(self, per_second: float | None) -> None:
        super().__init__()
        self._pace = TokenBucket(per_second or math.inf)

    def wait(self, now: float, size: Size = ONE) -> float:  # noqa: ARG002
        """Hold back what is beyond the ceiling or the rate, whatever the size."""
        return math.inf if self.in_flight >= self.ceiling else self._pace.wait(now)

    def begin(self, now: float, size: Size = ONE) -> Call:
        """Count it."""
        self._pace.take(now)
        return super().begin(now, size)


@dataclass(frozen=True)
class Outcome:
    """The share of what could be had that was used, and the share that was refused."""

    used: float
    refused: float


@dataclass(frozen=True)
class Case:
    """A measurement with its bounds; `measure` is given a seed, and `vary`, which changes terms."""

    group: str
    name: str
    terms: Terms
    measure: Callable[[Terms, int], Outcome]
    least: float
    most: float

    def outcome(self, seeds: int, varied: int | None) -> Outcome:
        """The worst of some seeds."""
        found = []
        for seed in range(1, (1 if self.name.startswith("1,000/s") else seeds) + 1):
            terms = self.terms if varied is None else vary(self.terms, random.Random(f"{self.name} {varied} {seed}"))
            found.append(self.measure(terms, seed))
        return Outcome(min(one.used for one in found), max(one.refused for one in found))


def vary(terms: Terms, dice: random.Random) -> Terms:
    """Change limits and times by up to a half, and how much they vary."""
    some = partial(dice.uniform, 0.5, 1.5)
    return replace(
        terms,
        per_second=terms.per_second and terms.per_second * some(),
        burst=max(1, round(terms.burst * some())),
        at_once=terms.at_once and max(2, round(terms.at_once * some())),
        latency=terms.latency * some(),
        refusal=terms.refusal * some(),
        spread=dice.uniform(0.0, 0.4),
        jitter=dice.uniform(0.0, 0.4),
    )


def whole(samples: int, ceiling: int, terms: Terms, seed: int) -> Outcome:
    """Of a whole run of which nothing is known before."""
    crowd = Crowd(terms, samples, ceiling, seed, first_alone=True).run()
    return Outcome(crowd.share_of_ideal * crowd.answered / samples, crowd.provider.over_limit / samples)


def again(samples: int, ceiling: int, terms: Terms, seed: int) -> Outcome:
    """Of a run that begins with what another one learned."""
    before = Crowd(terms, samples, ceiling, seed, first_alone=True).run()
    crowd = Crowd(terms, samples, ceiling, seed + 100)
    crowd.controller.start_from(before.controller.learned() or Learned(), 0.0)
    crowd.run()
    return Outcome(crowd.share_of_ideal * crowd.answered / samples, crowd.provider.over_limit / samples)


def steady(samples: int, ceiling: int, terms: Terms, seed: int) -> Outcome:
    """Of the worst five seconds from the fifth on."""
    crowd = Crowd(terms, samples, ceiling, seed, first_alone=True).run()
    spans = [within(crowd, since, SPAN * per_second(terms)) for since in range(5, int(crowd.now) - 9, 5)]
    return Outcome(min((one.used for one in spans), default=1.0), max((one.refused for one in spans), default=0.0))


def after_a_change(first: float, then: float, ceiling: int, terms: Terms, seed: int) -> Outcome:
    """Of the seconds 5 to 10 after a limit changed from one multiple of it to another."""
    crowd = Crowd(times(terms, first), 10**6, ceiling, seed, first_alone=True).run(until=20.0 + 0.37 * seed)
    crowd.provider.terms, at = times(terms, then), crowd.now
    crowd.run(until=at + 12.0)
    return within(crowd, at + 5.0, SPAN * per_second(crowd.provider.terms))


def against_ceiling_alone(samples: int, ceiling: int, terms: Terms, seed: int) -> Outcome:
    """Of a whole run, compared with one that knows that no limit but the ceiling would help, or the rate."""
    crowd = Crowd(terms, samples, ceiling, seed, first_alone=True).run()
    oracle = Crowd(terms, samples, ceiling, seed, controller=KnownLimit(let_in(terms))).run()
    return Outcome(oracle.now / crowd.now * crowd.answered / samples, crowd.provider.over_limit / samples)


def until_full(ceiling: int, terms: Terms, seed: int) -> Outcome:
    """How much of 1.5 seconds was left when all places were full."""
    crowd = Crowd(terms, 4 * ceiling, ceiling, seed, first_alone=True).run(until=1.5)
    return Outcome(crowd.peak / ceiling, 0.0)


def within(crowd: Crowd, since: float, could: float) -> Outcome:
    """Of what could have been accepted in five seconds."""
    refused = sum(since <= at < since + SPAN for at in crowd.refused_at)
    began = sum(since <= at < since + SPAN for at in crowd.began)
    return Outcome((began - refused) / could, refused / could)


def per_second(terms: Terms) -> float:
    """How many calls a second a limit lets in."""
    return terms.per_second or (terms.at_once or 0) / (terms.latency * math.exp(terms.spread**2 / 2))


def let_in(terms: Terms) -> float | None:
    """How many calls a second may begin, as those that are refused by chance take nothing of a limit."""
    share = 0.0 if terms.refused_count else terms.refused_at_random
    return terms.per_second and terms.per_second / (1 - share)


def times(terms: Terms, factor: float) -> Terms:
    """A limit that is so many times as high."""
    return replace(
        terms,
        per_second=terms.per_second and terms.per_second * factor,
        at_once=terms.at_once and round(terms.at_once * factor),
    )


def cases() -> Iterator[Case]:
    """All cases, with the bounds that are wanted."""
    for refusal in HEARD_AFTER:
        for name, kind in (KINDS | EXTRA).items():
            for jitter in (0.0, 0.2):
                terms = replace(kind, refusal=refusal, spread=jitter, jitter=jitter)
                yield from of_limit(f"{name}, {refusal * 1000:.0f} ms{', jitter' * bool(jitter)}", terms)
        for name, kind in HEADERS.items():
            yield Case(
                "headers",
                f"{name}, {refusal * 1000:.0f} ms",
                replace(kind, refusal=refusal, jitter=0.2),
                partial(whole, 2000, 256),
                0.85,
                0.05,
            )
        for name, kind in TOKEN_LIMITS.items():
            yield Case(
                "tokens",
                f"{name}, {refusal * 1000:.0f} ms",
                replace(kind, refusal=refusal, jitter=0.2),
                partial(whole, 2000, 256),
                0.85,
                0.05,
            )
        for share in (0.1, 0.4):
            for name, kind in (("no limit", Terms(latency=0.5)), ("100/s", HUNDRED)):
                terms = replace(kind, refusal=refusal, jitter=0.2, refused_at_random=share)
                yield Case(
                    "overload",
                    f"{share:.0%}, {name}, {refusal * 1000:.0f} ms",
                    terms,
                    partial(against_ceiling_alone, 2000, 256),
                    0.85,
                    0.05,
                )
        yield from older(refusal)
    for (latency, ceiling), terms in NO_LIMITS.items():
        for seconds, least in ((5, 0.9), (30, 0.96)):
            samples = round(seconds / latency) * ceiling
            name = f"{latency * 1000:.0f} ms, {ceiling}, {seconds} s"
            yield Case("no limit", name, terms, partial(whole, samples, ceiling), least, 0.0)
            yield Case("no limit", f"{name}, learned", terms, partial(again, samples, ceiling), 0.96, 0.0)
    yield Case("no limit", "answers of 5 s, 256 full in 1.5 s", Terms(latency=5.0), partial(until_full, 256), 1.0, 0.0)


def of_limit(name: str, terms: Terms) -> Iterator[Case]:
    """The cases of one limit."""
    quick = (terms.per_second or 0) > 500
    ceiling, more = (1024, 5) if quick else (256, 1)
    late = 1.6 if terms.refusal > 0.2 else 1.0
    yield Case("fresh", name, terms, partial(whole, 2000 * more, ceiling), 0.9, 0.05 * late)
    yield Case("short", name, terms, partial(whole, 500 * more, ceiling), 0.75, 0.2)
    if not terms.jitter:
        return
    yield Case("learned", name, terms, partial(again, 2000 * more, ceiling), 0.95, 0.01)
    yield Case("steady", name, terms, partial(steady, 15_000 if quick else 5000, ceiling), 0.95, 0.01)
    yield Case("halves", name, terms, partial(after_a_change, 1.0, 0.5, ceiling), 0.95, 0.1)
    yield Case("doubles", name, terms, partial(after_a_change, 0.5, 1.0, ceiling), 0.95, 0.1)


def older(refusal: float) -> Iterator[Case]:
    """Limits of other kinds."""
    for name, kind, samples, ceiling, least, most in (
        ("burst of 100", replace(HUNDRED, burst=100), 2000, 256, 0.9, 0.25),
        ("windows of a second", replace(HUNDRED, window=1.0), 2000, 256, 0.7, 0.36),
        ("refusals count", replace(HUNDRED, refused_count=True), 2000, 256, 0.9, 0.2),
        ("60 a minute, burst 10", Terms(per_second=1, burst=10), 300, 64, 0.8, 0.7),
        ("60 a minute, burst 60", Terms(per_second=1, burst=60), 300, 64, 0.8, 0.7),
    ):
        terms = replace(kind, refusal=refusal, jitter=0.2, spread=0.2)
        yield Case("other", f"{name}, {refusal * 1000:.0f} ms", terms, partial(whole, samples, ceiling), least, most)


def of_chance(samples: int, seed: int) -> tuple[float, str]:
    """How much was used of what some provider allows, or of what comes of a known limit, and its line."""
    terms, ceiling = any_provider(seed)
    crowd = Crowd(terms, samples, ceiling, seed, first_alone=True).run(until=FOR_EVER)
    used = crowd.share_of_ideal * crowd.answered / samples
    if terms.refused_at_random:
        known = Crowd(terms, samples, ceiling, seed, controller=KnownLimit(let_in(terms))).run(until=FOR_EVER)
        used = max(used, known.now / crowd.now * crowd.answered / samples)
    told = {key: value for key, value in vars(terms).items() if value != getattr(Terms(), key)}
    missing = f" {samples - crowd.answered} missing" if crowd.answered < samples else ""
    return used, f"{used:5.3f}, {crowd.refused_per_sample:.2f} refused, {crowd.now:.0f} s{missing}: {ceiling} at {told}"


def by_chance(number: int, samples: int) -> None:
    """Print the worst ten of so many providers drawn by chance, and how many are below some shares."""
    with ProcessPoolExecutor(PROCESSES) as pool:
        found = sorted(pool.map(partial(of_chance, samples), range(number), chunksize=4))
    sys.stdout.write("".join(f"{text}\n" for _, text in found[:10]))
    shares = ", ".join(f"{sum(used < share for used, _ in found)} below {share}" for share in (0.5, 0.7, 0.85))
    sys.stdout.write(f"median {found[len(found) // 2][0]:.2f}; of {number}, {shares}\n")


def line(case: Case, seeds: int, varied: int | None) -> tuple[bool, str]:
    """Whether a case is within its bounds, and its line of the table."""
    found = case.outcome(seeds, varied)
    good = found.used >= case.least - 0.005 and found.refused <= case.most + 0.0005
    used, refused = f"{found.used:5.3f} (>= {case.least:.2f})", f"{found.refused:.4f} (<= {case.most:.3f})"
    text = f"{case.group:<9} {case.name:<46} {used}  {refused}"
    return good, f"{'  ' if good else '! '}{text}"


def main(groups: list[str], *, every: bool, seeds: int, varied: int | None) -> None:
    """Print the lines, each when it is known, and how many of each group are within the bounds."""
    wanted = [case for case in cases() if not groups or case.group in groups]
    good: dict[str, list[bool]] = {case.group: [] for case in wanted}
    with ProcessPoolExecutor(PROCESSES) as pool:
        for case, (within_bounds, text) in zip(
            wanted, pool.map(partial(line, seeds=seeds, varied=varied), wanted), strict=True
        ):
            good[case.group].append(within_bounds)
            if every or not within_bounds:
                sys.stdout.write(f"{text}\n")
                sys.stdout.flush()
    for group, found in good.items():
        sys.stdout.write(f"{group}: {sum(found)} of {len(found)} are within the bounds.\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("groups", nargs="*")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--varied", type=int)
    parser.add_argument("--chance", type=int, metavar="N")
    parser.add_argument("--samples", type=int, default=3000, help="of each provider drawn by chance")
    asked = parser.parse_args()
    if asked.chance:
        by_chance(asked.chance, asked.samples)
        raise SystemExit
    main(asked.groups, every=asked.all, seeds=asked.seeds, varied=asked.varied)
