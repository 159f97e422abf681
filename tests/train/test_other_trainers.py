"""LLaMA-Factory and Axolotl read our exports by their own loaders, and learn what the assistant says.

Each has an environment of its own, whose Python DEEPFABRIC_LLAMA_FACTORY or DEEPFABRIC_AXOLOTL names: see .ci/train.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests import ROOT
from tests.train.exports import NAMES, export, learned_of, question_of, records_of
from tests.train.tiny_model import model_for

# Neither reaches a network; of LLaMA-Factory only what reads datasets is installed.
QUIET = {"HF_HUB_OFFLINE": "1", "AXOLOTL_DO_NOT_TRACK": "1", "DISABLE_VERSION_CHECK": "1", "PYTHONPATH": ""}
Rows = dict[str, list[dict[str, str]]]


def ask(trainer: str, *arguments: str) -> Any:
    """What a trainer's script prints as JSON in the environment of that trainer."""
    variable = f"DEEPFABRIC_{trainer.upper()}"
    python = os.environ.get(variable)
    if not python:
        pytest.skip(f"set {variable} to the Python of its environment")
    done = subprocess.run(
        [str(ROOT / python), str(Path(__file__).with_name(f"with_{trainer}.py")), *arguments],
        env={**os.environ, **QUIET},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, tokenizer: Any) -> str:
    """A folder with a tokenizer and the config of a model."""
    place = tmp_path_factory.mktemp("model")
    tokenizer.save_pretrained(place)
    model_for(tokenizer).config.save_pretrained(place)
    return str(place)


@pytest.fixture(scope="module")
def by_llama_factory(tmp_path_factory: pytest.TempPathFactory, made: dict[str, Path], model: str) -> Rows:
    """What LLaMA-Factory makes of ShareGPT and Alpaca, by the names that `dataset_info.json` has."""
    place = tmp_path_factory.mktemp("factory")
    files = [export(made[kind], "sharegpt", place / f"{kind}.jsonl") for kind in NAMES]
    files += [export(made[kind], "sharegpt", place / f"{kind}-columns.parquet") for kind in ("agent", "written")]
    files += [export(made[kind], "alpaca", place / f"{kind}-alpaca.jsonl") for kind in ("chat", "reasoning", "written")]
    found: Rows = ask("llama_factory", model, str(place), "sft", "qwen3", *(file.stem for file in files))
    return found


@pytest.fixture(scope="module")
def by_axolotl(tmp_path_factory: pytest.TempPathFactory, made: dict[str, Path], model: str) -> Rows:
    """What Axolotl makes of our files, by their names."""
    place = tmp_path_factory.mktemp("axolotl")
    files = [
        export(dataset, "axolotl", place / f"{kind}{ending}")
        for kind, dataset in made.items()
        for ending in (".jsonl", ".parquet")
    ]
    found: Rows = ask("axolotl", model, *map(str, files))
    return {Path(file).name: rows for file, rows in found.items()}


def said_in(text: str) -> str:
    """A text without the empty reasoning and the line ends that LLaMA-Factory's template of Qwen3 adds."""
    return text.replace("<think>\n\n</think>\n\n", "").replace("<|im_end|>\n", "<|im_end|>")


@pytest.mark.parametrize("name", [*NAMES, "agent-columns", "written-columns"])
def test_llama_factory_learns_what_the_assistant_says_and_is_told_of_the_tools(
    name: str, by_llama_factory: Rows, made: dict[str, Path], printed: dict[str, str]
) -> None:
    records = records_of(made[name.removesuffix("-columns")])
    rows = by_llama_factory[name]
    assert len(rows) == len(records)
    for row, record in zip(rows, records, strict=True):
        told = {tool["function"]["name"] for tool in record.get("tools", ())}
        assert f"<|im_start|>user\n{question_of(record)}<|im_end|>" in row["input_ids"]
        assert all(json.dumps({"name": tool})[1:-1] in row["input_ids"] for tool in told)
        assert said_in(row["labels"]) == "".join(in_qwen3(record))
        printed[f"LLaMA-Factory, {name}"] = repr(row["labels"])


def in_qwen3(record: dict[str, Any]) -> list[str]:
    """What is learned of a record, as Qwen3 has it: nothing beside a call, and calls at once one after the other."""
    found = []
    for message, text in zip(
        (one for one in record["messages"] if one["role"] == "assistant"), learned_of(record), strict=True
    ):
        first, *more = text.removesuffix("<|im_end|>").split("\n<tool_call>")
        if more:
            first = first.removesuffix(message["content"])
        parts = [f"{first}<tool_call>{more[0]}", *(f"<tool_call>{part}" for part in more[1:])] if more else [first]
        found += [f"{part}<|im_end|>" for part in parts]
    return found


@pytest.mark.parametrize("kind", ["chat", "reasoning", "written"])
def test_llama_factory_reads_alpaca(kind: str, by_llama_factory: Rows, made: dict[str, Path]) -> None:
    rows, records = by_llama_factory[f"{kind}-alpaca"], records_of(made[kind])
    for row, record in zip(rows, records, strict=True):
        assert said_in(row["labels"]).endswith(f"{record['messages'][-1]['content']}<|im_end|>")
        assert record["messages"][0]["content"] in row["input_ids"]


def test_llama_factory_reads_pairs(tmp_path: Path, edited: dict[str, Path], model: str) -> None:
    for kind, dataset in edited.items():
        export(dataset, "sharegpt-preference", tmp_path / f"{kind}.jsonl")
    found: Rows = ask("llama_factory", model, str(tmp_path), "rm", "qwen3", *edited)
    for kind, rows in found.items():
        for row, record in zip(rows, records_of(edited[kind]), strict=True):
            worse = record["messages"][-1]["content"]
            assert said_in(row["rejected_labels"]).endswith(f"{worse}<|im_end|>")
            assert said_in(row["chosen_labels"]).endswith(f"{worse} So it is better.<|im_end|>")


@pytest.mark.parametrize("ending", [".jsonl", ".parquet"])
@pytest.mark.parametrize("kind", NAMES)
def test_axolotl_learns_exactly_what_the_assistant_says(
    kind: str, ending: str, by_axolotl: Rows, made: dict[str, Path], printed: dict[str, str]
) -> None:
    rows = by_axolotl[f"{kind}{ending}"]
    for row, record in zip(rows, records_of(made[kind]), strict=True):
        assert row["labels"] == "".join(learned_of(record))
        assert all(json.dumps(tool["function"]["parameters"]) in row["input_ids"] for tool in record.get("tools", ()))
        printed[f"Axolotl, {kind}"] = repr(row["labels"])
