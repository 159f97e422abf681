"""Every notebook runs from its first cell to its last and shows what its text promises; and so it is stored."""

from __future__ import annotations

import base64
import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests import notebooks
from tests.core.conftest import KEYS, place
from tests.notebooks import shown

__all__ = ["place"]

LOCAL = re.compile(r"/(?:tmp|home|root|Users|work|private)/|[A-Z]:\\\\")


def pictures(document: Any) -> list[str]:
    """Return the SVGs in a document: of their own kind, or within a page."""
    data = [output.get("data", {}) for cell in document.cells for output in cell.get("outputs", ())]
    pages = [str(one.get("text/html", "")) for one in data]
    within = [found for page in pages for found in re.findall(r"data:image/svg\+xml;base64,([\w+/=]+)", page)]
    own = [one["image/svg+xml"] for one in data if "image/svg+xml" in one]
    return [*own, *(base64.b64decode(one).decode() for one in within)]


def records(place: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (place / "out" / name).read_text(encoding="utf-8").splitlines()]


def test_there_are_five() -> None:
    assert [name[:2] for name in notebooks.NAMES] == ["01", "02", "03", "04", "05"]


def test_the_quickstart_makes_a_dataset_and_pays_for_nothing_twice(place: Path) -> None:
    document = notebooks.executed("01-quickstart", place)
    assert "Complete: 6 samples" in shown(document, of="%%deepfabric")
    assert "out/bicycles.jsonl" in shown(document, of="%%deepfabric")
    assert re.search(r"^5 ", shown(document, of='df[["topic", "question", "answer"]]'), re.MULTILINE)
    assert shown(document, of="for message").startswith("system: You are a patient bicycle mechanic")
    assert shown(document, of="config =") == "9 samples, 3 calls\n"
    assert shown(document, of="again =") == "9 samples, 0 calls\n"
    assert "3 samples, 3 failures" in shown(document, of="bad_day =")
    assert "server error" in shown(document, of="bad_day =")
    assert shown(document, of='] = {"provider": "simulated"}\nrun') == "6 samples, 0 failures, 3 calls\n"
    assert len(records(place, "bicycles.jsonl")) == 9
    assert all(record["metadata"]["demonstration"] for record in records(place, "bicycles.jsonl"))


def test_topics_are_steered_before_samples_are_made(place: Path) -> None:
    document = notebooks.executed("02-steer-the-topics", place)
    planned = [shown(document, of=step) for step in ('planned")\nprint(', "prune(", "holidays", "deeper(", "undo()")]
    assert [int(text.split()[0]) for text in planned] == [9, 6, 8, 14, 8]
    assert "Balanced" in planned[0]
    assert "Complete: 8 samples" in shown(document, of="await")
    assert "Too few samples: “Herbs on the kitchen window”." in shown(document, of="Herbs")
    assert shown(document, of="more =") == "9 samples, 1 call\n"
    assert len(pictures(document)) == 3 and all(picture.startswith("<svg") for picture in pictures(document))
    branches = {record["metadata"]["topic_path"][1] for record in records(place, "garden.jsonl")}
    assert {"Watering in the holidays", "Pests and what eats them", "Herbs on the kitchen window"} < branches
    assert len(branches) == 5


def test_thoughts_and_tool_calls_are_there_and_replay_finds_what_changed(place: Path) -> None:
    document = notebooks.executed("03-reasoning-and-agents", place)
    assert re.search("QUESTION .+REASONING .+ANSWER .+", shown(document, of='"reasoning", "answer"'), re.DOTALL)
    assert "Complete: 6 samples" in shown(document, of="Running a bakery")
    calls = shown(document, of="pd.DataFrame")
    assert all(name in calls for name in ("find_supplier", "list_files", "read_file"))
    assert shown(document, of='bakery["reasoning"][0]').startswith("1. ")
    told = shown(document, of='bakery["messages"][0]')
    assert [word for word in ("SYSTEM", "USER", "CALL", "TOOL", "ASSISTANT") if word not in told] == []
    assert re.fullmatch(
        r"6 samples with \d+ calls: 0 differences\s+", shown(document, of="out/bakery.jsonl out/bakery.y")
    )
    changed = shown(document, of="out/bakery.jsonl out/changed.y")
    assert "none left" in changed and re.search("calls: [1-9][0-9]* differences", changed)
    assert all(record["tools"] for record in records(place, "bakery.jsonl"))


