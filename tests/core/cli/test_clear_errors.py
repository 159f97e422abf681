"""Every mistake is one clear sentence, the right exit code, and nothing spent or overwritten."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import ROOT
from tests.core.commands import lines
from tests.core.conftest import Run, local_llm, write_config
from tests.provider import Faults, LocalProvider


def refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


def test_malformed_yaml_names_the_line(place: Path, deepfabric: Run) -> None:
    (place / "config.yaml").write_text("topics:\n  prompt: [\n", encoding="utf-8")
    refused(deepfabric("generate", "config.yaml"), "config.yaml, line")


def test_an_unknown_key_names_the_line_and_the_nearest_key(place: Path, deepfabric: Run) -> None:
    refused(deepfabric("generate", write_config(place, topics={"degre": 3})), "line", "did you mean topics.degree?")


def test_a_bad_value_names_the_key(place: Path, deepfabric: Run) -> None:
    refused(deepfabric("generate", write_config(place), "--depth", "99"), "topics.depth")
    refused(deepfabric("generate", write_config(place), "--num-samples", "many"), "output.num_samples")


def test_a_missing_file_is_named(place: Path, deepfabric: Run) -> None:
    refused(deepfabric("generate", "nowhere.yaml"), "nowhere.yaml", "no such file")
    refused(deepfabric("generate", write_config(place), "--topics-load", "gone.jsonl"), "gone.jsonl")


def test_no_config_at_all_names_the_flags(deepfabric: Run) -> None:
    refused(deepfabric("generate"), "--topic-prompt", "--generation-system-prompt", "--output-save-as")


def test_a_corrupt_topics_file_names_the_line(place: Path, deepfabric: Run) -> None:
    (place / "topics.jsonl").write_text('{"path": ["a", "b"]}\n{"path": ["a" "c"]}\n', encoding="utf-8")
    refused(deepfabric("generate", write_config(place), "--topics-load", "topics.jsonl"), "topics.jsonl, line 2")


def test_a_missing_key_names_the_variable_and_the_simulated_model(place: Path, deepfabric: Run) -> None:
    config = write_config(place, llm={"provider": "anthropic"})
    refused(deepfabric("generate", config), "ANTHROPIC_API_KEY", "--provider simulated")
    checked = deepfabric("validate", config)
    assert checked.returncode == 0
    assert "ANTHROPIC_API_KEY" in checked.stderr


def test_an_unknown_provider_names_the_nearest(place: Path, deepfabric: Run) -> None:
    refused(deepfabric("generate", write_config(place), "--provider", "opnai"), "did you mean openai?")


def test_a_tool_that_is_nowhere_defined_is_refused_before_anything_is_spent(
    place: Path, deepfabric: Run, provider: LocalProvider
) -> None:
    tools = {"components": {"github": ["open_issue"]}}
    config = write_config(place, llm=local_llm(provider), generation={"tools": tools})
    refused(deepfabric("generate", config), "generation.tools.components.github", "open_issue")
    assert provider.counts.requests == 0


@pytest.mark.parametrize("target", ["/proc/nowhere/dataset.jsonl", "config.yaml/dataset.jsonl", "folder"])
def test_an_unwritable_output_is_found_before_money_is_spent(
    place: Path, deepfabric: Run, provider: LocalProvider, target: str
) -> None:
    (place / "folder").mkdir()
    config = write_config(place, llm=local_llm(provider))
    refused(deepfabric("generate", config, "--output-save-as", target), target)
    assert provider.counts.requests == 0


def test_dataset_and_topics_may_not_be_one_file(place: Path, deepfabric: Run) -> None:
    refused(deepfabric("generate", write_config(place), "--topics-save-as", "out/dataset.jsonl"), "another name")


def test_ctrl_c_lets_calls_in_flight_finish_and_keeps_them(place: Path, provider: LocalProvider) -> None:
    provider.faults = Faults(latency=0.3)
    write_config(place, llm=local_llm(provider), output={"num_samples": 500})
    process = subprocess.Popen(
        [sys.executable, "-m", "deepfabric_core", "generate", "config.yaml"],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while provider.counts.answered < 20 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, out + err
    assert "Stopping" in err
    samples = provider.counts.answered - 4
    assert len(lines(place / "out/dataset.partial.jsonl")) == samples
    assert provider.counts.abandoned == 0
    assert not (place / "out/dataset.jsonl").exists()


def test_what_is_not_a_regular_file_is_never_replaced(place: Path, deepfabric: Run) -> None:
    os.mkfifo(place / "pipe")
    refused(deepfabric("generate", write_config(place), "--output-save-as", "pipe"), "not a regular file")
    assert (place / "pipe").is_fifo()


def test_a_link_is_followed_rather_than_replaced(place: Path, deepfabric: Run) -> None:
    (place / "link.jsonl").symlink_to("real.jsonl")
    assert deepfabric("generate", write_config(place), "--output-save-as", "link.jsonl").returncode == 0
    assert (place / "link.jsonl").is_symlink()
    assert len(lines(place / "real.jsonl")) == 9


@pytest.mark.parametrize("flag", ["--output-save-as", "--topics-save-as"])
def test_the_config_is_never_overwritten(place: Path, deepfabric: Run, flag: str) -> None:
    refused(deepfabric("generate", write_config(place), flag, "config.yaml"), "the config itself")


def test_an_overlong_name_is_refused(place: Path, deepfabric: Run) -> None:
    refused(deepfabric("generate", write_config(place), "--output-save-as", "x" * 300), "can't be written")


def test_a_reference_that_leads_nowhere_is_found_before_anything_is_spent(place: Path, deepfabric: Run) -> None:
    schema = {"type": "object", "properties": {"a": {"$ref": "#/nope"}}}
    config = write_config(place, generation={"output_schema": schema}, output={"format": "custom"})
    refused(deepfabric("validate", config), "$ref #/nope leads nowhere")


def test_a_bad_flag_is_named_once_and_not_blamed_on_the_file(place: Path, deepfabric: Run) -> None:
    done = deepfabric("generate", write_config(place), "--base-url", "ftp://x")
    refused(done, "--base-url (llm.base_url): it must begin with http://")
    assert done.stderr.count("must begin") == 1
    refused(deepfabric("generate", write_config(place), "--topic-prompt", "   "), "--topic-prompt (topics.prompt):")


@pytest.mark.parametrize("name", ["dangling.json", "cut.json"])
def test_a_damaged_graph_is_named(place: Path, deepfabric: Run, name: str) -> None:
    text = '{"nodes": {"0": {"id": 0, "topic": "a", "children": [7], "parents": []}}, "root_id": 0}'
    (place / name).write_text(text if name == "dangling.json" else text[:40], encoding="utf-8")
    refused(deepfabric("generate", write_config(place), "--topics-load", name), name)
