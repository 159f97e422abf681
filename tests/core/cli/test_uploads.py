"""`deepfabric upload-hf`, `upload-kaggle`, and runs whose config says where the dataset is published."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from deepfabric_core.cli.app import app
from deepfabric_core.errors import DeepFabricError
from tests.core.conftest import Run
from tests.core.export.samples import answered, write
from tests.hub_server import WRITES, HubServer
from tests.kaggle_server import KaggleServer
from tests.stand_in import Fault

CONFIG = {
    "llm": {"provider": "simulated"},
    "topics": {"prompt": "Tea", "depth": 1, "degree": 2},
    "generation": {"system_prompt": "You teach tea."},
    "output": {"save_as": "tea.jsonl", "num_samples": "auto"},
    "huggingface": {"repository": "someone/tea", "tags": ["leaf"], "configs": ["trl"], "license": "mit"},
}


def _config(place: Path, **more: object) -> None:
    (place / "config.yaml").write_text(yaml.safe_dump({**CONFIG, **more}), encoding="utf-8")


def test_a_dataset_is_uploaded_with_the_peers_flags(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(place / "tea.jsonl", answered())
    with HubServer() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("HF_TOKEN", WRITES)
        arguments = ["upload-hf", "tea.jsonl", "--repo", "someone/tea", "--tags", "a", "--tags", "b"]
        done = CliRunner().invoke(app, arguments)
        assert (done.exit_code, done.stdout) == (0, f"tea.jsonl is at {hub.url}/datasets/someone/tea (private).\n")
        assert done.stderr.splitlines()[-1].startswith("data/train-00000-of-00001.parquet has arrived: file 1 of 1, ")
        assert "- a\n- b\n" in hub.files("someone/tea")["README.md"].decode()


def test_a_dry_run_shows_the_card_and_the_files_and_needs_no_token(place: Path) -> None:
    write(place / "tea.jsonl", answered())
    done = CliRunner().invoke(app, ["upload-hf", "tea.jsonl", "--repo", "me/tea", "--dry-run"])
    assert done.exit_code == 0 and done.output.startswith("---\npretty_name: tea\n")
    assert [line.split()[0] for line in done.output.splitlines()[-3:]] == [
        "README.md",
        "data/train-00000-of-00001.parquet",
        "topics.svg",
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["upload-hf", "tea.jsonl", "--repo", "me/tea"], 2, "No token for Hugging Face"),
        (["upload-hf", "tea.jsonl"], 2, "Say where to upload to: --repo my-name/my-dataset."),
        (["upload-hf", "tea.jsonl", "--repo", "a/b/c"], 2, "can't be a repository's name"),
        (["upload-hf", "none.jsonl", "--repo", "me/tea", "--dry-run"], 2, "none.jsonl isn't there"),
        (["upload-hf", "tea.jsonl", "--repo", "me/tea", "--config", "x", "--dry-run"], 2, "There is no format x"),
        (
            ["upload-hf", "tea.jsonl", "--repo", "me/tea", "--config", "trl-preference", "--dry-run"],
            1,
            "has nothing to",
        ),
        (["upload-hf", "tea.jsonl", "--repo", "me/tea", "--split", "train=2", "--dry-run"], 2, "add up to 2"),
        (["upload-kaggle", "tea.jsonl", "--handle", "me/tea"], 2, "No key for Kaggle"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    arguments: list[str], code: int, said: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "KAGGLE_KEY", "KAGGLE_API_TOKEN"):
        monkeypatch.delenv(key, raising=False)
    write(place / "tea.jsonl", answered())
    problem = CliRunner().invoke(app, arguments).exception
    assert isinstance(problem, DeepFabricError) and problem.exit_code == code
    assert said in str(problem) and "\n" not in str(problem)


@pytest.mark.parametrize("arguments", [["upload-hf", "--token"], ["upload-kaggle", "--key"]])
def test_a_secret_on_the_command_line_is_refused_and_not_repeated(arguments: list[str]) -> None:
    done = CliRunner().invoke(app, [arguments[0], "tea.jsonl", arguments[1], "hf_my-secret-token"])
    assert done.exit_code == 2 and "in the environment instead" in done.output and "my-secret" not in done.output


@pytest.mark.slow
def test_a_complete_run_is_uploaded_where_its_config_says(deepfabric: Run, place: Path) -> None:
    _config(place, kaggle={"handle": "someone/tea"})
    with HubServer() as hub, KaggleServer() as kaggle:
        keys = {**kaggle.environment, "HF_ENDPOINT": hub.url, "HF_TOKEN": WRITES}
        keys["no_proxy"] = "127.0.0.1"
        done = deepfabric("generate", "config.yaml", "--tui", "simple", **keys)
        assert done.returncode == 0, done.stderr
        card = hub.files("someone/tea")["README.md"].decode()
        assert "You teach tea." in card and "- leaf\n" in card and "license: mit" in card
        assert len(kaggle.datasets["someone/tea"].versions) == 1


def test_a_config_without_a_token_makes_the_dataset_as_it_always_did(deepfabric: Run, place: Path) -> None:
    _config(place)
    done = deepfabric("generate", "config.yaml", "--tui", "simple", HF_TOKEN="")
    assert done.returncode == 0 and "Note: the dataset isn't uploaded to Hugging Face" in done.stderr
    assert (place / "tea.jsonl").is_file()


@pytest.mark.slow
def test_an_upload_that_fails_after_a_run_is_told_and_the_dataset_is_there(deepfabric: Run, place: Path) -> None:
    _config(place)
    with HubServer(Fault("create", status=403, times=9)) as hub:
        done = deepfabric("generate", "config.yaml", "--tui", "simple", HF_ENDPOINT=hub.url, HF_TOKEN=WRITES)
        assert done.returncode == 1 and "tea.jsonl is complete, but wasn't uploaded" in done.stderr
        hub.faults.clear()
        again = deepfabric("upload-hf", "config.yaml", HF_ENDPOINT=hub.url, HF_TOKEN=WRITES)
        assert again.returncode == 0 and "trl/train-00000-of-00001.parquet" in hub.files("someone/tea")


def test_what_cant_be_published_is_said_before_the_run(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", WRITES)
    _config(place, huggingface={"repository": "someone/tea", "configs": ["coffee"]})
    problem = CliRunner().invoke(app, ["generate", "config.yaml"]).exception
    assert (
        isinstance(problem, DeepFabricError) and problem.exit_code == 2 and "There is no format coffee" in str(problem)
    )
    assert not (place / "tea.jsonl").exists()
