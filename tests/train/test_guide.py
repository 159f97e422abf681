"""What the guide shows of trainers is run as it stands there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from tests import ROOT
from tests.train.exports import export, question_of, records_of
from tests.train.trainers import ask

SECTION = "## Train on it\n"


def block(language: str, holding: str) -> str:
    """The only block of the section in a language that holds some words."""
    section = (ROOT / "GUIDE.md").read_text(encoding="utf-8").partition(SECTION)[2].partition("\n## ")[0]
    found = [part.removeprefix(language).partition("```")[0] for part in section.split("```")[1::2]]
    [wanted] = [text for text in found if holding in text]
    return wanted


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: dict[str, Path], model: str) -> Path:
    """A folder with a dataset, its exports as the guide makes them, and a model."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(model, "models/mine")
    shutil.copy(made["agent"], "bicycles.jsonl")
    for command in block("bash", "deepfabric export").strip().splitlines():
        _, _, dataset, _, name, _, path = command.split()
        export(tmp_path / dataset, name, tmp_path / path)
    return tmp_path


def test_trl_trains(folder: Path) -> None:
    exec(block("python", "SFTTrainer"), {})  # noqa: S102 - the guide's own
    assert list((folder / "tuned").glob("checkpoint-*"))


def test_llama_factory_reads(folder: Path) -> None:
    settings = yaml.safe_load(block("yaml", "dataset_dir"))
    [rows] = ask("llama_factory", "models/mine", settings)
    check(folder, rows)


def test_axolotl_reads(folder: Path) -> None:
    [entry] = yaml.safe_load(block("yaml", "chat_template"))["datasets"]
    [rows] = ask("axolotl", "models/mine", entry)
    check(folder, rows)


def check(folder: Path, rows: list[dict[str, str]]) -> None:
    for row, record in zip(rows, records_of(folder / "bicycles.jsonl"), strict=True):
        assert question_of(record) in row["input_ids"] and question_of(record) not in row["labels"]
        assert record["messages"][-1]["content"] in row["labels"]
