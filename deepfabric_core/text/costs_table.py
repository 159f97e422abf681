"""The past runs of this machine and what they cost, as a table and for scripts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deepfabric_core.amounts import Spent, Usage, total
from deepfabric_core.printable import printable
from deepfabric_core.store.budget_ledger import NamedBudget
from deepfabric_core.store.run_history import PastRun
from deepfabric_core.text.spending import cost_in_words, cost_per_sample, spending_as_json, spent_as_json
from deepfabric_core.wording import counted, rounded

_HEADERS = ("begun", "config", "models", "samples", "calls", "tokens", "cost", "ended")
_NUMBERS = ("samples", "calls", "tokens")
_LONGEST = 40
_GAP = "  "


def costs_table(runs: Sequence[PastRun], width: int | None = None) -> str:
    """Return a line for each run, or a block of lines where a line would be longer than `width`; then the sums."""
    if not runs:
        return "No runs are in the history."
    rows = [_row(run) for run in runs]
    widths = [max(map(len, column)) for column in zip(_HEADERS, *rows, strict=True)]
    if width is not None and sum(widths) + len(_GAP) * (len(widths) - 1) > width:
        return "\n\n".join([*map(_block, rows), _sums(runs)])
    lines = [_GAP.join(map(_cell, _HEADERS, row, widths)).rstrip() for row in (_HEADERS, *rows)]
    return "\n".join([*lines, "", _sums(runs)])


def _cell(name: str, text: str, width: int) -> str:
    return text.rjust(width) if name in _NUMBERS else text.ljust(width)


def _row(run: PastRun) -> tuple[str, ...]:
    spent = total(run.spending)
    tokens = spent.usage.prompt_tokens + spent.usage.completion_tokens
    return (
        time.strftime("%Y-%m-%d %H:%M", time.localtime(run.began_at)),
        _short(run.config_file or run.dataset),
        printable(", ".join(run.models), _LONGEST),
        f"{run.samples:,}",
        f"{run.calls:,}",
        rounded(tokens),
        _cost(spent),
        run.status,
    )


def _short(path: str) -> str:
    """Return the end of a path: the file, and the folder that it is in."""
    return printable("/".join(Path(path).parts[-2:]), _LONGEST)


def _cost(spent: Spent) -> str:
    """Return the cost in a few words: without the number of calls of unknown price, or why it is nothing."""
    return cost_in_words(spent).partition(" (")[0]


def _block(row: Sequence[str]) -> str:
    label = max(map(len, _HEADERS))
    return "\n".join(f"{name:<{label}}{_GAP}{value}" for name, value in zip(_HEADERS, row, strict=True))


def _sums(runs: Sequence[PastRun]) -> str:
    spent = _all_spent(runs)
    parts = (
        counted(sum(run.samples for run in runs), "sample"),
        counted(sum(run.calls for run in runs), "call"),
        f"{rounded(spent.usage.prompt_tokens)} tokens in, {rounded(spent.usage.completion_tokens)} out",
        f"cost {cost_in_words(spent, [name for run in runs for name in run.models])}",
    )
    return f"{counted(len(runs), 'run')}: {', '.join(parts)}"


def _all_spent(runs: Sequence[PastRun]) -> Spent:
    return sum((total(run.spending) for run in runs), Spent())


def budgets_told(budgets: Sequence[NamedBudget]) -> str:
    """Return a line for each budget that runs share, with what was spent of it."""
    return "\n".join(map(_budget, budgets))


def _budget(budget: NamedBudget) -> str:
    spent = budget.spent
    cost = cost_in_words(Spent(spent.calls, Usage(cost=spent.cost), spent.unpriced))
    used = f"{counted(spent.calls, 'call')}, {rounded(spent.tokens)} tokens, cost {cost}"
    return f"Budget {printable(budget.name)}, shared by {counted(budget.runs, 'run')}: {used}"


def costs_as_json(runs: Sequence[PastRun], budgets: Sequence[NamedBudget] = ()) -> dict[str, Any]:
    """Return an object for each run, the sums, and an object for each budget that runs share.

    Times are in seconds since the epoch, costs in US dollars.
    """
    return {
        "runs": list(map(run_as_json, runs)),
        "total": {
            "runs": len(runs),
            "samples": sum(run.samples for run in runs),
            **spent_as_json(_all_spent(runs)),
            "calls": sum(run.calls for run in runs),
        },
        "budgets": [{"name": one.name, "runs": one.runs, **one.spent._asdict()} for one in budgets],
    }


def run_as_json(run: PastRun) -> dict[str, Any]:
    """Return what the history says of a run; `calls` counts failed ones as well."""
    return {
        "run_id": run.run_id,
        "began_at": run.began_at,
        "updated_at": run.updated_at,
        "ended": run.status,
        "config": run.config_file,
        "dataset": run.dataset,
        "models": list(run.models),
        "samples": run.samples,
        "samples_wanted": run.samples_wanted,
        **spent_as_json(total(run.spending)),
        "calls": run.calls,
        "cost_per_sample": cost_per_sample(run.spending, run.samples),
        "stages": spending_as_json(run.spending),
        "seconds": run.seconds,
    }
