"""The data that a notebook shows of a run, as small JSON: both the live widget and the static summary draw it.

Texts of models and providers are shortened here, and control codes and keys are removed. They are not escaped: whatever
draws them has to do that.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Literal, TypedDict
from urllib.parse import quote

from deepfabric_core.events import Ending, FileWritten, SampleFinished, SampleRejected, Stage
from deepfabric_core.printable import printable, printable_path
from deepfabric_core.redaction import redact
from deepfabric_core.run.larger_budget import larger_budget
from deepfabric_core.run.state import Failure, RunState, StageProgress
from deepfabric_core.text.budget_status import BudgetStatus, LimitUse, budget_status, other_notices
from deepfabric_core.text.headline import headline
from deepfabric_core.text.number_format import Kind, in_words, per_time, percent, total_by_kind
from deepfabric_core.text.rate_history import WINDOW, RateHistory, heights
from deepfabric_core.text.run_facts import (
    forecast_facts,
    origin_facts,
    pace_facts,
    spending_facts,
    trouble_facts,
    usage_facts,
)
from deepfabric_core.wording import duration
from deepfabric_nb.display.head_view import HeadView, head_view

if TYPE_CHECKING:
    from deepfabric_nb.runs.run import Run

Example = Failure | SampleRejected
Phase = Literal["running", "stopping", "over"]

_NAME = 80
_PATH = 90
_FILE = 300
_MESSAGE = 240
_REASON = 600
_QUESTION = 240
_EXCHANGE = 1500
_ANSWER = 480
_NOTICES = 5
_KINDS_WITH_EXAMPLES = 6
_SPARKLINE_HEIGHT = 100

# Each stage, what it is called, and what those are called that couldn't be made.
_STAGES: tuple[tuple[Stage, str, str], ...] = (("topics", "Topics", "missing"), ("samples", "Samples", "failed"))


class StageView(TypedDict):
    """A stage's progress. `percent` is a number for a bar; empty texts are unknown or not worth showing.

    `rates` are the heights of a sparkline from 0 to 100, a second each, over the last minute, as is `rate`. A stage
    that is over has none, and its `rate` is over all of its time.
    """

    label: str
    active: bool
    done: int
    failed: int
    total: int
    percent: int
    count: str
    lost: str
    rate: str
    rates: list[int]
    left: str
    elapsed: str


class LimitView(TypedDict):
    """One limit of a budget. `spent`, `reserved` and `expected` are percents of it, for a bar.

    If nothing is expected, `expected` is None and `forecast` is empty. `warned` if it will be or is reached.
    """

    label: str
    told: str
    forecast: str
    reservation: str
    spent: float
    reserved: float
    expected: float | None
    warned: bool


class BudgetView(TypedDict):
    """The budget of a run: who shares it, and a warning if more is expected than it allows; both may be empty."""

    limits: list[LimitView]
    shared: str
    warning: str


class FactView(TypedDict):
    """A line of two columns."""

    label: str
    value: str


class ExampleView(TypedDict):
    """One failure; `request` and `reply` are its last ones, or empty if they aren't known.

    Of a sample that was rejected they are its question and its answer.
    """

    path: str
    message: str
    request: str
    reply: str


class FailureView(TypedDict):
    """A kind of failure and a few examples."""

    kind: str
    count: int
    examples: list[ExampleView]


class SampleView(TypedDict):
    """A recent sample; `number` is its number in the order of arrival."""

    number: int
    path: str
    question: str
    answer: str
    attempts: int


class FileView(TypedDict):
    """A file; `link` is relative to the kernel's folder, or empty if the file is elsewhere."""

    role: str
    path: str
    link: str


@dataclass(frozen=True, slots=True)
class RunHandle:
    """What the handle of a run knows besides the state; a run that is watched is that of another process."""

    id: str
    name: str
    phase: Phase
    was_stopped: bool = False
    is_watched: bool = False
    has_samples: bool = True
    dataset: str = ""


class CommandsView(TypedDict):
    """Commands for cells: `samples` opens the samples, `report` tells of them, `accepted` writes what was accepted.

    `export` is one for a terminal, which writes them as trainers read them.
    """

    samples: str
    report: str
    accepted: str
    export: str


class GrownView(TypedDict):
    """A topic that has got subtopics, by their names."""

    path: str
    names: list[str]


class RunView(TypedDict):
    """Everything that is shown of a run.

    `resume` is the command that goes on with it, empty if there is nothing left to do or it isn't ours; `rows` counts
    the samples that can be read beside it; `growth` has the latest topics that got subtopics.
    """

    run: str
    name: str
    phase: Phase
    ending: Ending | None
    watched: bool
    headline: str
    head: HeadView
    resume: str
    commands: CommandsView
    can_try_again: bool
    has_samples: bool
    rows: int
    growth: list[GrownView]
    elapsed: str
    reason: str
    stages: list[StageView]
    budget: BudgetView
    facts: list[FactView]
    trouble: str
    failures: list[FailureView]
    repairs: str
    repaired: list[FailureView]
    refusals: str
    rejected: list[FailureView]
    topic: str
    samples: list[SampleView]
    notices: list[str]
    files: list[FileView]


