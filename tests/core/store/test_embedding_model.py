"""An embedding model is loaded from a folder, and what is missing or damaged is said in a sentence."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from deepfabric_core.errors import ConfigError
from deepfabric_core.store.embedding_model import embedding_model
from tests.core.static_models import save_small_model


def test_a_folder_is_loaded_without_any_word_of_a_download(tmp_path: Path) -> None:
    save_small_model(tmp_path / "own model")
    embed = embedding_model(str(tmp_path / "own model"), pytest.fail)
    assert embed(["fix", "mend", ""]).shape == (3, 16)


def _cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


@pytest.mark.parametrize(
    ("name", "damage", "said"),
    [
        ("tokenizer.json", _cut, "tokenizer.json can't be read"),
        ("config.json", _cut, "config.json can't be read"),
        ("model.safetensors", _cut, "no model of model2vec in"),
        ("model.safetensors", Path.unlink, "no model of model2vec in"),
        ("tokenizer.json", Path.unlink, "no model of model2vec in"),
    ],
)
def test_a_damaged_or_incomplete_model_is_named(
    tmp_path: Path, name: str, damage: Callable[[Path], None], said: str
) -> None:
    save_small_model(tmp_path)
    damage(tmp_path / name)
    with pytest.raises(ConfigError, match=said) as problem:
        embedding_model(str(tmp_path), pytest.fail)
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize("name", ["/no/such/folder", "./models", "~/no-such-models", "potion", "", "a/b/c", "own/../x"])
def test_a_name_that_is_neither_a_folder_nor_of_the_hub_is_never_looked_up(name: str) -> None:
    with pytest.raises(ConfigError, match="is no folder with a model"):
        embedding_model(name, pytest.fail)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "model").touch()
    with pytest.raises(ConfigError, match="is no folder with a model"):
        embedding_model(str(tmp_path / "model"), pytest.fail)


def test_a_model_of_the_hub_is_told_before_it_is_downloaded_and_offline_is_an_error(tmp_path: Path) -> None:
    code = (
        "from deepfabric_core.store.embedding_model import embedding_model\n"
        "from deepfabric_core.errors import ConfigError\n"
        "try:\n    embedding_model('someone/some-model', print)\n"
        "except ConfigError as problem:\n    print(problem)"
    )
    offline = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=offline, capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    assert first == "Downloading the embedding model someone/some-model from the Hugging Face hub"
    assert second.startswith("duplicates.embeddings: the model someone/some-model can't be had")
    assert second.endswith("folder and name that, or go online.")
