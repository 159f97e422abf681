"""`%deepfabric import` and `import_dataset`: what another tool wrote is a dataset of ours in the notebook."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import deepfabric_nb
from deepfabric_core.errors import OutputError
from tests.core.samples.foreign.test_readers import SHAPES
from tests.nb.conftest import Cell
from tests.nb.samples.page import Page

CHATS = [
    {"conversations": [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "<think>\nHm.\n</think>\n\nSo."}]},
    {"conversations": [{"from": "nobody", "value": "Why?"}]},
]


def test_a_file_is_imported_under_a_name_and_says_what_became_of_it(cell: Cell, place: Path) -> None:
    (place / "chats.json").write_text(json.dumps(CHATS), encoding="utf-8")
    found = cell("%deepfabric import chats.json tea")
    assert repr(found) == (
        "tea.jsonl has 1 sample, read as sharegpt.\n"
        "  not read, 1 record (record 2): message 1 in it is by 'nobody', and nobody knows who that is."
    )
    assert len(found) == 1 and found.df["reasoning"].tolist() == ["Hm."] and found.df["answer"].tolist() == ["So."]
    assert cell("%deepfabric import chats.json tea --out kept") is None
    assert cell("kept.path.name") == "tea.jsonl"
    assert cell("%deepfabric report tea.jsonl").data["samples"] == 1


def test_the_same_from_python_is_strict_if_it_is_told(place: Path) -> None:
    (place / "chats.json").write_text(json.dumps(CHATS), encoding="utf-8")
    assert deepfabric_nb.import_dataset("chats.json").path == Path("chats.imported.jsonl")
    with pytest.raises(OutputError, match=r"chats\.json, record 2: message 1"):
        deepfabric_nb.import_dataset("chats.json", "other.jsonl", strict=True)
    assert not Path("other.jsonl").exists()


@pytest.mark.parametrize("name", ["chats.json", "chats.csv"])
def test_other_kinds_of_files_are_shown_as_they_are(name: str, place: Path) -> None:
    texts = {
        "chats.json": json.dumps([{"question": "Why?", "answer": "So."}, 3]),
        "chats.csv": "question,answer\nWhy?,So.\nx\n",
    }
    (place / name).write_text(texts[name], encoding="utf-8")
    page = Page(name)
    assert page.index()["rows"]["status"] == ["done", "failed"]
    assert [message["text"] for message in page.card(0)["messages"]] == ["Why?", "So."]
    assert page.card(1)["error"]
    page.decide(0, "accept")
    assert (place / "chats.reviews.jsonl").exists()


@pytest.mark.parametrize("shape", SHAPES)
def test_a_sample_of_any_format_is_shown_as_a_conversation(shape: str, place: Path) -> None:
    (place / "other.jsonl").write_text(json.dumps(SHAPES[shape][1]), encoding="utf-8")
    page = Page("other.jsonl")
    index, card = page.index(), page.card(0)
    texts = [message["text"] for message in card["messages"]]
    assert index["rows"]["status"] == ["done"]
    if shape != "SQuAD":  # its context is a text beside them, so that it may be anyone's own schema
        assert "Q?" in texts and "A." in texts
    calls = [call for message in card["messages"] for call in message["calls"]]
    assert all(call["name"] == "look" for call in calls)
    if shape.startswith(("ChatML", "Harmony", "DeepFabric")):
        assert any("Hm." in message["reasoning"] for message in card["messages"]) or calls
    page.decide(0, "accept")
