"""The whole pipeline on the command line, on the simulated model."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ROOT
from tests.core.commands import keys, lines
from tests.core.conftest import Run, write_config


def test_a_config_becomes_a_dataset_with_a_summary(place: Path, deepfabric: Run) -> None:
    done = deepfabric("generate", write_config(place))
    assert done.returncode == 0, done.stderr
    assert "9 of 9 delivered" in done.stdout
    assert "out/dataset.jsonl" in done.stdout
    records = lines(place / "out/dataset.jsonl")
    assert len(records) == 9
    assert all(record["metadata"]["simulated"] for record in records)
    assert [message["role"] for message in records[0]["messages"]] == ["system", "user", "assistant"]
    assert sorted(path.name for path in (place / "out").iterdir()) == ["dataset.jsonl", "topics.jsonl"]


def test_three_by_three_topics_cost_thirteen_calls(place: Path, deepfabric: Run) -> None:
    done = deepfabric("generate", write_config(place), "--topic-only", "--depth", "3", "--degree", "3")
    assert done.returncode == 0, done.stderr
    paths = {tuple(line["path"]) for line in lines(place / "out/topics.jsonl")}
    assert len(paths) == 27
    assert "Calls 13" in " ".join(done.stdout.split())
    assert not (place / "out/dataset.jsonl").exists()


def test_a_graph_of_that_size_is_one_graph_with_distinct_leaves(place: Path, deepfabric: Run) -> None:
    config = write_config(place, topics={"save_as": "out/graph.json"})
    assert deepfabric("generate", config, "--mode", "graph", "--topic-only", "--depth", "3").returncode == 0
    nodes = json.loads((place / "out/graph.json").read_text(encoding="utf-8"))["nodes"]
    leaves = [node["topic"] for node in nodes.values() if not node["children"]]
    assert len(leaves) == len(set(leaves)) == 27


@pytest.mark.parametrize(("asked", "delivered"), [("auto", 9), ("50%", 4), ("200%", 18), ("20", 20), ("1", 1)])
def test_the_number_asked_for_is_delivered_with_topics_shared_out_fairly(
    place: Path, deepfabric: Run, asked: str, delivered: int
) -> None:
    done = deepfabric("generate", write_config(place), "--num-samples", asked, "--batch-size", "8")
    assert done.returncode == 0, done.stderr
    found = keys(place / "out/dataset.jsonl")
    assert len(found) == len(set(found)) == delivered
    uses = [sum(1 for topic, _ in found if topic == each) for each in {topic for topic, _ in found}]
    assert max(uses) - min(uses) <= 1


def test_a_branch_with_a_weight_gets_more_samples_and_a_name_that_means_nothing_is_told(
    place: Path, deepfabric: Run
) -> None:
    topics = place / "given.jsonl"
    topics.write_text('{"path": ["Tea", "Green"]}\n{"path": ["Tea", "Black"]}\n', encoding="utf-8")
    config = write_config(place, topics={"weights": {"Green": 3, "White": 2}}, output={"num_samples": 8})
    done = deepfabric("generate", config, "--topics-load", str(topics))
    assert done.returncode == 0, done.stderr
    assert "There is no topic 'White'" in " ".join((done.stdout + done.stderr).split())
    made = [record["metadata"]["topic_path"][-1] for record in lines(place / "out/dataset.jsonl")]
    assert (made.count("Green"), made.count("Black")) == (6, 2)


def test_two_runs_write_the_same_lines_whatever_the_number_of_calls_in_flight(place: Path, deepfabric: Run) -> None:
    config = write_config(place)
    for name, width in (("a", "1"), ("b", "32")):
        arguments = ("--num-samples", "25", "--batch-size", width, "--output-save-as", f"{name}.jsonl")
        assert deepfabric("generate", config, *arguments).returncode == 0
    assert (place / "a.jsonl").read_bytes() == (place / "b.jsonl").read_bytes()


def test_loaded_topics_cost_no_call_and_stay_untouched(place: Path, deepfabric: Run) -> None:
    config = write_config(place)
    assert deepfabric("generate", config, "--topic-only").returncode == 0
    before = (place / "out/topics.jsonl").read_bytes()
    done = deepfabric("generate", config, "--topics-load", "out/topics.jsonl")
    assert done.returncode == 0
    assert "Calls 9" in " ".join(done.stdout.split())
    assert (place / "out/topics.jsonl").read_bytes() == before


def test_flags_alone_are_enough(place: Path, deepfabric: Run) -> None:
    done = deepfabric(
        "generate", "--provider", "simulated", "--topic-prompt", "Tea", "--generation-system-prompt", "You teach.",
        "--output-save-as", "tea.jsonl", "--num-samples", "2", "--conversation-type", "cot", "--reasoning-style",
        "freetext", "--no-system-message",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    record = lines(place / "tea.jsonl")[0]
    assert record["reasoning"]["style"] == "freetext"
    assert [message["role"] for message in record["messages"]] == ["user", "assistant"]


def test_a_flag_wins_over_a_sections_own_llm(place: Path, deepfabric: Run) -> None:
    own = {"llm": {"provider": "gemini", "model": "gemini-x"}}
    config = write_config(place, topics=own, generation=own)
    done = deepfabric("generate", config, "--provider", "simulated", "--model", "tiny", "--temperature", "0")
    assert done.returncode == 0, done.stderr
    assert lines(place / "out/dataset.jsonl")[0]["metadata"]["model"] == "tiny"


def test_records_of_the_users_own_schema_hold_nothing_else(place: Path, deepfabric: Run) -> None:
    schema = {
        "type": "object",
        "properties": {"title": {"type": "string"}, "level": {"enum": ["easy", "hard"]}},
        "required": ["title", "level"],
        "additionalProperties": False,
    }
    config = write_config(place, generation={"output_schema": schema}, output={"format": "custom"})
    assert deepfabric("generate", config).returncode == 0
    records = lines(place / "out/dataset.jsonl")
    assert all(set(record) == {"title", "level"} for record in records)


def test_the_screen_without_a_terminal_is_plain_lines_on_stderr(place: Path, deepfabric: Run) -> None:
    done = deepfabric("generate", write_config(place), "--tui", "rich")
    assert "\x1b" not in done.stderr + done.stdout
    assert "Samples started" in done.stderr
    assert "Samples started" not in done.stdout


def test_the_old_agent_flag_is_accepted_and_said_to_be_deprecated(place: Path, deepfabric: Run) -> None:
    done = deepfabric("generate", write_config(place), "--agent-mode", "single_turn")
    assert done.returncode == 0
    assert "deprecated" in done.stderr


def test_validate_prints_the_plan_and_spends_nothing(place: Path, deepfabric: Run) -> None:
    done = deepfabric("validate", write_config(place))
    assert done.returncode == 0, done.stderr
    assert "9 topic paths" in done.stdout
    assert "13 at least: 4 for topics, 9 for samples" in done.stdout
    assert list(place.iterdir()) == [place / "config.yaml"]


def test_help_is_instant_and_loads_nothing_heavy(deepfabric: Run) -> None:
    code = (
        "import sys, time\n"
        "sys.argv = ['deepfabric', '--help']\n"
        "from deepfabric_core.cli.app import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'litellm', 'pandas', 'rich', 'pydantic', 'yaml'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert time.process_time() < 2\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    for command in ("generate", "validate"):
        assert deepfabric(command, "--help").returncode == 0
