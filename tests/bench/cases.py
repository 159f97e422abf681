"""The cases: what the server is like, how many samples are asked for, and how fast that could go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from tests.bench.ideal import Ideal, at_rate, in_flight, in_windows, of_tree, unknown

Kind = Literal["samples", "refusals", "topics", "help", "validate"]

# The seconds that a case should take at best, and the share of its samples that --quick leaves.
_SECONDS = 5.0
_QUICK = 0.3

# A tree whose topics are expanded.
_DEGREE, _DEPTH, _TREE_LATENCY, _TREE_WIDTH = 5, 4, 0.05, 16


@dataclass(frozen=True)
class Case:
    """A situation that every contestant is put in; `patience` is after how many seconds it is stopped."""

    name: str
    what: str
    samples: int
    width: int = 64
    faults: Mapping[str, Any] = field(default_factory=dict)
    ideal: Ideal = unknown
    kind: Kind = "samples"
    llm: Mapping[str, Any] = field(default_factory=dict)
    topics: Mapping[str, Any] = field(default_factory=dict)
    only: tuple[str, ...] = ()
    patience: float = 120.0
    fixed: bool = False

    def quick(self) -> Case:
        """Ask for fewer samples, and have less patience."""
        fewer = self.samples if self.fixed else max(1, round(self.samples * _QUICK))
        return replace(self, samples=fewer, patience=max(40.0, self.patience * _QUICK))


def _slow(latency: float, width: int, straggling: float = 0.0) -> Case:
    mean = latency * (1 + straggling * 9)
    faults = {"latency": latency} | ({"straggler_rate": straggling} if straggling else {})
    what = f"{latency * 1000:.0f} ms, {width} at once" + (
        f", {straggling:.0%} take ten times as long" * bool(straggling)
    )
    ideal = in_flight(width, latency, straggling=straggling)
    name = f"{'stragglers' if straggling else f'{latency * 1000:.0f}ms'}-{width}"
    return Case(name, what, round(_SECONDS * width / mean), width, faults, ideal)


_AT_100 = at_rate(100, 10, 0.2)


def _limited(name: str, what: str, ideal: Ideal = _AT_100, **faults: Any) -> Case:
    given = {"latency": 0.2, "requests_per_second": 100, "burst": 10, "retry_after": 1.0, **faults}
    return Case(name, f"100 calls/s allowed, 128 at once, Retry-After 1 s{what}", 500, 128, given, ideal)


def _memory(samples: int, *only: str, patience: float) -> Case:
    return Case(f"memory-{samples}", "no latency, 500 topics in cycles", samples, only=only, patience=patience)


# How many milliseconds it takes until a call is heard to be refused, and in which of these cases the peers take part.
REFUSAL_MS = (0, 50, 150, 300)
_PEERS_AT, _PEERS_IN = 150, ("rate-retry-after", "rate-headers", "places-retry-after")

# What the server of a refusal case allows, and what it says of that: the calls of half a second at once, or a number in
# flight, where a refused call holds a place until it is answered.
_HALF_A_SECOND = 50
_RATE = {"requests_per_second": 100, "burst": _HALF_A_SECOND}
_PLACES = {"max_in_flight": 50, "refused_hold_place": True}
_SAYS_WHEN, _SAYS_NOTHING = {"retry_after": 1.0}, {"retry_after_header": False}
_HEADERS = {"rate_headers": True, "header_moment": "refusal", "header_remaining": 0, "header_reset": 1.0}
REFUSALS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "rate-retry-after": ("100 calls/s, Retry-After", _RATE | _SAYS_WHEN),
    "rate-headers": ("100 calls/s, Retry-After and headers", _RATE | _SAYS_WHEN | _HEADERS),
    "rate-silent": ("100 calls/s, no header", _RATE | _SAYS_NOTHING),
    "places-retry-after": ("50 in flight, Retry-After", _PLACES | _SAYS_WHEN),
    "places-silent": ("50 in flight, no header", _PLACES | _SAYS_NOTHING),
}


def refusal_name(milliseconds: int, limit: str) -> str:
    """Name a case by how long a refusal takes, and by the server's limit."""
    return f"refusal-{milliseconds}ms-{limit}"


def _refusal(milliseconds: int, limit: str) -> Case:
    what, faults = REFUSALS[limit]
    ideal = at_rate(100, _HALF_A_SECOND, 0.5) if "burst" in faults else in_flight(50, 0.5)
    return Case(
        refusal_name(milliseconds, limit),
        f"{what}, a 429 takes {milliseconds} ms, 256 at once, 500 ms",
        1000,
        256,
        {"latency": 0.5, "refusal_latency": milliseconds / 1000, **faults},
        ideal,
        kind="refusals",
        only=() if milliseconds == _PEERS_AT and limit in _PEERS_IN else ("ours",),
        patience=300,
    )


ONE_SAMPLE = Case("one-sample", "a whole run of one sample: start-up", 1, 1, fixed=True)

CASES: tuple[Case, ...] = (
    Case("help", "deepfabric --help", 0, kind="help", fixed=True),
    Case("validate", "deepfabric validate config.yaml", 0, kind="validate", fixed=True),
    Case("latency-0", "no latency, 64 at once", 2000),
    *(_slow(0.2, width) for width in (8, 32, 128, 512)),
    *(_slow(0.2, width, straggling=0.05) for width in (8, 32, 128)),
    *(_slow(0.5, width) for width in (256, 1024)),
    _limited("rate", ""),
    _limited("rate-headers", ", rate headers", rate_headers=True),
    _limited("rate-refused-count", ", refused calls count", refused_count=True),
    _limited(
        "rate-windows", ", windows of 1 s, rate headers", in_windows(100, 1, 0.2), rate_window=1, rate_headers=True
    ),
    Case(
        "in-flight-50",
        "50 in flight allowed, 256 tried, 500 ms",
        500,
        256,
        {"latency": 0.5, "max_in_flight": 50, "retry_after": 1.0},
        in_flight(50, 0.5),
    ),
    Case(
        "tree",
        "156 expansions at 50 ms, 16 at once",
        sum(_DEGREE**level for level in range(_DEPTH)),
        _TREE_WIDTH,
        {"latency": _TREE_LATENCY},
        of_tree(_DEGREE, _DEPTH, _TREE_WIDTH, _TREE_LATENCY),
        kind="topics",
        topics={"degree": _DEGREE, "depth": _DEPTH, "max_concurrent": _TREE_WIDTH},
        fixed=True,
    ),
    Case(
        "hang",
        "one call in 200 hangs, timeout 3 s, 200 ms, 32 at once",
        800,
        32,
        {"latency": 0.2, "hang": 0.005},
        in_flight(32, 0.2, hang=0.005, timeout=3),
        llm={"timeout": 3},
    ),
    *(_refusal(milliseconds, limit) for milliseconds in REFUSAL_MS for limit in REFUSALS),
    _memory(5000, "ours", "bare aiohttp", "DeepFabric 4.13", patience=180),
    _memory(50_000, "ours", patience=900),
)
