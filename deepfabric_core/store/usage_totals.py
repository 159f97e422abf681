"""Add up what a run has spent: the saved totals, and the log lines that were written after they were saved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from deepfabric_core.amounts import Purpose, Spending, Spent, total, with_refused, with_spent
from deepfabric_core.errors import ConfigError
from deepfabric_core.store.append_log import read_line
from deepfabric_core.store.checkpoint_files import CheckpointFiles, Metadata
from deepfabric_core.store.files import reason

Line = Mapping[str, Any]


def with_unsaved(known: Metadata, files: CheckpointFiles) -> Metadata:
    """Return the metadata with the calls added that were made after it was saved; each call is in exactly one line.

    Raises:
        ConfigError: a file can't be read.
    """
    spending, samples = _added(spending_of(known), files.samples, known.samples_bytes, with_sample)
    spending, rejected = _added(spending, files.rejected, known.rejected_bytes, with_rejected)
    spending, expansions = _added(spending, files.expansions, known.expansions_bytes, _with_expansion)
    spending, steps = _added(spending, files.steps, known.steps_bytes, _with_step)
    return replace(
        with_spending(known, spending),
        samples_bytes=samples,
        rejected_bytes=rejected,
        expansions_bytes=expansions,
        steps_bytes=steps,
    )


def with_spending(known: Metadata, spending: Spending) -> Metadata:
    """Return the metadata with what was spent, which is more than before, and its sums."""
    new = total(spending) - total(spending_of(known))
    return replace(known, calls=known.calls + new.attempts, **asdict(known.spent.usage + new.usage), spending=spending)


def spending_of(known: Metadata) -> Spending:
    """Return what was spent by purpose; all of it on samples if an earlier version wrote the metadata."""
    if known.spending or not known.calls:
        return known.spending
    return {"samples": Spent.of(known.spent.as_object())}


def with_sample(spending: Spending, line: Line) -> Spending:
    """Return the spending with what a line of the journal adds: what isn't in the step log, and the judging."""
    purpose: Purpose = "repairs" if line.get("repair") else "samples"
    spending = with_spent(spending, purpose, Spent.of(line.get("rest") or line))
    judging = Spent.of(line.get("judging") or {})
    return with_spent(spending, "judge", judging) if judging.attempts else spending


def with_rejected(spending: Spending, line: Line) -> Spending:
    """Return the spending with what a line of the log of rejected samples adds."""
    return with_refused(with_sample(spending, line), Spent.of(line.get("own") or line))


def _with_expansion(spending: Spending, line: Line) -> Spending:
    return with_spent(spending, "topics", Spent.of(line))


def _with_step(spending: Spending, line: Line) -> Spending:
    """Return the spending with what a step adds; a topic's step has its path as key, a sample's has the cycle in it."""
    if "attempts" not in line:
        return spending
    of_sample: Purpose = "repairs" if line.get("repair") else "samples"
    is_topic = all(isinstance(part, str) for part in line.get("key") or ())
    return with_spent(spending, "topics" if is_topic else of_sample, Spent.of(line))


def _added(
    spending: Spending, path: Path, begin: int, add: Callable[[Spending, Line], Spending]
) -> tuple[Spending, int]:
    """Add the complete lines of a file from an offset on; return also where the last of them ends."""
    try:
        with path.open("rb") as file:
            begin = files = file.seek(min(begin, path.stat().st_size))
            for line in file:
                files += len(line)
                content = read_line(line)
                if content is not None:
                    spending = add(spending, content)
                    begin = files
    except FileNotFoundError:
        return spending, 0
    except OSError as problem:
        raise ConfigError(f"{path} can't be read: {reason(problem)}.") from problem
    return spending, begin
