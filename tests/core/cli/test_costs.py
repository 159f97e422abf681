"""`deepfabric costs`: past runs and what they cost, also of those that were killed."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from aiohttp import web

from deepfabric_core.amounts import Spent, Usage
from deepfabric_core.cli.costs import command
from deepfabric_core.errors import ConfigError
from deepfabric_core.store.budget_ledger import BudgetLedger, Sum, budget_key
from deepfabric_core.store.run_history import PastRun, remember
from deepfabric_core.text.costs_table import costs_table
from tests.answers import Json
from tests.core.commands import start, wait_for
from tests.core.conftest import Run, local_llm, write_config
from tests.core.run.checkpoint.test_resume import cut, finish
from tests.provider import Faults, LocalProvider
from tests.quotas import Headers


class Accounting(LocalProvider):
    """Adds up the tokens that it says it took."""

    tokens_in = tokens_out = 0

    def _completion(self, body: Json, content: str, headers: Headers) -> web.Response:
        response = super()._completion(body, content, headers)
        usage = json.loads(response.body)["usage"]  # type: ignore[arg-type]
        self.tokens_in += usage["prompt_tokens"]
        self.tokens_out += usage["completion_tokens"]
        return response


@pytest.fixture
def accounting() -> Iterator[Accounting]:
    with Accounting(Faults()) as server:
        yield server


Costs = Callable[..., dict[str, Any]]


@pytest.fixture
def costs(place: Path, capsys: pytest.CaptureFixture[str]) -> Costs:
    """Runs the command in this process."""

    def run(*words: str) -> dict[str, Any]:
        command.main(["--json", *words], standalone_mode=False)
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    return run


def test_after_a_kill_costs_and_the_summary_of_the_resume_say_what_the_server_says(
    place: Path, costs: Costs, accounting: Accounting
) -> None:
    accounting.faults = Faults(latency=0.05)
    output = {"num_samples": 40, "batch_size": 1, "checkpoint": {"interval": 4}}
    write_config(place, llm=local_llm(accounting), topics={"max_concurrent": 1}, output=output)
    cut(place, accounting, 4 + 10, by=signal.SIGKILL)
    accounting.faults, killed = Faults(), accounting.counts.answered
    [run] = costs()["runs"]
    assert run["ended"] == "unfinished"
    assert killed - 1 <= run["calls"] <= killed, "at most the call in flight isn't known"
    assert run["samples"] == run["stages"]["samples"]["calls"] == run["calls"] - 4
    missed = accounting.tokens_in - run["prompt_tokens"], accounting.tokens_out - run["completion_tokens"]
    said = finish(place).out
    [done] = costs()["runs"]
    assert done["run_id"] == run["run_id"] and done["ended"] == "complete"
    assert (done["prompt_tokens"], done["completion_tokens"]) == (
        accounting.tokens_in - missed[0],
        accounting.tokens_out - missed[1],
    )
    assert f"{done['prompt_tokens']:,} in, {done['completion_tokens']:,} out in all sessions" in said
    assert done["cost"] == pytest.approx(sum(stage["cost"] for stage in done["stages"].values()))
    assert done["cost"] > 0
    assert {name: stage["calls"] for name, stage in done["stages"].items()} == {"topics": 4, "samples": 40}
    assert re.search(r"Cost by stage +topics \$0\.\d+, samples \$0\.\d+", said)


def test_a_run_at_work_is_listed_as_running_and_a_stopped_one_as_stopped(
    place: Path, costs: Costs, provider: LocalProvider
) -> None:
    provider.faults = Faults(latency=0.1)
    write_config(place, llm=local_llm(provider), output={"num_samples": 40, "batch_size": 2})
    process = start(place)
    try:
        wait_for(provider, 5)
        assert [run["ended"] for run in costs()["runs"]] == ["running"]
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    [run] = costs()["runs"]
    assert run["ended"] == "stopped" and run["calls"] == provider.counts.answered


def past(number: int, **facts: Any) -> PastRun:
    known: dict[str, Any] = {
        "config_file": f"/home/me/tea/config{number}.yaml",
        "models": ("openai/gpt-4o-mini",),
        "samples": 10 * number,
        "calls": 11 * number,
        "ending": "complete",
        "spending": {"samples": Spent(11 * number, Usage(20_000 * number, 3_000, 0.5 * number))},
    }
    return PastRun(f"{number}", time.mktime((2026, 11, number, 12, 0, 0, 0, 0, -1)), 0.0, **{**known, **facts})


UNKNOWN = {"samples": Spent(5, Usage(10, 10), unpriced=5)}
FREE = {"samples": Spent(5, Usage(10, 10, 0.0))}


def test_a_run_is_a_line_and_the_sums_are_below() -> None:
    runs = [
        past(5, spending={}, samples=0, calls=0, ending="failed"),
        past(4, spending=FREE, models=("simulated/gpt-4o",), config_file=None, dataset="/home/me/f/o.jsonl"),
        past(3, spending=UNKNOWN, ending="stopped"),
        past(2, dataset="/home/me/tea/b.jsonl"),
    ]
    assert costs_table(runs).splitlines() == [
        "begun             config            dataset    models              samples  calls  tokens  cost     ended",
        "2026-11-05 12:00  tea/config5.yaml  -          openai/gpt-4o-mini        0      0       0  -        failed",
        "2026-11-04 12:00  -                 f/o.jsonl  simulated/gpt-4o         40     44      20  none     complete",
        "2026-11-03 12:00  tea/config3.yaml  -          openai/gpt-4o-mini       30     33      20  unknown  stopped",
        "2026-11-02 12:00  tea/config2.yaml  b.jsonl    openai/gpt-4o-mini       20     22    43 k  $1.00    complete",
        "",
        "4 runs: 90 samples, 99 calls, 40 k tokens in, 3,020 out, cost at least $1.00 (5 calls of unknown price)",
    ]


def test_where_a_line_is_too_long_a_run_is_two_lines_with_all_names() -> None:
    long = past(3, config_file="/a/" + "c" * 90, dataset="/a/" + "d" * 90, models=("openai/" + "m" * 90,))
    told = costs_table([long, past(2, dataset="/home/me/tea/green.jsonl")], width=80)
    table, sums = told.split("\n\n")
    lines = table.splitlines()
    assert lines[:2] == ["begun             samples  calls  tokens  cost   ended", "  config, dataset, models"]
    assert re.fullmatch(r"  c+…, d+…, openai/m+…", lines[3]) and all(len(line) <= 80 for line in lines)
    assert lines[4:] == [
        "2026-11-02 12:00       20     22    43 k  $1.00  complete",
        "  config2.yaml, green.jsonl, openai/gpt-4o-mini",
    ]
    assert sums.startswith("2 runs: 50 samples, 55 calls")


def test_names_from_elsewhere_do_no_harm_to_a_terminal() -> None:
    assert "\x1b" not in costs_table([past(2, models=("openai/\x1b]0;x\x07",), config_file="/a/\x1b[2J.yaml")])


def test_runs_are_picked_by_day_config_and_number(place: Path, costs: Costs) -> None:
    for number in (1, 2, 3):
        remember(past(number, config_file=str(place / f"{number % 2}.yaml")))

    def picked(*words: str) -> list[str]:
        found = costs(*words)
        assert found["total"]["runs"] == len(found["runs"])
        return [run["run_id"] for run in found["runs"]]

    assert picked() == ["3", "2", "1"]
    assert picked("--since", "2026-11-02", "-n", "5") == ["3", "2"]
    assert picked("--config", "1.yaml") == ["3", "1"]
    assert picked("-n", "1") == ["3"]


def test_where_no_run_matches_that_is_said(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    remember(past(1))
    command.main(["--since", "2026-11-30", "--config", "no.yaml"], standalone_mode=False)
    assert capsys.readouterr().out == "No run in the history matches --since 2026-11-30 and --config no.yaml.\n"


def test_a_day_that_is_none_is_refused(costs: Costs) -> None:
    with pytest.raises(click.BadParameter, match="yesterday"):
        costs("--since", "yesterday")


def test_without_runs_it_says_so(deepfabric: Run, costs: Costs) -> None:
    assert deepfabric("costs").stdout == "No runs are in the history.\n"
    assert costs() == {
        "runs": [],
        "total": {
            "runs": 0,
            "samples": 0,
            "calls": 0,
            "prompt_tokens": 0,
            "completion_tokens": 0,
            "cached_tokens": 0,
            "cost": None,
            "unpriced_calls": 0,
        },
        "budgets": [],
    }


def test_budgets_that_runs_share_are_listed_and_can_begin_anew(
    place: Path, costs: Costs, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in (1, 2):
        BudgetLedger(budget_key("tea", ""), f"run {number}", Sum(0.5, 20_000, 3)).close()
        command.main([], standalone_mode=False)
    assert "Budget tea, of 1 run: 3 calls" in capsys.readouterr().out
    [tea] = costs()["budgets"]
    assert tea == {"name": "tea", "runs": 2, "cost": 1.0, "tokens": 40_000, "calls": 6, "unpriced": 0}
    command.main([], standalone_mode=False)
    told = capsys.readouterr().out.splitlines()[-1]
    assert told == "Budget tea, shared by 2 runs: 6 calls, 40 k tokens, cost $1.00"
    command.main(["--forget-budget", "tea"], standalone_mode=False)
    assert capsys.readouterr().out == "The budget tea begins anew.\n"
    assert costs()["budgets"] == []
    with pytest.raises(ConfigError, match="There is no budget tea to forget"):
        command.main(["--forget-budget", "tea"], standalone_mode=False)
