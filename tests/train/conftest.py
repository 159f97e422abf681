"""The datasets that all tests share, their exports, the tokenizer, and what was learned, printed at the end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets  # type: ignore[import-untyped]
import pytest
import torch

from tests.train.exports import NAMES, edit_all, export, make
from tests.train.tiny_model import model_for, tokenizer_of

# So that tests take as long on a busy machine.
torch.set_num_threads(1)
PRINTED: dict[str, str] = {}
Rows = Callable[[str, str, str], Any]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The datasets, by their kinds."""
    place = tmp_path_factory.mktemp("datasets")
    return {kind: make(place, kind) for kind in NAMES}


@pytest.fixture(scope="session")
def edited(tmp_path_factory: pytest.TempPathFactory, made: dict[str, Path]) -> dict[str, Path]:
    """The same datasets, each sample edited in a review."""
    place = tmp_path_factory.mktemp("edited")
    found = {kind: place / dataset.name for kind, dataset in made.items()}
    for kind, dataset in found.items():
        dataset.write_bytes(made[kind].read_bytes())
        edit_all(dataset)
    return found


@pytest.fixture(scope="session")
def tokenizer(made: dict[str, Path]) -> Any:
    """A tokenizer trained on all of them."""
    return tokenizer_of([dataset.read_text(encoding="utf-8") for dataset in made.values()])


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory, tokenizer: Any) -> str:
    """A folder with a model and its tokenizer."""
    place = tmp_path_factory.mktemp("model")
    tokenizer.save_pretrained(place)
    model_for(tokenizer).save_pretrained(place)
    return str(place)


@pytest.fixture(scope="session")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path, str, str], Any]:
    """What `datasets` reads of an export: of a dataset, in a format, as a file with an ending or as a folder."""
    datasets.disable_progress_bars()
    cache = str(tmp_path_factory.mktemp("cache"))

    def read(dataset: Path, name: str, ending: str) -> Any:
        path = export(dataset, name, dataset.with_name(f"{dataset.stem}-{name}{ending}"))
        if not ending:
            return datasets.load_from_disk(str(path))
        kind = "json" if ending == ".jsonl" else "parquet"
        return datasets.load_dataset(kind, data_files=str(path), split="train", cache_dir=cache)

    return read


@pytest.fixture(scope="session")
def printed() -> dict[str, str]:
    """What the labels of a batch say, by what they are of."""
    return PRINTED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was learned."""
    if PRINTED:
        terminalreporter.section("labels of one batch, decoded")
        for name, text in PRINTED.items():
            terminalreporter.write_line(f"{name}: {text}")
