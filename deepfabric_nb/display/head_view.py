"""The head of a run's frame: the bar and the figures of what goes on, or what was made, on a single line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypedDict

from deepfabric_core.run.state import RunState, StageProgress
from deepfabric_core.text.budget_status import costs_nothing, expected_of
from deepfabric_core.wording import counted, duration, money


class BarView(TypedDict):
    """How far the current stage is. `left` is empty if it isn't known."""

    label: str
    done: int
    failed: int
    total: int
    count: str
    left: str


class ChipView(TypedDict):
    """A few words with a colour; a chip that `opens` something is a button."""

    text: str
    kind: Literal["plain", "good", "warn", "bad"]
    opens: Literal["", "failures", "rejected"]


class HeadView(TypedDict):
    """The head: `bar`, `money` and `expected` while the run goes on, `totals` when it is over."""

    bar: BarView | None
    chips: list[ChipView]
    money: str
    expected: str
    totals: str


def head_view(state: RunState, now: float, *, is_over: bool) -> HeadView:
    """Return the head of a run at the time `now`."""
    return {
        "bar": None if is_over else _bar(state, now),
        "chips": list(_chips(state, now, is_over=is_over)),
        "money": "" if is_over else cost_so_far(state),
        "expected": "" if is_over else _expected(state, now),
        "totals": " · ".join(filter(None, _totals(state, now))) if is_over else "",
    }


def _bar(state: RunState, now: float) -> BarView | None:
    in_samples = state.samples_progress.started_at is not None
    progress = state.samples_progress if in_samples else state.topics_progress
    if progress.started_at is None:
        return None
    what = "samples" if in_samples else "topics"
    return {
        "label": what.capitalize(),
        "done": progress.done,
        "failed": progress.failed,
        "total": progress.total,
        "count": f"{progress.done:,} of {progress.total:,}" if progress.total else "nothing to do",
        "left": _left(state, progress, now),
    }


def _left(state: RunState, progress: StageProgress, now: float) -> str:
    seconds = progress.seconds_left(now)
    if seconds is None or state.stage is None or state.stopping or state.paused_at is not None:
        return ""
    return f"{duration(seconds)} left"


def _chips(state: RunState, now: float, *, is_over: bool) -> Iterator[ChipView]:
    """Yield what was made before the samples, and what went wrong."""
    topics = state.topics_progress
    in_samples = state.samples_progress.started_at is not None
    if in_samples and state.topics:
        grown = topics.finished_at is not None
        took = f", {duration(topics.elapsed(now))}" if grown and not is_over else ""
        text = f"{'✓ ' if grown and not is_over else ''}{counted(state.topics, 'topic')}{took}"
        yield {"text": text, "kind": "good" if grown and not is_over else "plain", "opens": ""}
    if rejected := sum(state.samples_rejected.values()):
        yield {"text": f"{rejected:,} rejected", "kind": "warn", "opens": "rejected"}
    if failed := sum(state.failures.values()):
        yield {"text": f"{failed:,} failed", "kind": "bad", "opens": "failures"}


def cost_so_far(state: RunState) -> str:
    """Return what all sessions cost so far; empty if that is nothing, and never $0 where a price isn't known."""
    known = state.usage_of_all_sessions.cost
    if not state.calls_of_all_sessions or costs_nothing(state, None):
        return ""
    if known is None:
        return "cost unknown"
    return f"at least {money(known)}" if state.unpriced else money(known)


def _expected(state: RunState, now: float) -> str:
    expected = expected_of(state, now)
    if expected is None or expected.cost is None or costs_nothing(state, expected):
        return ""
    return f"of about {money(expected.cost.likely)}"


def _totals(state: RunState, now: float) -> Iterator[str]:
    if state.started_at is not None:
        yield duration(state.elapsed(now))
    yield cost_so_far(state)
