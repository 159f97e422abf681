"""The estimate in a notebook."""

from __future__ import annotations

from pathlib import Path

import pytest

from deepfabric_core.errors import ConfigError
from deepfabric_nb.magic.commands import COMMANDS, flags_of
from tests.nb.conftest import TEA, Cell

PRICED = TEA.replace("{provider: simulated}", "{provider: openai, model: <b>ours</b>, prices: {input: 1, output: 2}}")


def test_a_cell_shows_what_its_config_will_take(cell: Cell) -> None:
    found = cell("%%deepfabric estimate", PRICED)
    assert "In all" in repr(found) and "llm.prices of the config" in repr(found)
    assert found.data["samples"] == 9
    assert found.data["cost"]["low"] < found.data["cost"]["likely"] < found.data["cost"]["high"]


def test_flags_win_and_the_result_can_be_named(cell: Cell) -> None:
    assert cell("%%deepfabric estimate --num-samples 90 --out found", PRICED) is None
    assert cell("found.data['samples']") == 90


def test_flags_that_have_no_effect_are_not_offered() -> None:
    offered = flags_of(COMMANDS["estimate"])
    assert {"--max-cost", "--num-samples", "--preview", "--out"} <= set(offered)
    assert not {"--resume", "--fresh", "--tui"} & set(offered)


def test_names_from_the_config_are_escaped(cell: Cell) -> None:
    unpriced = PRICED.replace(", prices: {input: 1, output: 2}", "").replace("openai", "ollama")
    page = cell("%%deepfabric estimate", unpriced)._repr_html_()
    assert "&lt;b&gt;ours" in page and "<b>ours" not in page


def test_a_preview_is_made_and_the_cell_goes_on_with_it(
    cell: Cell, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = cell("%%deepfabric estimate --preview 4", TEA)
    assert found.data["rests_on"] == {"samples": 4}
    assert "Preview" in capsys.readouterr().out
    assert not (place / "tea.jsonl").exists()
    frame = cell("%%deepfabric", TEA)
    assert len(frame) == 9
    assert "4 samples were made before and kept" in capsys.readouterr().out


def test_a_line_names_a_file(cell: Cell, place: Path) -> None:
    (place / "tea.yaml").write_text(TEA)
    assert "nothing: the model is on this machine" in repr(cell("%deepfabric estimate tea.yaml"))


def test_a_cost_limit_that_a_run_refuses_is_refused_by_validate_too(cell: Cell) -> None:
    unpriced = PRICED.replace(", prices: {input: 1, output: 2}", "").replace("openai", "ollama")
    with pytest.raises(ConfigError, match=r"budget\.cost can't be kept"):
        cell("%%deepfabric validate", unpriced + "budget: {cost: 5}\n")
