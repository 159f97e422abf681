"""The summary at the end of a run: its statistics as plain text."""

from __future__ import annotations

from collections.abc import Iterator

from deepfabric_core.events import Ending
from deepfabric_core.printable import printable
from deepfabric_core.redaction import redact
from deepfabric_core.run.state import RunState
from deepfabric_core.text.budget_status import budget_status
from deepfabric_core.text.number_format import per_time, share, total_by_kind
from deepfabric_core.text.run_facts import (
    Fact,
    budget_facts,
    origin_facts,
    spending_facts,
    trouble_facts,
    usage_facts,
)
from deepfabric_core.wording import duration

_HEADLINES: dict[Ending, str] = {
    "complete": "Complete",
    "incomplete": "Incomplete",
    "stopped": "Stopped",
    "budget": "Budget reached",
    "aborted": "Gave up",
}

Row = tuple[str, str]


def summary(state: RunState) -> str:
    """Return the final statistics: a headline, then two aligned columns."""
    headline = _HEADLINES[state.ending] if state.ending else "Not finished"
    if state.is_preview:
        headline = "Preview"
    elif state.reason:
        headline += f" {state.reason}" if state.ending == "complete" else f": {printable(redact(state.reason))}"
    rows = [*_results(state), *_calls(state), *_time(state), *_files(state)]
    width = max((len(label) for label, _ in rows), default=0)
    return "\n".join([headline, *(f"  {label:<{width}}  {value}" for label, value in rows)]) + "\n"


def _results(state: RunState) -> Iterator[Row]:
    samples, ended_early = state.samples_progress, state.ending in ("stopped", "budget", "aborted")
    if samples.started_at is not None:
        rate = state.success_rate
        succeeded = "" if rate is None else f", success rate {share(rate)}"
        became = "made" if ended_early else "delivered"
        yield "Samples", f"{samples.done:,} of {samples.total:,} {became}{succeeded}"
    if state.sample_failures:
        yield "Failed samples", total_by_kind(state.sample_failures)
    if samples.left and ended_early:
        yield "Samples left", f"{samples.left:,} to make"
    yield from _rows(origin_facts(state))
    if state.topics_missing:
        yield "Missing topics", f"{state.topics_missing:,}"
    if state.topics_progress.left and ended_early:
        yield "Topics left", f"{state.topics_progress.left:,} to make"
    if state.expansion_failures:
        yield "Failed topics", total_by_kind(state.expansion_failures)


def _calls(state: RunState) -> Iterator[Row]:
    if state.calls_of_all_sessions:
        failed = state.calls - state.answered
        calls = f"{state.calls:,}" + (f" ({state.answered:,} answered, {failed:,} failed)" if failed else "")
        earlier = state.calls_of_all_sessions > state.calls
        yield "Calls", _of_all_sessions(f"{state.calls_of_all_sessions:,}", calls) if earlier else calls
    yield from _rows(trouble_facts(state))
    yield from _rows(usage_facts(state))
    yield from _rows(spending_facts(state))
    yield from _rows(budget_facts(budget_status(state, state.finished_at or 0.0)))


def _rows(facts: Iterator[Fact]) -> Iterator[Row]:
    return ((fact.label, fact.value) for fact in facts)


def _time(state: RunState) -> Iterator[Row]:
    if state.started_at is None or state.finished_at is None:
        return
    elapsed = state.elapsed(state.finished_at)
    before = state.resumed.seconds if state.resumed else 0.0
    yield "Duration", _of_all_sessions(duration(before + elapsed), duration(elapsed)) if before else duration(elapsed)
    if state.paused:
        yield "Paused", f"{duration(state.paused)} besides"
    rate = state.samples_progress.rate(state.finished_at)
    if rate:
        yield "Samples made", per_time(rate)


def _files(state: RunState) -> Iterator[Row]:
    for file in state.files:
        role = "topics file" if file.role == "topics" else printable(file.role)
        yield role[:1].upper() + role[1:], printable(file.path)


def _of_all_sessions(total: str, own: str) -> str:
    return f"{total} in all sessions, {own} in this one"