def view_of(run: Run) -> RunView:
    """Return what to show of a run now."""
    phase: Phase = "over" if run.over else "stopping" if run.stopping else "running"
    dataset, has_samples = _from_here(run.job.dataset), not run.job.topic_only
    handle = RunHandle(run.id, run.name, phase, run.stopping, run.is_watched, has_samples, dataset)
    return run_view(run.state, handle, now=time.time(), history=run.history)


def _from_here(path: Path) -> str:
    """Return a path as it is written in the kernel's folder."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def run_view(state: RunState, handle: RunHandle, *, now: float, history: RateHistory | None = None) -> RunView:
    """Return what to show of a run at the time `now`; `history` has its rates, if it is shown while it goes on."""
    failures = _by_kind(state.failures, state.failure_examples)
    status = budget_status(state, now)
    phase, was_stopped = handle.phase, handle.was_stopped or handle.phase == "stopping"
    return {
        "run": handle.id,
        "name": _line(handle.name, _NAME),
        "phase": phase,
        "ending": state.ending,
        "headline": headline(state, is_over=phase == "over", is_stopping=was_stopped, is_watched=handle.is_watched),
        "watched": handle.is_watched,
        "head": head_view(state, now, is_over=phase == "over"),
        "resume": _resume(state, handle),
        "commands": _commands(handle),
        "can_try_again": bool(failures and phase == "over" and not handle.is_watched),
        "has_samples": handle.has_samples,
        "rows": 0,
        "growth": [],
        "elapsed": _elapsed(state, now),
        "reason": _line(state.reason, _REASON) if state.ending == "budget" else "",
        "stages": list(_stages(state, now, phase, history or RateHistory())),
        "budget": _budget(status, reached=state.ending == "budget"),
        "facts": [{"label": label, "value": value} for label, value in _facts(state, phase, now, status)],
        "trouble": total_by_kind(state.failures) if failures else "",
        "failures": failures,
        "repairs": total_by_kind(state.rejected) if state.rejected else "",
        "repaired": _by_kind(state.rejected, state.rejected_examples),
        "refusals": total_by_kind(state.samples_rejected) if state.samples_rejected else "",
        "rejected": _by_kind(state.samples_rejected, state.rejected_samples),
        "topic": printable_path(state.latest_path, _PATH) if phase == "running" and not state.recent else "",
        "samples": _samples(state),
        "notices": [_line(notice, _MESSAGE) for notice in other_notices(state, status)[-_NOTICES:]],
        "files": [_file(file) for file in state.files],
    }


def _resume(state: RunState, handle: RunHandle) -> str:
    """Return the command that goes on with a run of this notebook; empty if nothing is left to do."""
    if state.ending == "complete" or handle.is_watched:
        return ""
    larger = larger_budget(state) if state.ending == "budget" else []
    return _line(shlex.join(["%deepfabric", "resume", handle.name, *larger]), _FILE)


def _commands(handle: RunHandle) -> CommandsView:
    def command(*words: str) -> str:
        return _line(shlex.join(words), _FILE)

    return {
        "samples": command("%deepfabric", "samples", handle.name),
        "report": command("%deepfabric", "report", handle.name),
        "accepted": command("%deepfabric", "export", handle.name, "accepted.jsonl"),
        "export": command("deepfabric", "export", handle.dataset, "--to", "trl"),
    }


def _elapsed(state: RunState, now: float) -> str:
    if state.started_at is None:
        return ""
    return duration(state.elapsed(now))


def _stages(state: RunState, now: float, phase: Phase, history: RateHistory) -> Iterator[StageView]:
    """Yield the stages that have begun; the time left of the current one is shown unless the run is stopping."""
    current = state.stage if phase == "running" and not state.stopping else None
    live = state.stage if phase != "over" else None
    for stage, label, lost in _STAGES:
        progress = state.progress_of(stage)
        if progress.started_at is not None:
            shown = _stage(label, lost, progress, now, current == stage)
            yield _live(shown, history) if live == stage else shown


def _stage(label: str, lost: str, progress: StageProgress, now: float, goes_on: bool) -> StageView:
    done, total = progress.done, progress.total
    rate, left = progress.rate(now), progress.seconds_left(now)
    return {
        "label": label,
        "active": progress.finished_at is None,
        "done": done,
        "failed": progress.failed,
        "total": total,
        "percent": min(100, done * 100 // total) if total else 100,
        "count": f"{done:,} of {total:,} ({percent(progress)})" if total else percent(progress),
        "lost": f"{progress.failed:,} {lost}" if progress.failed else "",
        "rate": per_time(rate) if rate else "",
        "rates": [],
        "left": f"about {duration(left)} left" if left and goes_on else "",
        "elapsed": duration(progress.elapsed(now)),
    }


def _live(stage: StageView, history: RateHistory) -> StageView:
    """Return the view of a stage that goes on, with its rate over the last minute."""
    rate = history.rate
    if rate is None:
        return stage
    rates = heights(history.rates(WINDOW), _SPARKLINE_HEIGHT)
    return {**stage, "rate": per_time(rate), "rates": rates}


def _budget(status: BudgetStatus | None, *, reached: bool) -> BudgetView:
    if status is None:
        return {"limits": [], "shared": "", "warning": ""}
    warned = [use.is_exceeded if status.warning else reached and use is status.tightest for use in status.limits]
    limits = [_limit(use, is_warned) for use, is_warned in zip(status.limits, warned, strict=True)]
    return {"limits": limits, "shared": status.shared, "warning": status.warning}


def _limit(use: LimitUse, warned: bool) -> LimitView:
    return {
        "label": use.label,
        "told": ", ".join((f"{use.told} ({use.percent} %)", *use.remarks)),
        "forecast": use.forecast,
        "reservation": use.reservation,
        "spent": _of(use.spent, use),
        "reserved": _of(use.reserved, use),
        "expected": _of(use.expected.likely, use) if use.expected else None,
        "warned": warned,
    }


def _of(amount: float, use: LimitUse) -> float:
    return round(100 * amount / use.limit, 1)


def _facts(state: RunState, phase: Phase, now: float, status: BudgetStatus | None) -> Iterator[tuple[str, str]]:
    is_over = phase == "over"
    more = spending_facts(state) if is_over else forecast_facts(state, now, status.limits if status else ())
    groups = (trouble_facts(state), usage_facts(state), more, origin_facts(state))
    for fact in chain(() if is_over else pace_facts(state), *groups):
        yield fact.label, fact.value
    topics, samples = _line(state.topics_model, _NAME), _line(state.samples_model, _NAME)
    if samples and topics != samples:
        yield "Models", f"topics: {topics}, samples: {samples}"
    elif topics:
        yield "Model", topics


def _by_kind(counts: Mapping[Kind, int], examples: Mapping[Kind, Sequence[Example]]) -> list[FailureView]:
    """Return failures by kind, the most frequent first; those of earlier runs are counted and have no examples."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
    return [
        {
            "kind": _line(in_words(kind), _NAME),
            "count": count,
            "examples": [_example(one) for one in examples.get(kind, ())] if rank < _KINDS_WITH_EXAMPLES else [],
        }
        for rank, (kind, count) in enumerate(ordered)
    ]


