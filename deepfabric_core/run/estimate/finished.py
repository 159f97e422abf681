"""The estimate of a job whose run is complete: what it took, by the history of runs, if that still knows it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from deepfabric_core.amounts import PURPOSES, Amounts, Expected, Range, Spent, total
from deepfabric_core.errors import ConfigError
from deepfabric_core.run.checkpoint.resume import mark_of_finished
from deepfabric_core.run.estimate.estimate import Estimate, estimate
from deepfabric_core.run.exports import planned_exports
from deepfabric_core.run.job import Job
from deepfabric_core.store.checkpoint_files import same_file
from deepfabric_core.store.run_history import PastRun, past_runs


def estimate_of(job: Job) -> Estimate:
    """Return what the job's whole run is expected to take, or took if its dataset is complete. No call is made.

    Raises:
        ConfigError: the files of an unfinished run, or the topics that the job loads, can't be read, or an export can't
            be made as it is asked for.
    """
    planned_exports(job)
    found = estimate(job)
    with suppress(ConfigError):  # the dataset is that of another config
        if mark_of_finished(replace(job, resume=True, fresh=False)) is None:
            return found
        runs = (run for run in past_runs() if run.ending == "complete" and same_file(run.dataset, job.dataset))
        latest = next(runs, None)
        found = replace(found, is_complete=True, budget=None)  # of which nothing more is needed
        return found if latest is None else _taken(found, latest)
    return found


def _taken(found: Estimate, run: PastRun) -> Estimate:
    """Return the estimate of a run that is over: exactly what it took."""
    spent, of_topics = total(run.spending), run.spending.get("topics", Spent())
    whole = replace(
        _exact(spent),
        calls=Range.exactly(run.calls),
        seconds=Range.exactly(run.seconds),
        rests_on=run.samples,
        topics=_amounts(of_topics, of_topics.attempts),
    )
    by_purpose = {purpose: _exact(run.spending[purpose]) for purpose in PURPOSES if purpose in run.spending}
    own = replace(_amounts(spent, run.calls), seconds=run.seconds)
    return replace(found, total=whole, by_purpose=by_purpose, size=replace(found.size, samples=run.samples), spent=own)


def _exact(spent: Spent) -> Expected:
    prompt, reply = spent.usage.prompt_tokens, spent.usage.completion_tokens
    cost = None if spent.unpriced else Range.exactly(spent.usage.cost or 0.0)
    return Expected(
        Range.exactly(spent.attempts), Range.exactly(prompt), Range.exactly(reply), Range.exactly(prompt + reply), cost
    )


def _amounts(spent: Spent, calls: int) -> Amounts:
    usage = spent.usage
    return Amounts(None if spent.unpriced else usage.cost, usage.prompt_tokens + usage.completion_tokens, calls)
