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

Row = tuple[str, ...]

_FIGURES = ("begun", "samples", "calls", "tokens", "cost", "ended")
_NAMES = ("config", "dataset", "models")
_HEADERS = (_FIGURES[0], *_NAMES, *_FIGURES[1:])
_NUMBERS = ("samples", "calls", "tokens")
_LONGEST = 40
_GAP = "  "


def costs_table(runs: Sequence[PastRun], width: int | None = None, picked_by: Sequence[str] = ()) -> str:
    """Return a line for each run, then the sums.

    Where a line would be longer than `width`, the names are on a second one. `picked_by` are the flags that picked the
    runs.
    """
    if not runs and picked_by:
        return f"No run in the history matches {printable(' and '.join(picked_by))}."
    if not runs:
        return "No runs are in the history."
    named = [_names(run) for run in runs]
    figures = [_figures(run) for run in runs]
    lines = _aligned(_HEADERS, [(row[0], *names, *row[1:]) for row, names in zip(figures, named, strict=True)])
    if width is not None and max(map(len, lines)) > width:
        lines = _in_two_lines(figures, named, width)
    return "\n".join([*lines, "", _sums(runs)])


def _in_two_lines(figures: Sequence[Row], named: Sequence[Row], width: int) -> list[str]:
    """Return two lines for each run: the figures, and the names below them, shortened where they are too long."""
    longest = max(1, width // len(_NAMES) - len(_GAP))
    short = [(printable(_file_name(one), longest), printable(other, longest), models) for one, other, models in named]
    below = [printable(", ".join(names), max(1, width - len(_GAP))) for names in (_NAMES, *short)]
    pairs = zip(_aligned(_FIGURES, figures), below, strict=True)
    return [line for above, names in pairs for line in (above, f"{_GAP}{names}")]


def _aligned(headers: Row, rows: Sequence[Row]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(headers, *rows, strict=True)]

    def cell(name: str, text: str, width: int) -> str:
        return text.rjust(width) if name in _NUMBERS else text.ljust(width)

    return [_GAP.join(map(cell, headers, row, widths)).rstrip() for row in (headers, *rows)]


def _names(run: PastRun) -> Row:
    """Return config, dataset and models; the folder of both files is told once."""
    dataset = _file_name(run.dataset) if run.config_file else _short(run.dataset)
    return (
        _short(run.config_file) if run.config_file else "-",
        printable(dataset, _LONGEST) or "-",
        printable(", ".join(run.models), _LONGEST),
    )


def _file_name(path: str) -> str:
    return Path(path).name


def _figures(run: PastRun) -> Row:
    spent = total(run.spending)
    tokens = spent.usage.prompt_tokens + spent.usage.completion_tokens
    return (
        time.strftime("%Y-%m-%d %H:%M", time.localtime(run.began_at)),
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
    """Return the cost in a few words: without the number of calls of unknown price, or why it is nothing.

    It is "-" until a call was answered.
    """
    return cost_in_words(spent).partition(" (")[0] if spent.attempts else "-"


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
    sharing = f"{'of' if budget.runs == 1 else 'shared by'} {counted(budget.runs, 'run')}"
    return f"Budget {printable(budget.name)}, {sharing}: {used}"


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