def _example(one: Example) -> ExampleView:
    message, texts = (
        (_finding(one), (one.question, one.answer))
        if isinstance(one, SampleRejected)
        else (one.message, (one.request, one.reply))
    )
    request, reply = (_paragraphs(text, _EXCHANGE) for text in texts)
    return {
        "path": printable_path(one.path, _PATH),
        "message": _line(message, _MESSAGE),
        "request": request,
        "reply": reply,
    }


def _finding(one: SampleRejected) -> str:
    return f'{one.reason}: "{one.evidence}"' if one.evidence else one.reason


def _samples(state: RunState) -> list[SampleView]:
    """Return the recent samples, the newest first."""
    latest = state.samples_done
    return [_sample(sample, latest - age) for age, sample in enumerate(reversed(state.recent))]


def _sample(sample: SampleFinished, number: int) -> SampleView:
    return {
        "number": number,
        "path": printable_path(sample.path, _PATH),
        "question": _paragraphs(sample.question, _QUESTION),
        "answer": _paragraphs(sample.answer, _ANSWER),
        "attempts": sample.attempts,
    }


def _file(file: FileWritten) -> FileView:
    path = PurePath(file.path)
    role = "topics file" if file.role == "topics" else _line(file.role, _NAME)
    inside = not path.is_absolute() and ".." not in path.parts
    return {
        "role": role[:1].upper() + role[1:],
        "path": _line(file.path, _FILE),
        "link": quote(path.as_posix(), errors="replace") if inside and file.role != "checkpoint" else "",
    }


def _line(text: str, width: int) -> str:
    return printable(redact(text), width)


def _paragraphs(text: str, width: int) -> str:
    """Return a model's text with its line breaks and spaces."""
    lines = "\n".join(printable(line) for line in text.replace("\r\n", "\n").split("\n"))
    return lines if len(lines) <= width else lines[: width - 1].rstrip() + "…"
