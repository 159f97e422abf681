"""The card tells what a dataset is and how it was made, and nothing of the machine, and can't be broken by texts."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import mistune
import pytest

from deepfabric_core.config.load import load
from deepfabric_core.hub.local_places import without_places
from deepfabric_core.hub.prepare import prepare
from deepfabric_core.hub.prepared import Prepared
from deepfabric_core.hub.publication import Publication
from tests.core.export.samples import answered, write

_HOSTILE = "</details><script>alert(1)</script> ```` | x |\n---\n# Title ![p](http://in.ternal/a.png) \u202e"
_render = mistune.create_markdown(escape=False, plugins=["table", "strikethrough", "url"])


def _prepared(place: Path, *records: dict[str, Any], config: str = "", **more: Any) -> Prepared:
    run = load(config, source="config.yaml").config if config else None
    wanted = Publication(write(place / "tea.jsonl", *records), "tea", run=run, **more)
    return prepare(wanted, place / "out", place="me/tea")


def _made(**facts: Any) -> dict[str, Any]:
    record = answered()
    record["metadata"] |= facts
    return record


def test_simulated_data_is_said_before_anything_else(place: Path) -> None:
    card = _prepared(place, _made(simulated=True), _made(simulated=False)).write_card()
    body = card.split("---\n", 2)[2]
    assert body.index("**SIMULATED DATA.** 1 of 2 samples in it") < body.index("synthetic samples")
    assert "- simulated\n" in card


def test_nothing_is_said_of_simulation_where_a_model_wrote(place: Path) -> None:
    card = _prepared(place, answered()).write_card()
    assert "SIMULATED" not in card and "- simulated\n" not in card


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([{"cost": 0.5, "cost_known": True}] * 2, "| Cost | \\$1.00 for samples"),
        ([{"cost": 0.5, "cost_known": True}, {"cost_known": False}], "at least \\$0.50"),
        ([{"cost_known": False}], "| Cost | unknown |"),
        ([{}], "| Cost | unknown |"),
    ],
)
def test_a_cost_that_is_unknown_is_never_taken_as_nothing(records: list[Any], said: str, place: Path) -> None:
    card = _prepared(place, *(_made(**facts) for facts in records)).write_card()
    assert said.replace("\\$", "$") in card


def test_the_card_tells_how_the_samples_were_made(place: Path) -> None:
    config = """
llm: {provider: openai, model: gpt-x, base_url: "http://10.0.0.7:8000/v1", temperature: 0.3}
topics: {prompt: Tea and its leaves, mode: graph, depth: 3, degree: 4, system_prompt: Name topics.}
generation: {system_prompt: You teach tea., instructions: Be brief.}
output: {save_as: tea.jsonl}
quality: {judge: {llm: {model: judge-x}}}
"""
    card = _prepared(place, _made(model="gpt-x"), config=config).write_card()
    for said in ("Tea and its leaves", "You teach tea.", "Name topics.", "Be brief.", "gpt-x (1)", "judge-x", "0.3"):
        assert said in card
    assert (
        "graph of depth 3 and degree 4" in card and "duplicates" in card and "openai, at an address of its own" in card
    )
    assert "10.0.0.7" not in card


def test_rejected_samples_are_told_by_gate(place: Path) -> None:
    line = {
        "topic_id": "a",
        "cycle": 0,
        "gate": "checks",
        "check": "refusal",
        "reason": "refuses",
        "sample": answered(),
    }
    (place / "tea.rejected.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")
    card = _prepared(place, answered()).write_card()
    assert "1 of the 2 samples that were made was rejected" in card and "| checks | refusal | 1 |" in card


def test_no_text_breaks_the_card_or_puts_html_into_it(place: Path) -> None:
    record = answered(_HOSTILE, f"{_HOSTILE} ~~~ `````", branch=_HOSTILE)
    record["metadata"]["model"] = _HOSTILE
    found = _prepared(place, record, description=_HOSTILE, tags=(_HOSTILE,))
    body = found.write_card().split("---\n\n", 1)[1]
    html = str(_render(body))
    assert not re.findall(r"<(?:script|details|/details)", html)
    assert re.findall(r"<img[^>]*src=\"([^\"]*)\"", html) == ["topics.svg"]
    assert re.findall(r"<h1>(.*?)</h1>", html) == ["tea"]
    assert "\u202e" not in body


def test_the_same_dataset_has_the_same_card_and_files(place: Path) -> None:
    def made(folder: str) -> dict[str, bytes]:
        found = prepare(Publication(place / "tea.jsonl", "tea", ("trl",)), place / folder, place="me/tea")
        found.write_card()
        return {path.name: path.read_bytes() for path in found.folder.rglob("*") if path.is_file()}

    write(place / "tea.jsonl", answered(), answered("Why?"))
    assert made("one") == made("two")


def test_nothing_of_this_machine_is_told(place: Path) -> None:
    secret = "sk-proj-" + "a1B2c3D4e5F6g7H8" * 3
    found = _prepared(
        place,
        _made(model=str(Path.home() / "models" / "tea.gguf"), source=str(place / "notes.md")),
        config=f"""
llm: {{provider: local, model: {Path.home()}/models/tea.gguf}}
topics: {{prompt: Tea}}
generation: {{system_prompt: "Use the key {secret}"}}
output: {{save_as: {place}/tea.jsonl}}
""",
    )
    found.write_card()
    for path in found.folder.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert not any(place in content for place in (str(place).encode(), str(Path.home() / "models").encode()))
        assert secret.encode() not in content
    assert "tea.gguf" in (found.folder / "README.md").read_text(encoding="utf-8")


def test_a_name_with_a_slash_is_no_path() -> None:
    record = {"metadata": {"model": "Qwen/Qwen3-8B", "topic_path": ["/etc"]}, "question": "/home/ann"}
    assert without_places(record) == record


def test_records_of_a_schema_of_ones_own_are_published_too(place: Path) -> None:
    found = _prepared(
        place, {"name": "Assam", "grams": 3, "notes": {"a": 1}}, {"name": "Oolong", "grams": 4.5, "notes": {"b": 2}}
    )
    card = found.write_card()
    assert "task_categories" not in card and "records for fine-tuning" in card and '"name": "Assam"' in card
