"""Words and meanings are compared together, and nothing stays claimed that was refused."""

from pathlib import Path

import pytest

from deepfabric_core.quality.candidate import Candidate
from deepfabric_core.quality.duplicate_gate import DuplicateGate
from deepfabric_core.quality.duplicates import DuplicateIndex
from deepfabric_core.quality.meanings import MeaningIndex
from deepfabric_core.store.embedding_model import embedding_model
from tests.core.static_models import save_small_model

ONE = Candidate("How do I fix a flat bike?", "Repair it.")
REWORDED = Candidate("How can I mend my bicycle puncture?", "Mend it.")
OTHER = Candidate("How do I bake bread?", "Knead it well.")


@pytest.fixture
def gate(tmp_path: Path) -> DuplicateGate:
    save_small_model(tmp_path)
    return DuplicateGate(DuplicateIndex(), MeaningIndex(embedding_model(str(tmp_path), lambda _: None)))


def test_a_sample_is_refused_by_its_words_or_by_its_meaning(gate: DuplicateGate) -> None:
    assert gate.finding(ONE, "first") is None
    assert gate.accept("first", 1) is not None
    names = [finding.name if finding else "" for finding in (gate.finding(one, "me") for one in (ONE, REWORDED, OTHER))]
    assert names == ["same", "meaning", ""]


def test_what_is_refused_or_released_is_not_compared_with(gate: DuplicateGate) -> None:
    assert gate.finding(ONE, "first") is None
    assert gate.finding(REWORDED, "second") is not None
    gate.release("first")
    assert gate.finding(REWORDED, "third") is None, "the second owner claims nothing that was refused by meaning"


def test_without_a_model_words_alone_are_compared() -> None:
    gate = DuplicateGate(DuplicateIndex())
    assert gate.finding(ONE, "first") is None
    assert gate.finding(REWORDED, "second") is None
    gate.release("second")
    assert gate.accept("first", 1) is not None and gate.accept("second", 2) is None
