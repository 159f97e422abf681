"""An answer is the answer alone."""

import pytest

from deepfabric_core.quality.candidate import candidate_of
from deepfabric_core.quality.checks.check import Settings
from deepfabric_core.quality.checks.choose import choose
from deepfabric_core.quality.checks.examine import examine
from tests.core.quality.checks.looking import block, reason
from tests.core.quality.labelled_bad import FORMATS


@pytest.mark.parametrize("answer", FORMATS)
def test_thoughts_roles_labels_and_whole_replies_are_found(answer: str) -> None:
    assert reason("final_answer", answer)


@pytest.mark.parametrize(
    "answer",
    [
        "Models write `<think>` before they answer.",
        block("text", "User: hi\nAssistant: hello"),
        "The key: oil. The answer: wipe it off.",
        '{"links": 114}',
        "A bolt (M5) holds it.",
    ],
)
def test_what_only_mentions_them_passes(answer: str) -> None:
    assert not reason("final_answer", answer)


def test_a_conversation_or_json_that_was_asked_for_passes() -> None:
    assert not reason("final_answer", "User: hi\nAssistant: hello", "Write a dialogue.")
    assert not reason("final_answer", '{"question": "a", "answer": "b"}', "Give me the JSON of a quiz question.")


def test_a_record_of_an_own_schema_has_no_final_answer() -> None:
    record = {"dialogue": "User: hi\nAssistant: hello"}
    assert examine(candidate_of(record), choose(["final_answer"], Settings())) is None
