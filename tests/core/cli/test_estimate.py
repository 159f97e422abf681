"""`deepfabric estimate`: what it prints, what a preview makes, and what it does when it can't know."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import ROOT
from tests.billing import PRICES, BillingProvider
from tests.core.cli.conftest import Here
from tests.core.conftest import local_llm, write_config


def test_it_prints_a_table_and_what_it_rests_on(place: Path, here: Here) -> None:
    write_config(place, llm={"provider": "openai", "model": "gpt-4o"}, quality={"judge": {}})
    done = here("estimate", "config.yaml")
    assert done.returncode == 0, done.stderr
    table, facts = done.stdout.split("\n\n")[:2]
    rows = [line.split("  ")[0] for line in table.splitlines() if not line.startswith(" ")]
    assert rows == ["Topics", "Samples", "Repairs", "Refused samples", "Judge", "In all"]
    assert max(map(len, table.splitlines())) <= 80
    assert "Rests on        lengths only" in facts
    assert "Prices          price list of litellm " in facts
    assert "gpt-4o-mini for samples: -$" in done.stdout


def test_json_alone_is_on_standard_output(place: Path, here: Here) -> None:
    write_config(place, llm={"provider": "ollama", "model": "m", "prices": PRICES})
    done = here("estimate", "config.yaml", "--json", "--num-samples", "1000")
    found = json.loads(done.stdout)
    for name in ("cost", "calls", "tokens", "prompt_tokens", "completion_tokens", "seconds"):
        assert found[name]["low"] <= found[name]["likely"] <= found[name]["high"]
    assert found["calls"]["likely"] > 1000
    assert found["rests_on"] == {"samples": 0}
    assert found["by_purpose"]["topics"]["cost"]["likely"] > 0
    assert found["prices"] == {"from": "llm.prices of the config", "unpriced": [], "free": False}


def test_an_unknown_price_is_said_to_be_unknown(place: Path, here: Here) -> None:
    write_config(place, llm={"provider": "ollama", "model": "nobody-prices-this"})
    done = here("estimate", "config.yaml")
    assert "unknown: no price is known of ollama/nobody-prices-this; give one by llm.prices" in done.stdout
    assert "$" not in done.stdout
    assert json.loads(here("estimate", "config.yaml", "--json").stdout)["cost"] is None


def test_a_simulated_model_costs_nothing_and_says_so(place: Path, here: Here) -> None:
    write_config(place)
    done = here("estimate", "config.yaml")
    assert "Cost            nothing: the model is on this machine, or makes its answers up" in done.stdout
    assert "$" not in done.stdout


def test_a_preview_is_kept_and_the_run_goes_on_with_it(place: Path, here: Here) -> None:
    write_config(place, topics={"depth": 3})
    assert here("generate", "config.yaml", "--output-save-as", "whole.jsonl").returncode == 0
    done = here("estimate", "config.yaml", "--preview")
    assert done.returncode == 0, done.stderr
    assert "Rests on        5 real samples" in done.stdout
    assert "Go on with: deepfabric generate config.yaml --resume" in done.stderr
    assert not (place / "out").exists() or not list((place / "out").glob("dataset*"))
    again = here("estimate", "config.yaml", "--preview=5")
    assert "Note: an unfinished run has as many samples already" in again.stderr
    refused = here("generate", "config.yaml")
    assert refused.returncode == 2
    assert "--resume" in refused.stderr
    whole = here("generate", "config.yaml", "--resume")
    assert "5 samples were there already" in whole.stdout
    assert (place / "out/dataset.jsonl").read_bytes() == (place / "whole.jsonl").read_bytes()
    over = here("estimate", "config.yaml", "--preview=5")
    assert over.returncode == 2
    assert "out/dataset.jsonl is complete already" in over.stderr


def test_a_preview_keeps_to_the_budget(place: Path, here: Here, biller: BillingProvider) -> None:
    write_config(place, llm={**local_llm(biller), "prices": PRICES}, output={"num_samples": 9})
    done = here("estimate", "config.yaml", "--preview=8", "--max-calls", "6")
    assert done.returncode == 3, done.stderr
    assert biller.calls == 6
    assert "In all" in done.stdout


def test_it_tells_whether_the_budget_is_enough(place: Path, here: Here) -> None:
    write_config(place, llm={"provider": "ollama", "model": "m", "prices": PRICES})
    said = here("estimate", "config.yaml", "--max-cost", "0.0001", "--max-calls", "500", "--max-tokens-total", "9000")
    (line,) = (line for line in said.stdout.splitlines() if line.startswith("Budget "))
    assert (
        line.split(None, 1)[1]
        == "$0.0001: not enough (not even for one call), 9,000 tokens: probably enough, 500 calls: enough"
    )


def test_nothing_is_called_without_a_preview(place: Path, here: Here, biller: BillingProvider) -> None:
    write_config(place, llm={**local_llm(biller), "prices": PRICES})
    assert here("estimate", "config.yaml").returncode == 0
    assert here("validate", "config.yaml").returncode == 0
    assert biller.calls == 0


def test_neither_litellm_nor_a_network_library_is_imported(place: Path) -> None:
    write_config(place, llm={"provider": "openai", "model": "gpt-4o"})
    program = (
        "import sys; from deepfabric_core.cli.app import app\n"
        "app.main(['estimate', 'config.yaml'], standalone_mode=False)\n"
        "print(sorted({'litellm', 'aiohttp', 'httpx', 'rich', 'tiktoken'} & set(sys.modules)))"
    )
    environment = {"PYTHONPATH": str(ROOT), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=place, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_plan_of_validate_and_the_head_of_a_run_tell_what_is_expected(place: Path, here: Here) -> None:
    write_config(place, llm={"provider": "ollama", "model": "m", "prices": PRICES})
    assert "\nExpected       about $0.00" in here("validate", "config.yaml").stdout
    write_config(place)
    done = here("generate", "config.yaml", "--tui", "simple")
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("Expected: "))
    assert line.startswith("Expected: about ")
    assert "$" not in line
    assert line.endswith(" calls")


def test_mistakes_are_one_sentence(place: Path, here: Here) -> None:
    write_config(place)
    cases: list[tuple[tuple[str, ...], str]] = [
        (("estimate", "config.yaml", "--preview", "0"), "Invalid value for '--preview': 0"),
        (("estimate", "config.yaml", "--preview", "--topic-only"), "--topic-only makes no samples"),
        (("estimate", "missing.yaml"), "missing.yaml"),
    ]
    for words, said in cases:
        done = here(*words)
        assert done.returncode == 2
        assert said in done.stderr
        assert "Traceback" not in done.stderr


def test_it_takes_what_a_finished_part_of_a_run_took(place: Path, here: Here, biller: BillingProvider) -> None:
    write_config(
        place,
        llm={**local_llm(biller), "prices": PRICES},
        output={"num_samples": 60, "checkpoint": {"interval": 5}},
    )
    done = here("generate", "config.yaml", "--max-calls", "40")
    assert done.returncode == 3
    found: dict[str, Any] = json.loads(here("estimate", "config.yaml", "--json").stdout)
    assert found["rests_on"]["samples"] > 20
    assert found["spent"]["calls"] == 40
    assert found["spent"]["cost"] == pytest.approx(biller.spent)
    assert found["calls"]["low"] > 60


def test_what_others_spent_of_a_shared_budget_is_told(place: Path, here: Here, biller: BillingProvider) -> None:
    llm = {**local_llm(biller), "prices": PRICES}
    write_config(place, llm=llm, budget={"name": "ours", "calls": 14})
    before = here("estimate", "config.yaml").stdout
    assert "14 calls (14 calls left): probably enough; shared with other runs: ours" in before
    assert here("generate", "config.yaml").returncode == 0
    other = ("estimate", "config.yaml", "--output-save-as", "other.jsonl")
    assert "14 calls (1 call left): not enough (for no sample); shared" in here(*other).stdout
    assert json.loads(here(*other, "--json").stdout)["budget"]["calls"]["left"] == 1


def test_a_cost_limit_that_generate_refuses_is_refused_before(place: Path, here: Here) -> None:
    unpriced = {"llm": {"provider": "ollama", "model": "nobody-prices-this"}}
    write_config(place, llm={"provider": "ollama", "model": "m", "prices": PRICES}, budget={"cost": 5})
    assert "\nBudget         $5.00: enough\n" in here("validate", "config.yaml").stdout
    write_config(place, llm={"provider": "simulated"}, quality={"judge": unpriced}, budget={"cost": 5})
    said = "budget.cost can't be kept, since the price of ollama/nobody-prices-this (the llm of judge"
    refused = here("validate", "config.yaml")
    assert refused.returncode == 2
    assert said in refused.stderr
    told = here("estimate", "config.yaml")
    assert told.returncode == 0
    assert f"Budget          {said}" in told.stdout


def test_a_complete_run_is_told_as_it_was(place: Path, here: Here) -> None:
    write_config(place)
    assert here("generate", "config.yaml").returncode == 0
    found = json.loads(here("estimate", "config.yaml", "--json").stdout)
    assert found["complete"]
    assert found["rests_on"] == {"samples": 9}
    assert found["calls"] == {"low": 13, "likely": 13, "high": 13}
    assert "9 real samples; complete: a resume costs nothing" in here("estimate", "config.yaml").stdout
    assert "complete: a resume costs nothing" in here("validate", "config.yaml").stdout
    assert "lengths only" in here("estimate", "config.yaml", "--num-samples", "3").stdout


def test_a_preview_is_called_one(place: Path, here: Here) -> None:
    write_config(place)
    done = here("estimate", "config.yaml", "--preview", "4")
    assert "Finished: preview\n" in done.stderr
    assert "4 real samples; of so few, ranges are rough" in done.stdout
    assert here("costs").stdout.splitlines()[1].endswith("  preview")


def test_large_amounts_keep_to_the_columns(place: Path, here: Here) -> None:
    llm = {"provider": "ollama", "model": "m", "prices": {"input": 15, "output": 75}}
    write_config(place, llm=llm, topics={"depth": 6, "degree": 15})
    done = here("estimate", "config.yaml")
    assert max(map(len, done.stdout.split("\n\n")[0].splitlines())) <= 80
    assert re.search(r" days \(.* days to .* days\)", done.stdout)
    refused = here("generate", "config.yaml")
    assert re.search(r"model calls, likely to cost \$\d+ k; give --yes", refused.stderr)
