"""The `deepfabric costs` command."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from deepfabric_core.cli.output import print_json, print_result, terminal_width


@click.command("costs")
@click.option("--since", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%d %H:%M"]), help="Only runs from this day on.")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="Only runs of this config file.")
@click.option("-n", "most", type=click.IntRange(min=1), help="Only so many runs, the newest.")
@click.option("--forget-budget", metavar="NAME", help="Let a budget that runs share begin anew.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for scripts.")
@click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks.")
def command(
    since: datetime | None, config_file: Path | None, most: int | None, forget_budget: str | None, *, as_json: bool
) -> None:
    """List the past runs of this machine with what they cost, the newest first, and the sums.

    All sessions of a run are counted together. A run that was killed is listed with what it has left. Below are the
    budgets that runs share by a name.
    """
    if forget_budget is not None:
        _forget(forget_budget)
        return
    from deepfabric_core.store.budget_ledger import named_budgets
    from deepfabric_core.store.run_history import past_runs
    from deepfabric_core.text.costs_table import budgets_told, costs_as_json, costs_table

    runs = past_runs(since=since.timestamp() if since else 0.0, config_file=config_file, most=most)
    budgets = named_budgets()
    if as_json:
        print_json(costs_as_json(runs, budgets))
    else:
        picked_by = [
            *([f"--since {since:%Y-%m-%d %H:%M}".removesuffix(" 00:00")] if since else []),
            *([f"--config {config_file}"] if config_file else []),
        ]
        print_result("\n".join(filter(None, (costs_table(runs, terminal_width(), picked_by), budgets_told(budgets)))))


def _forget(name: str) -> None:
    from deepfabric_core.errors import ConfigError
    from deepfabric_core.store.budget_ledger import forget_budget

    if not forget_budget(name):
        raise ConfigError(f"There is no budget {name} to forget; `deepfabric costs` lists them.")
    print_result(f"The budget {name} begins anew.")
