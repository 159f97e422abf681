"""LLaMA-Factory and Axolotl read our exports by their own loaders, and learn what the assistant says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.train.exports import NAMES, export, learned_of, question_of, records_of
from tests.train.trainers import ask

Rows = dict[str, list[dict[str, str]]]


@pytest.fixture(scope="module")
def by_llama_factory(
    tmp_path_factory: pytest.TempPathFactory, made: dict[str, Path], edited: dict[str, Path], model: str
) -> Rows:
    """What LLaMA-Factory makes of ShareGPT, Alpaca and pairs, by the names that `dataset_info.json` has."""
    place = tmp_path_factory.mktemp("factory")
    for kind in NAMES:
        export(made[kind], "sharegpt", place / f"{kind}.jsonl")
        export(edited[kind], "sharegpt-preference", place / f"{kind}-pairs.jsonl")
    for kind in ("agent", "written"):
        export(made[kind], "sharegpt", place / f"{kind}-columns.parquet")
    for kind in ("chat", "reasoning", "written"):
        export(made[kind], "alpaca", place / f"{kind}-alpaca.jsonl")
    known: dict[str, dict[str, Any]] = json.loads((place / "dataset_info.json").read_text(encoding="utf-8"))
    stages = {name: "rm" if info.get("ranking") else "sft" for name, info in known.items()}
    common = {"dataset_dir": str(place), "template": "qwen3"}
    rows = ask("llama_factory", model, *({**common, "dataset": name, "stage": stage} for name, stage in stages.items()))
    return dict(zip(stages, rows, strict=True))


@pytest.fixture(scope="module")
def by_axolotl(tmp_path_factory: pytest.TempPathFactory, made: dict[str, Path], model: str) -> Rows:
    """What Axolotl makes of our files, by their names."""
    place = tmp_path_factory.mktemp("axolotl")
    endings = {".jsonl": "json", ".parquet": "parquet"}
    files = {f"{kind}{ending}": kind_of_file for kind in made for ending, kind_of_file in endings.items()}
    for file in files:
        export(made[Path(file).stem], "axolotl", place / file)
    entries = [{"path": str(place / file), "ds_type": kind, "type": "chat_template"} for file, kind in files.items()]
    return dict(zip(files, ask("axolotl", model, *entries), strict=True))


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


@pytest.mark.parametrize("kind", NAMES)
def test_llama_factory_reads_pairs(kind: str, by_llama_factory: Rows, edited: dict[str, Path]) -> None:
    for row, record in zip(by_llama_factory[f"{kind}-pairs"], records_of(edited[kind]), strict=True):
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