@pytest.mark.slow
def test_a_run_goes_to_a_server_is_stopped_there_and_resumed(place: Path) -> None:
    document = notebooks.executed("04-from-notebook-to-server", place)
    begun = int(shown(document, of="begun =").split()[0])
    assert 20 <= begun < 100
    assert "deepfabric generate out/hikers.yaml --checkpoint-path" in shown(document, of="%deepfabric export")
    assert f"gone on from {begun} samples to" in shown(document, of="gone on")
    assert shown(document, of="SIGINT") == "exit code 130\nThe run we watch: stopped\n"
    assert "Stopped:" in shown(document, of="%deepfabric watch")
    status = shown(document, of="checkpoint-status")
    assert "'wanted': 200" in status and "'missing': 0" not in status
    assert shown(document, of="timeout=120") == "exit code 0\n"
    assert shown(document, of="df =") == (
        f"200 samples, 200 of them different\n{begun} of the notebook's {begun} are among them\n"
    )


def test_datasets_are_looked_at_checked_and_split_and_the_notebook_says_what_training_needs(place: Path) -> None:
    document = notebooks.executed("05-into-training", place)
    assert len(pictures(document)) >= 5
    check_exports(document, place)
    wanted = "Ready to train." if find_spec("trl") else "To train here: pip install 'deepfabric-nb[train]'"
    assert shown(document, of="from trl import").startswith(wanted)


def check_exports(document: Any, place: Path) -> None:
    """Both datasets are exported whole, in sides that share no topic, and the check finds what a template drops."""
    for name, count in (("bicycles", 12), ("on-call", 8)):
        whole = {question_of(record["messages"]): topic(record) for record in records(place, f"{name}.jsonl")}
        sides = [records(place, f"{name}/{side}.jsonl") for side in ("train", "test")]
        topics = [{whole[question_of(row["messages"])] for row in side} for side in sides]
        assert sum(map(len, sides)) == count and all(sides) and not topics[0] & topics[1]
    assert shown(document, of="--split train").count("nothing is lost") == 2
    assert "8 records (1, 2, 3, 4, 5 and 3 more): reasoning isn't" in shown(document, of="without-reasoning")


def question_of(messages: list[dict[str, Any]]) -> str:
    return next(str(message["content"]) for message in messages if message["role"] == "user")


def topic(record: dict[str, Any]) -> str:
    return str(record["metadata"]["topic_path"][-1])


@pytest.mark.slow
@pytest.mark.parametrize("name", notebooks.NAMES)
def test_a_notebook_can_be_run_again_where_it_was_run_before(name: str, place: Path) -> None:
    """An error in any cell would be raised here."""
    notebooks.executed(name, place)
    notebooks.executed(name, place)


@pytest.mark.parametrize("name", notebooks.NAMES)
class TestStored:
    """What is in the repository, and so on the page of whoever looks at it there."""

    def test_every_cell_was_run_in_order_and_none_failed(self, name: str) -> None:
        cells = [cell for cell in notebooks.read(name).cells if cell.cell_type == "code"]
        assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
        outputs = [output for cell in cells for output in cell.outputs]
        assert len(outputs) > 5
        assert not any(output.output_type == "error" or output.get("name") == "stderr" for output in outputs)

    def test_it_needs_no_kernel_and_names_no_folder_of_anyones(self, name: str) -> None:
        text = (notebooks.NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8")
        assert "widget" not in json.dumps([list(o.get("data", ())) for o in outputs_of(json.loads(text))])
        assert not LOCAL.search(text)
        document = notebooks.read(name)
        assert set(document.metadata) == {"kernelspec", "language_info"}
        assert not any(cell.metadata for cell in document.cells)

    def test_one_line_at_the_top_switches_to_a_real_model(self, name: str) -> None:
        first = next(cell for cell in notebooks.read(name).cells if cell.cell_type == "code")
        switch = r'^MODEL = {"provider": "(?:simulated|demo)".*"provider": "openai"'
        assert re.search(switch, first.source, re.MULTILINE | re.DOTALL)
        assert not any(key in first.source for key in KEYS)

    def test_its_links_lead_somewhere(self, name: str) -> None:
        texts = [cell.source for cell in notebooks.read(name).cells if cell.cell_type == "markdown"]
        links = re.findall(r"\]\(([^)]+)\)", "\n".join(texts))
        assert all((notebooks.NOTEBOOKS / link).exists() for link in links)


def outputs_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [output for cell in document["cells"] for output in cell.get("outputs", ())]
