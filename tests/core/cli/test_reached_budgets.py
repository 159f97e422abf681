"""After a budget is reached: what a run says of it, and that the printed way on leads on."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.billing import PRICES, BillingProvider
from tests.core.cli.conftest import Done, Here
from tests.core.conftest import local_llm, write_config
from tests.provider import Faults


def priced(place: Path, biller: BillingProvider, samples: int = 12, **more: Any) -> None:
    llm = {**local_llm(biller), "model": "a-model-of-our-own", "prices": PRICES}
    write_config(place, llm=llm, output={"num_samples": samples, "batch_size": 1}, **more)


def advised(said: str, how: str = "Go on with") -> list[str]:
    """The words of the command that is advised."""
    (line,) = (line for line in said.splitlines() if line.startswith(how))
    return shlex.split(line.removeprefix(how).lstrip(": "))[1:]


def row(done: Done, label: str) -> str:
    (line,) = (line for line in done.stdout.splitlines() if line.strip().startswith(f"{label}  "))
    return line.strip().removeprefix(label).strip()


def follow(here: Here, biller: BillingProvider, way: list[str]) -> None:
    """Take a way on that was only expected to be enough; the next one is, after what it has measured."""
    before, done = biller.calls, here(*way)
    assert biller.calls > before
    assert done.returncode == 0 or here(*advised(done.stderr)).returncode == 0, done.stderr


@pytest.mark.parametrize("limit", [("--max-cost", "0.0006"), ("--max-calls", "2"), ("--max-calls", "9")])
def test_the_way_on_leads_to_the_end_wherever_the_budget_was_reached(
    place: Path, here: Here, biller: BillingProvider, limit: tuple[str, str]
) -> None:
    priced(place, biller)
    first = here("generate", "config.yaml", *limit)
    assert first.returncode == 3, first.stderr
    status = here("checkpoint-status", "config.yaml")
    assert f"of {'$' if limit[0] == '--max-cost' else ''}{limit[1]}" in row(status, "Budget")
    found = json.loads(here("checkpoint-status", "config.yaml", "--json").stdout)
    assert shlex.split(found["resume"])[1:] == advised(status.stdout)
    assert found["budget"]["spent"]["cost"] == pytest.approx(biller.spent)
    for way in (advised(status.stdout), advised(first.stderr)):
        assert float(way[way.index(limit[0]) + 1]) >= 2 * float(limit[1])
    last = here(*advised(status.stdout))
    assert last.returncode == 0, last.stdout + last.stderr


@pytest.mark.parametrize("limit", [("--max-calls", "6"), ("--max-cost", "0.0012"), ("--max-cost", "0.0001")])
def test_the_way_on_from_a_preview_that_reached_its_budget_leads_to_the_end(
    place: Path, here: Here, biller: BillingProvider, limit: tuple[str, str]
) -> None:
    priced(place, biller)
    preview = here("estimate", "config.yaml", "--preview", "9", *limit)
    assert preview.returncode == 3, preview.stderr
    assert "gave up" not in preview.stderr
    assert [run["ended"] for run in json.loads(here("costs", "--json").stdout)["runs"]] == ["budget"]
    follow(here, biller, advised(preview.stderr))


def test_where_not_one_call_fits_the_way_on_begins_again(place: Path, here: Here, biller: BillingProvider) -> None:
    priced(place, biller)
    first = here("generate", "config.yaml", "--max-cost", "0.0000001")
    assert first.returncode == 3
    assert biller.calls == 0
    way = advised(first.stderr, "Begin again with")
    assert "--resume" not in way
    follow(here, biller, way)


def test_calls_without_an_answer_are_told_where_the_budget_is(place: Path, here: Here, biller: BillingProvider) -> None:
    priced(place, biller, samples=30, budget={"cost": 0.02})
    biller.faults = Faults(reset=0.2)
    done = here("generate", "config.yaml")
    assert biller.counts.reset > 0
    assert " of $0.02, up to $0.0" in row(done, "Budget")
    assert "of it for calls without an answer" in row(done, "Budget")


def test_a_resume_without_the_limit_of_the_session_before_says_so(
    place: Path, here: Here, biller: BillingProvider
) -> None:
    priced(place, biller)
    here("generate", "config.yaml", "--max-calls", "5", "--max-time", "2h")
    again = here("generate", "config.yaml", "--resume", "--max-calls", "6")
    assert "The earlier session had --max-time 2h; this one has no such limit" in again.stderr
    priced(place, biller, budget={"calls": 7})
    assert "The earlier session" not in here("generate", "config.yaml", "--resume").stderr


def test_a_run_that_is_resumed_after_its_budget_was_forgotten_spends_it_anew(
    place: Path, here: Here, biller: BillingProvider
) -> None:
    priced(place, biller, samples=30, budget={"name": "tea", "calls": 8})
    here("generate", "config.yaml")
    assert here("costs", "--forget-budget", "tea").returncode == 0
    again = here("generate", "config.yaml", "--resume")
    assert row(again, "Budget").startswith("8 of 8 calls")
    assert biller.calls == 16
