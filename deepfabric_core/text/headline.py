"""The headline of a run: in a few words what goes on, or how it has ended, what matters most first."""

from __future__ import annotations

from deepfabric_core.events import Ending
from deepfabric_core.printable import printable
from deepfabric_core.redaction import redact
from deepfabric_core.run.state import RunState
from deepfabric_core.text.number_format import by_kind, in_words
from deepfabric_core.wording import counted

_WIDTH = 240


def headline(state: RunState, *, is_over: bool = True, is_stopping: bool = False, is_watched: bool = False) -> str:
    """Return the headline of a run; a run that is watched goes on after the watching was stopped.

    >>> headline(RunState(), is_over=False)
    'Starting'
    """
    if is_watched and is_stopping and (is_over or state.ending):
        has_begun = state.samples_progress.started_at is not None or state.topics
        return f"No longer watched: {_made(state)}" if has_begun else "No longer watched"
    if state.ending is not None:
        return _ended(state, state.ending)
    if is_over:
        return f"Not finished: {_made(state)}"
    return _going_on(state, is_stopping=is_stopping)


def _going_on(state: RunState, *, is_stopping: bool) -> str:
    if is_stopping or state.stopping:
        return "Stopping: calls in flight finish"
    if state.paused_at is not None:
        return "Paused: calls in flight finish"
    if state.stage is not None:
        return "Growing topics" if state.stage == "topics" else "Writing samples"
    return "Starting" if state.samples_progress.started_at is None else "Saving the dataset"


def _ended(state: RunState, ending: Ending) -> str:
    reason = printable(redact(state.reason), _WIDTH)
    match ending:
        case "complete":
            return f"{'Preview' if state.is_preview else 'Complete'}: {_made(state)}"
        case "stopped":
            return f"Stopped: {_made(state)}"
        case "budget":
            return f"Budget reached: {_made(state)}"
        case "incomplete":
            return _failed(state) or f"Incomplete: {reason or _made(state)}"
        case "aborted":
            return f"Gave up: {reason or _made(state)}"


def _failed(state: RunState) -> str:
    """Return how many samples failed, and why; empty if none did."""
    samples, kinds = state.samples_progress, state.sample_failures
    if not samples.failed:
        return ""
    why = in_words(next(iter(kinds))) if len(kinds) == 1 else by_kind(kinds)
    return f"{samples.failed:,} of {counted(samples.total, 'sample')} failed" + (f": {why}" if why else "")


def _made(state: RunState) -> str:
    """Return what was made: 12 of 100 samples, or 100 samples."""
    samples, topics = state.samples_progress, state.topics_progress
    if samples.started_at is not None:
        progress, what = samples, "sample"
    elif topics.started_at is not None:
        progress, what = topics, "topic"
    else:
        return counted(state.topics, "topic") if state.topics else "nothing was begun"
    of_all = "" if progress.done == progress.total else f"{progress.done:,} of "
    return f"{of_all}{counted(progress.total, what)}"
