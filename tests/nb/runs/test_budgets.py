"""Budgets of runs in a notebook: kept to, shared with the command line, and raised when a run is resumed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

from tests.billing import PRICES, BillingProvider
from tests.core.commands import lines, start
from tests.nb.conftest import Cell
from tests.provider import Faults

Capture = pytest.CaptureFixture[str]

SHOP = f"""
llm: {{provider: openai, model: a-model-of-our-own, base_url: ADDRESS, prices: {PRICES}}}
topics: {{prompt: Tea, depth: 2, degree: 3}}
generation: {{system_prompt: You teach.}}
output: {{save_as: tea.jsonl, num_samples: SAMPLES, batch_size: 8}}
quality: {{duplicates: off}}
budget: {{name: "NAME", cost: 0.02}}
"""


@pytest.fixture
def biller() -> Iterator[BillingProvider]:
    with BillingProvider(Faults(latency=0.02)) as server:
        yield server


def shop(biller: BillingProvider, name: str = "tea", samples: int = 60) -> str:
    return SHOP.replace("ADDRESS", biller.base_url).replace("NAME", name).replace("SAMPLES", str(samples))


def test_a_run_that_reaches_its_budget_says_how_to_go_on_and_goes_on(
    cell: Cell, biller: BillingProvider, capsys: Capture, place: Path
) -> None:
    frame = cell("%%deepfabric --max-cost 0.01", shop(biller))
    said = capsys.readouterr().out
    assert 0 < len(frame) < 60 and frame.attrs["ending"] == "budget"
    topics = frame.attrs["stages"]["topics"]["cost"]
    assert frame.attrs["cost_of_samples"] == pytest.approx(frame.attrs["cost"] - topics) and topics > 0
    assert "of $0.01 are spent" in said
    command = said.split("Go on with: ")[1].split("\n")[0].strip()
    assert command.startswith("%deepfabric resume tea --max-cost 0.0")
    assert 0.009 < biller.spent <= 0.01
    again = cell(command)
    assert len(again) == 60 and len(lines(place / "tea.jsonl")) == 60
    prompts = [body["messages"][-1]["content"] for body in biller.requests]
    assert len(set(prompts)) == len(prompts), "nothing was paid for twice"


def test_a_finished_cell_with_a_lower_limit_says_that_and_not_that_it_stops_early(
    cell: Cell, biller: BillingProvider, capsys: Capture
) -> None:
    cell("%%deepfabric", shop(biller, samples=3))
    capsys.readouterr()
    frame = cell("%%deepfabric --max-cost 0.0001", shop(biller, samples=3))
    said = capsys.readouterr().out
    assert len(frame) == 3 and frame.attrs["ending"] == "complete"
    assert "Nothing was called" in said
    assert "stop early" not in said


def test_a_limit_that_makes_no_sense_is_refused_with_a_sentence(cell: Cell, biller: BillingProvider) -> None:
    cell("%%deepfabric --max-cost 0.005", shop(biller))
    with pytest.raises(Exception, match=r"budget\.cost: input should be greater than 0"):
        cell("%deepfabric resume tea --max-cost 0")


def test_the_handle_of_a_run_tells_money_budget_and_forecast_in_plain_types(
    cell: Cell, biller: BillingProvider, shell: InteractiveShell
) -> None:
    biller.faults = Faults(latency=0.1)
    cell("%%deepfabric --background --out run --batch-size 1", shop(biller))
    run = shell.user_ns["run"]
    while run.progress.stage != "samples" or not run.progress.done:
        time.sleep(0.02)
    told = json.loads(json.dumps(asdict(run.progress)))
    run.stop()
    assert 0 < told["cost"] <= told["budget"]["cost"]["spent"] < told["budget"]["cost"]["limit"] == 0.02
    assert told["budget"]["name"] == "tea" and list(told["budget"]) == ["cost", "name"]
    assert told["forecast"]["cost"]["low"] <= told["forecast"]["cost"]["likely"] <= told["forecast"]["cost"]["high"]
    over = run.wait().progress
    assert over.forecast is None and over.cost == pytest.approx(biller.spent)


def test_two_processes_and_a_notebook_that_share_a_budget_never_spend_more_together(
    cell: Cell, biller: BillingProvider, place: Path
) -> None:
    config = shop(biller, name="everybody's tea", samples=500)
    (place / "config.yaml").write_text(config)
    processes = [start(place, "--output-save-as", f"{name}.jsonl") for name in ("one", "two")]
    cell("%%deepfabric", config.replace("tea.jsonl", "three.jsonl"))
    said = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [3, 3], said
    assert 0.018 < biller.spent <= 0.02
