"""`deepfabric limits`: the table of what was learned, as JSON, and how it is forgotten."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from deepfabric_core.llm.limits.learned import Learned
from deepfabric_core.llm.limits.learned_file import Kept, Target
from deepfabric_core.text.limits_table import limits_table
from tests import ROOT
from tests.core.conftest import Run

NOW = 1_764_000_000.0


def entry(number: int = 0, age: float = 60.0, **own: Any) -> dict[str, Any]:
    """An entry of the file."""
    return {
        "provider": "openai",
        "endpoint": "api.openai.com/v1",
        "model": f"gpt-{number:03}",
        "key": "0123456789ab",
        "per_second": 48.2,
        "at_once": None,
        "accepted_at_once": 64,
        "delay": 0.2,
        "at": time.time() - age,
        **own,
    }


def kept(place: Path, *entries: dict[str, Any]) -> Path:
    file = place / "cache/deepfabric/learned_limits.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"version": 1, "salt": "00" * 16, "limits": entries}), encoding="utf-8")
    return file


def said(deepfabric: Run, *words: str) -> str:
    done = deepfabric("limits", *words)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_where_nothing_was_learned_it_says_so_and_makes_no_file(place: Path, deepfabric: Run) -> None:
    assert said(deepfabric) == "No limits are kept.\n"
    assert json.loads(said(deepfabric, "--json")) == []
    assert said(deepfabric, "--clear") == "Removed 0 entries.\n"
    assert not (place / "cache").exists()


def test_an_entry_is_a_line_below_the_names_of_the_columns(place: Path, deepfabric: Run) -> None:
    kept(place, entry())
    heads, line = said(deepfabric).splitlines()
    assert heads.split("  ")[0] == "endpoint"
    shown = [cell.strip() for cell in line.split("  ") if cell.strip()]
    assert shown[:5] == ["api.openai.com/v1", "gpt-000", "89ab", "48.2/s", "no limit met up to 64"]
    assert shown[5].startswith("1 min")


def test_a_hundred_entries_are_a_hundred_lines_in_order(place: Path, deepfabric: Run) -> None:
    kept(place, *(entry(number) for number in reversed(range(100))))
    lines = said(deepfabric).splitlines()[1:]
    assert [line.split()[1] for line in lines] == [f"gpt-{number:03}" for number in range(100)]
    assert len({line.index("0123456789ab"[-4:]) for line in lines}) == 1, "columns are straight"


def row(**own: Any) -> Kept:
    learned = Learned(*(own.get(name) for name in ("per_second", "at_once", "accepted_at_once")))
    target = Target("openai", own.get("endpoint", "a.com/v1"), own.get("model", "m"), own.get("key", "0123456789ab"))
    return Kept(target, learned, NOW - own.get("age", 5.0))


@pytest.mark.parametrize(
    ("own", "cell"),
    [
        ({"at_once": 1200}, "1,200"),
        ({"per_second": 0.5}, "30.0/min"),
        ({"accepted_at_once": 8}, "no limit met up to 8"),
        ({"at_once": 5, "key": ""}, "none"),
        ({"at_once": 5, "endpoint": ""}, "openai"),
        ({"at_once": 5, "age": 5.0}, "5 s"),
        ({"at_once": 5, "age": 7500.0}, "2 h 5 min"),
        ({"at_once": 5, "age": 180_000.0}, "2 d 2 h"),
        ({"at_once": 5, "age": -3.0}, "0 s"),
        ({"at_once": 5, "model": "m\x1b[2J\u202e"}, "m\\x1b[2J\ufffd"),
    ],
)
def test_each_cell_says_it_in_few_words(own: dict[str, Any], cell: str) -> None:
    (_, line) = limits_table([row(**own)], now=NOW).splitlines()
    assert cell in [one.strip() for one in line.split("  ")]


@pytest.mark.parametrize("width", [20, 40, 80])
def test_on_a_narrow_terminal_an_entry_is_a_block_of_lines(width: int) -> None:
    entries = [row(at_once=5, model=f"some-model-of-some-length-{number}", endpoint="x" * 30) for number in range(2)]
    blocks = limits_table(entries, width, now=NOW).split("\n\n")
    assert len(blocks) == 2
    assert blocks[0].splitlines()[1] == "model           some-model-of-some-length-0"
    assert limits_table(entries, 200, now=NOW) == limits_table(entries, now=NOW)


def test_json_has_everything_but_the_key(place: Path, deepfabric: Run) -> None:
    kept(place, entry(), entry(1, key="", endpoint=""))
    without, found = json.loads(said(deepfabric, "--json"))
    assert 60 <= found.pop("age") < 120
    assert found == {
        "provider": "openai",
        "endpoint": "api.openai.com/v1",
        "model": "gpt-000",
        "key": "89ab",
        "per_second": 48.2,
        "at_once": None,
        "accepted_at_once": 64,
        "delay": 0.2,
    }
    assert (without["key"], without["endpoint"]) == (None, "")


def test_an_endpoint_or_a_model_narrows_what_is_shown(place: Path, deepfabric: Run) -> None:
    kept(place, entry(), entry(1), entry(2, endpoint="b.com"))
    assert len(said(deepfabric, "gpt-001").splitlines()) == 2
    assert len(said(deepfabric, "https://api.openai.com/v1").splitlines()) == 3
    assert said(deepfabric, "nobody") == "No limits of nobody are kept; `deepfabric limits` shows all.\n"


def test_what_is_cleared_is_counted_and_gone(place: Path, deepfabric: Run) -> None:
    kept(place, entry(), entry(1), entry(2, endpoint="b.com"))
    assert said(deepfabric, "--clear", "gpt-001") == "Removed 1 entry of gpt-001.\n"
    assert json.loads(said(deepfabric, "--clear", "b.com", "--json")) == {"removed": 1}
    assert said(deepfabric, "--clear", "nobody") == "Removed 0 entries of nobody.\n"
    assert len(said(deepfabric).splitlines()) == 2
    assert said(deepfabric, "--clear") == "Removed 1 entry.\n"
    assert said(deepfabric) == "No limits are kept.\n"


def test_what_is_forgotten_is_not_shown_and_a_damaged_file_holds_nothing(place: Path, deepfabric: Run) -> None:
    kept(place, entry(age=4 * 86_400))
    assert said(deepfabric) == "No limits are kept.\n"
    kept(place).write_text("{", encoding="utf-8")
    assert said(deepfabric) == "No limits are kept.\n"


def test_a_wrong_flag_and_a_file_that_can_not_be_changed_are_a_sentence_each(place: Path, deepfabric: Run) -> None:
    done = deepfabric("limits", "--bogus")
    assert done.returncode == 2 and "No such option" in done.stderr
    file = kept(place, entry())
    (file.parent / f".{file.name}.lock").mkdir()
    done = deepfabric("limits", "--clear")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith(f"Error: {file} can't be changed: ")


def test_nothing_heavy_is_imported_and_nothing_connected_to(place: Path) -> None:
    code = (
        "import sys\n"
        "sys.addaudithook(lambda event, _: event.startswith('socket.c') and print('used:', event))\n"
        "sys.argv = ['deepfabric', 'limits']\n"
        "from deepfabric_core.cli.app import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('heavy:', {'litellm', 'pandas', 'IPython', 'aiohttp', 'rich', 'mcp', 'filelock'} & set(sys.modules))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True)
    assert done.stdout == "No limits are kept.\nheavy: set()\n"
