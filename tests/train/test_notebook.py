"""The notebook about training trains: the loss goes down, and the models say what they were taught."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests import notebooks
from tests.notebooks import shown


def test_both_models_learn_and_answer_and_call_as_in_the_samples(tmp_path: Path) -> None:
    document = notebooks.executed("05-into-training", tmp_path, timeout=600)
    taught = shown(document, of="chat = train")
    assert taught.count("<tool_call>") == taught.count("</tool_call>") >= 1 and "<|im_start|>" not in taught
    figures = re.findall(r"from (\d+\.\d+) to (\d+\.\d+)", shown(document, of="held_out ="))
    assert len(figures) == 2
    assert all(float(last) < float(first) / 4 for first, last in figures)
    assert "As in the sample: True" in shown(document, of="called =")
    said = shown(document, of='first_row("out/bicycles")')
    rows = [json.loads(line) for line in (tmp_path / "out/bicycles/train.jsonl").read_text("utf-8").splitlines()]
    answer = rows[0]["messages"][-1]["content"]
    assert answer.split()[:5] == said.partition("\n\n")[2].split()[:5]
