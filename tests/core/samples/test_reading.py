"""What is read from any record, for every screen and frame alike."""

from __future__ import annotations

from typing import Any

import pytest

from deepfabric_core.samples.reading import question_and_answer


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"question": "Q", "final_answer": "A", "messages": []}, ("Q", "A")),
        ({"question": "Q", "answer": "A"}, ("Q", "A")),
        (
            {
                "messages": [
                    {"role": "system", "content": "S"},
                    {"role": "user", "content": "Q"},
                    {"role": "assistant", "content": None},
                    {"role": "assistant", "content": "A"},
                ]
            },
            ("Q", "A"),
        ),
        ({"question": "Q", "final_answer": "", "answer": "A"}, ("Q", "A")),
        ({"question": "Q"}, ("Q", "")),
        ({"fact": "é"}, ('{"fact": "é"}', "")),
        ({"messages": 3}, ('{"messages": 3}', "")),
    ],
)
def test_question_and_answer_are_found_in_any_record(record: dict[str, Any], expected: tuple[str, str]) -> None:
    assert question_and_answer(record) == expected
