"""Uploads from a notebook: a line, a call, and a run whose config says where its dataset is published."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import deepfabric_nb
from deepfabric_core.errors import ConfigError
from tests.hub_server import WRITES, HubServer
from tests.nb.conftest import TEA, Cell


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    with HubServer() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setenv("HF_TOKEN", WRITES)
        yield server


def test_a_line_uploads_the_latest_run_or_a_file(
    cell: Cell, hub: HubServer, capsys: pytest.CaptureFixture[str]
) -> None:
    cell("%%deepfabric --name tea", TEA)
    done = cell("%deepfabric upload-hf someone/tea --config trl --tags leaf")
    assert repr(done) == f"tea.jsonl is at {hub.url}/datasets/someone/tea (private)."
    assert "trl/train-00000-of-00001.parquet has arrived" in capsys.readouterr().out
    card = hub.files("someone/tea")["README.md"].decode()
    assert "- leaf\n" in card and "tree of depth 2 and degree 3" in card
    assert cell("%deepfabric upload-hf someone/leaf tea.jsonl --public").url == f"{hub.url}/datasets/someone/leaf"
    assert hub.repositories["someone/leaf"].private is False


def test_a_call_uploads_a_file_or_a_run_or_shows_the_card(cell: Cell, hub: HubServer) -> None:
    run = deepfabric_nb.start(TEA).wait()
    assert "pretty_name: tea" in repr(deepfabric_nb.upload("tea.jsonl", "someone/tea", dry_run=True))
    assert not hub.repositories
    assert run.upload_hf("someone/tea", license="mit").url == deepfabric_nb.upload(run, "someone/tea").url
    with pytest.raises(ConfigError, match="colour: "):
        deepfabric_nb.upload("tea.jsonl", "someone/tea", colour="green")


def test_a_complete_run_is_uploaded_where_its_config_says(cell: Cell, hub: HubServer) -> None:
    run = deepfabric_nb.start(TEA + "huggingface: {repository: someone/tea}\n").wait()
    assert run.status == "complete" and "README.md" in hub.files("someone/tea")
    assert any("is at" in notice for notice in run.state.notices)


def test_an_upload_that_fails_takes_nothing_from_the_run(
    cell: Cell, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    run = deepfabric_nb.start(TEA + "huggingface: {repository: someone/tea}\n").wait()
    assert len(run.df) == 9 and any("wasn't uploaded" in notice for notice in run.state.notices)
