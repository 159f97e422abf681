"""Facts about a run besides its progress, as labelled rows for the summary, the screen and the widget."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

from deepfabric_core.amounts import total
from deepfabric_core.events import BUDGET_REACHED
from deepfabric_core.printable import printable
from deepfabric_core.redaction import redact
from deepfabric_core.run.state import RunState
from deepfabric_core.text.budget_status import BudgetStatus, LimitUse, forecast_of
from deepfabric_core.text.number_format import by_kind, total_by_kind
from deepfabric_core.text.spending import by_purpose, cached, per_sample, why_free
from deepfabric_core.text.what_binds import what_binds
from deepfabric_core.wording import counted, money, were

_LONGEST_TEXT = 300


class Fact(NamedTuple):
    """A row: its label, a shorter label for narrow screens, and its value, which is safe to print."""

    label: str
    short: str
    value: str


def pace_facts(state: RunState) -> Iterator[Fact]:
    """Yield how many calls are in flight, and what holds calls back, while the run goes on."""
    if (limiter := state.limiter) and not state.ending:
        waiting = f", {limiter.waiting:,} waiting" if limiter.waiting else ""
        yield Fact("Calls", "Calls", f"{limiter.in_flight:,} of at most {limiter.allowed:,} under way{waiting}")
        if binds := what_binds(state):
            yield Fact("Limit", "Limit", binds)


def trouble_facts(state: RunState) -> Iterator[Fact]:
    """Yield how many samples were rejected, calls retried or given up, and replies asked again, and why."""
    if state.samples_rejected:
        yield Fact("Rejected samples", "Rejected", rejected(state))
    if state.samples_unjudged:
        unjudged = f"{counted(state.samples_unjudged, 'sample')}, since no judge said anything that can be used"
        yield Fact("Unjudged samples", "Unjudged", unjudged)
    if state.retries:
        yield Fact("Retried calls", "Retries", total_by_kind(state.retries))
    if state.gave_up:
        yield Fact("Calls given up", "Given up", total_by_kind(state.gave_up))
    if state.rejected:
        yield Fact("Replies asked again", "Asked again", total_by_kind(state.rejected))
    if state.mended:
        yield Fact("Replies mended", "Mended", f"{counted(state.mended, 'reply')} with small mistakes in the JSON")


def usage_facts(state: RunState) -> Iterator[Fact]:
    """Yield tokens and cost of all sessions, once there are any."""
    if state.answered or (state.resumed and state.resumed.prompt_tokens):
        yield Fact("Tokens", "Tokens", tokens(state))
        yield Fact("Cost", "Cost", cost(state))


def forecast_facts(state: RunState, now: float, besides: Collection[LimitUse] = ()) -> Iterator[Fact]:
    """Yield what the run will come to, but for limits whose forecast is told `besides`."""
    if told := forecast_of(state, now, [use.limited for use in besides]):
        yield Fact("Forecast", "Forecast", told)


def budget_facts(status: BudgetStatus | None) -> Iterator[Fact]:
    """Yield how much of a budget is used, of each of its limits."""
    if status:
        told = ", ".join(part for use in status.limits for part in (use.told, *use.remarks))
        yield Fact("Budget", "Budget", f"{told}; {status.shared}" if status.shared else told)


def spending_facts(state: RunState) -> Iterator[Fact]:
    """Yield what the money was spent on in all sessions, per delivered sample, and what came from the cache."""
    spending = state.spending_of_all_sessions
    spent = total(spending)
    if stages := by_purpose(spending):
        yield Fact("Cost by stage", "By stage", stages)
    if each := per_sample(spent, state.samples_done):
        yield Fact("Cost per sample", "Per sample", each)
    if saved := cached(state.usage_of_all_sessions):
        yield Fact("Cached tokens", "Cached", saved)


def origin_facts(state: RunState) -> Iterator[Fact]:
    """Yield the number of topics, and the number of samples from earlier sessions."""
    if state.topics:
        mode = f"{state.topics_mode} of " if state.topics_mode else ""
        source = f", from {_shown(state.topics_source)}" if state.topics_source else ""
        topics = f"{mode}{counted(state.topics, 'topic')}, {counted(state.leaves, 'leaf')}{source}"
        yield Fact("Structure", "Structure", topics)
    if (before := state.resumed) and (before.samples or before.failures):
        failed = f"; had failed: {by_kind(before.failures)}" if before.failures else ""
        there = f"{counted(before.samples, 'sample')} {were(before.samples)} there already{failed}"
        yield Fact("Resumed", "Resumed", there)


def rejected(state: RunState) -> str:
    """Return how many samples weren't accepted, by check, and how many of them are in the dataset all the same."""
    kept = f", {state.samples_kept:,} kept" if state.samples_kept else ""
    return f"{total_by_kind(state.samples_rejected)}{kept}"


def cost(state: RunState) -> str:
    """Return what the calls of all sessions cost, as far as prices are known."""
    known, unpriced = state.usage_of_all_sessions.cost, list(_unpriced(state))
    if known is None:
        return "unknown"
    if known == 0 and not unpriced:
        return f"none ({why_free((state.topics_model, state.samples_model))})"
    return f"at least {money(known)} ({' and '.join(unpriced)} of unknown price)" if unpriced else money(known)


def _unpriced(state: RunState) -> Iterator[str]:
    """Yield which calls have no known price."""
    if state.unpriced:
        yield counted(state.unpriced, "call")
    before = state.resumed
    if before and (total(before.spending).unpriced or (before.cost is None and before.prompt_tokens)):
        yield "earlier sessions"


def tokens(state: RunState) -> str:
    """Return tokens in and out, in all sessions."""
    usage = state.usage_of_all_sessions
    several = " in all sessions" if state.resumed and state.resumed.prompt_tokens else ""
    return f"{usage.prompt_tokens:,} in, {usage.completion_tokens:,} out{several}"


def stopping(state: RunState) -> str:
    """Return what a run that was asked to stop still waits for."""
    if state.stopping == BUDGET_REACHED:
        return f"Stopping: {BUDGET_REACHED}; calls in flight finish"
    why = printable(redact(state.stopping))
    return f"Stopping: at next checkpoint ({'; '.join(part for part in (_awaited(state), why) if part)})"


def paused(state: RunState) -> str:
    """Return what a run that was asked to pause does."""
    awaited = _awaited(state)
    return "Paused: no call is begun" + (f", {awaited}" if awaited else "")


def _awaited(state: RunState) -> str:
    if state.calls_in_flight:
        return f"waiting for {counted(state.calls_in_flight, 'call')} in flight"
    return ""


def _shown(text: str) -> str:
    return printable(redact(text), _LONGEST_TEXT)
