"""The statistics of a run as plain text, and how numbers are written everywhere on the command line."""

from __future__ import annotations

from collections.abc import Iterator

from deepfabric_core.events import Ending
from deepfabric_core.printable import printable
from deepfabric_core.redaction import redact
from deepfabric_core.run.state import Counts, RunState, StageProgress
from deepfabric_core.wording import counted

_HEADLINES: dict[Ending, str] = {
    "complete": "Complete",
    "incomplete": "Incomplete",
    "stopped": "Stopped",
    "aborted": "Gave up",
}

Row = tuple[str, str]


def summary(state: RunState) -> str:
    """The final statistics: a headline, then two aligned columns."""
    headline = _HEADLINES[state.ending] if state.ending else "Not finished"
    if state.reason:
        headline += f" {state.reason}" if state.ending == "complete" else f": {printable(redact(state.reason))}"
    rows = [*_results(state), *_calls(state), *_time(state), *_files(state)]
    width = max((len(label) for label, _ in rows), default=0)
    return "\n".join([headline, *(f"  {label:<{width}}  {value}" for label, value in rows)]) + "\n"


def duration(seconds: float) -> str:
    """Seconds as people say them.

    >>> duration(19.2), duration(200), duration(7500)
    ('19 s', '3 min 20 s', '2 h 5 min')
    """
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def per_time(rate: float) -> str:
    """A rate per second, or per minute when slow."""
    return f"{rate:.1f}/s" if rate >= 1 else f"{rate * 60:.1f}/min"


def by_kind(counts: Counts) -> str:
    """Counts by category, the most frequent first: 5 rate limited, 2 timeout."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0].value))
    return ", ".join(f"{count:,} {kind.value}" for kind, count in ordered)


def total_by_kind(counts: Counts) -> str:
    """The total, then the counts by category: 7 (5 rate limited, 2 timeout); a single category is its own total."""
    if len(counts) == 1:
        return by_kind(counts)
    return f"{sum(counts.values()):,} ({by_kind(counts)})"


def percent(progress: StageProgress) -> str:
    """The made of the total; 100 % only when nothing is left."""
    return f"{min(100, progress.done * 100 // progress.total)} %" if progress.total else "nothing to do"


def cost(state: RunState) -> str:
    """What the calls of all sessions cost, as far as prices are known."""
    known = state.usage_of_all_sessions.cost
    if known is None:
        return "unknown"
    amount = f"${known:,.2f}" if known >= 1 else f"${known:.4f}"
    unpriced = [counted(state.unpriced, "call")] if state.unpriced else []
    if state.resumed and state.resumed.cost is None and state.resumed.prompt_tokens:
        unpriced.append("earlier sessions")
    return f"at least {amount} ({' and '.join(unpriced)} of unknown price)" if unpriced else amount


def tokens(state: RunState) -> str:
    """Tokens in and out, in all sessions."""
    usage = state.usage_of_all_sessions
    several = " in all sessions" if state.resumed and state.resumed.prompt_tokens else ""
    return f"{usage.prompt_tokens:,} in, {usage.completion_tokens:,} out{several}"


def stopping(state: RunState) -> str:
    """What a run that was asked to stop still waits for."""
    why = printable(redact(state.stopping))
    return f"Stopping: at next checkpoint ({'; '.join(part for part in (_awaited(state), why) if part)})"


def paused(state: RunState) -> str:
    """What a run that was asked to pause does."""
    awaited = _awaited(state)
    return "Paused: no call is begun" + (f", {awaited}" if awaited else "")


def _awaited(state: RunState) -> str:
    if state.calls_in_flight:
        return f"waiting for {counted(state.calls_in_flight, 'call')} in flight"
    return ""


def _results(state: RunState) -> Iterator[Row]:
    samples, ended_early = state.samples_progress, state.ending in ("stopped", "aborted")
    if samples.started_at is not None:
        rate = state.success_rate
        succeeded = "" if rate is None else f", success rate {_share(rate)}"
        became = "made" if ended_early else "delivered"
        yield "Samples", f"{samples.done:,} of {samples.total:,} {became}{succeeded}"
    if state.resumed and state.resumed.samples:
        yield "Resumed", f"{state.resumed.samples:,} of them were there already"
    if state.sample_failures:
        yield "Failed samples", total_by_kind(state.sample_failures)
    if samples.left and ended_early:
        yield "Samples left", f"{samples.left:,} to make"
    if state.topics:
        source = f", from {printable(state.topics_source)}" if state.topics_source else ""
        yield "Topics", f"{state.topics:,}, of them {counted(state.leaves, 'leaf')}{source}"
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
    if state.retries:
        yield "Retried calls", total_by_kind(state.retries)
    if state.gave_up:
        yield "Calls given up", total_by_kind(state.gave_up)
    if state.rejected:
        yield "Replies asked again", total_by_kind(state.rejected)
    if state.answered or (state.resumed and state.resumed.prompt_tokens):
        yield "Tokens", tokens(state)
        yield "Cost", cost(state)


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


def _share(share: float) -> str:
    """A share in percent, one decimal, never rounded up to 100 %."""
    return f"{int(share * 1000) / 10:g} %"
