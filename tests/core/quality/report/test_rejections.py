"""Rejected samples: counted by gate and check, with what they cost, whatever the file holds."""

from __future__ import annotations

from typing import Any

import pytest

from deepfabric_core.quality.report.rejections import Rejections


def line(gate: str = "checks", check: str = "refusal", cost: float | None = 0.5) -> dict[str, Any]:
    messages = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "I can't."}]
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "cost": cost}
    said = {"gate": gate, "check": check, "reason": "the answer refuses", "evidence": "I can't", "usage": usage}
    return {"topic_path": ["Tea", "Green"], **said, "sample": {"messages": messages}}


def test_they_are_counted_by_gate_and_check_with_examples() -> None:
    found = Rejections()
    for number, one in enumerate([line(), line(), line("duplicates", "near", None)], 1):
        found.add(one, number)
    said = found.as_object()
    assert (said["samples"], said["cost"]) == (3, 1.0)
    assert [(one["gate"], one["name"], one["count"]) for one in said["by_reason"]] == [
        ("checks", "refusal", 2),
        ("duplicates", "near", 1),
    ]
    first = said["by_reason"][0]["examples"][0]
    assert (first["path"], first["question"], first["reason"]) == (["Tea", "Green"], "Why?", "the answer refuses")


@pytest.mark.parametrize("odd", [{}, {"gate": 3, "sample": "x"}, {"usage": 1, "reason": []}, {"topic_path": [None]}])
def test_a_line_of_any_kind_is_counted(odd: dict[str, Any]) -> None:
    found = Rejections()
    found.add(odd, 1)
    assert found.as_object()["samples"] == 1
