"""`deepfabric export`: a file beside the dataset, and one sentence about what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.core.conftest import Run
from tests.core.export.samples import answered, worked, write


def test_an_export_is_written_beside_the_dataset_and_what_is_lost_is_told(deepfabric: Run, place: Path) -> None:
    write(place / "tea.jsonl", answered(), worked())
    done = deepfabric("export", "tea.jsonl", "--to", "openai")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == (
        "tea.openai.jsonl has 2 rows in the format openai.\n"
        "Note: lost of 1 record (2): the reasoning. --reasoning think-tags keeps it in the text.\n"
    )
    line = (place / "tea.openai.jsonl").read_text(encoding="utf-8").splitlines()[1]
    assert json.loads(line)["messages"][2]["tool_calls"][0]["function"]["arguments"] == '{"path": "tea.txt"}'


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["missing.jsonl", "--to", "trl"], 2, "missing.jsonl: the dataset can't be read"),
        (["tea.jsonl", "--to", "coffee"], 2, "There is no format coffee; there are trl, "),
        (["tea.jsonl", "--to", "chatml", "--reasoning", "thinking"], 2, "chatml has no place thinking for reasoning"),
        (["tea.jsonl", "--to", "trl-preference"], 1, "tea.jsonl has nothing for trl-preference"),
        (["tea.jsonl", "--to", "trl", "--context", "9"], 2, "--context is for a check"),
        (["tea.jsonl"], 2, "Missing option '--to'"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    arguments: list[str], code: int, said: str, deepfabric: Run, place: Path
) -> None:
    write(place / "tea.jsonl", answered())
    done = deepfabric("export", *arguments)
    assert done.returncode == code and said in done.stderr and "Traceback" not in done.stderr
    assert [path.name for path in place.glob("tea*")] == ["tea.jsonl"]


def test_a_split_goes_into_a_folder_beside_the_dataset(deepfabric: Run, place: Path) -> None:
    write(place / "tea.jsonl", *[answered(f"{word}?", f"{word}.") for word in ("Green", "Black", "White", "Red")])
    done = deepfabric("export", "tea.jsonl", "--to", "trl", "--split", "train=0.5,test=0.5")
    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        f"tea.trl/{side}.jsonl has 2 rows in the format trl." for side in ("train", "test")
    ]
    assert deepfabric("export", "tea.jsonl", "--to", "trl", "--hold-out", "Tea").returncode == 2


def test_a_check_is_printed_and_its_exit_code_says_whether_anything_is_lost(deepfabric: Run, place: Path) -> None:
    write(place / "tea.jsonl", answered(), worked())
    (place / "chat.jinja").write_text("{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}")
    done = deepfabric("export", "tea.jsonl", "--to", "trl", "--check", "chat.jinja")
    assert done.returncode == 1 and (place / "tea.trl.jsonl").exists()
    assert done.stdout.splitlines()[:2] == [
        "2 records checked against chat.jinja: these would train badly.",
        "  1 record (2): a tool call isn't in the rendered text, or not as a whole",
    ]
    write(place / "green.jsonl", answered())
    assert deepfabric("export", "green.jsonl", "--to", "trl", "--check", "chat.jinja").returncode == 0


def test_the_formats_are_listed_without_a_dataset(deepfabric: Run) -> None:
    done = deepfabric("export", "--list")
    assert done.returncode == 0 and "\nopenai-preference      a preferred" in done.stdout


def test_a_check_against_a_family_names_the_records_and_a_report_has_all_of_them(deepfabric: Run, place: Path) -> None:
    write(place / "tea.jsonl", answered(reasoning="It is green."), worked(), answered())
    done = deepfabric("export", "tea.jsonl", "--to", "trl", "--check", "llama3.1", "--report", "lost.json")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "3 records checked against llama3.1: these would train badly.",
        "  2 records (1, 2): reasoning isn't in the rendered text",
        "  no place keeps all of the reasoning in this template; --reasoning drop leaves it out on purpose",
    ]
    (told,) = json.loads((place / "lost.json").read_text(encoding="utf-8"))["defects"]
    assert [one["record"] for one in told["records"]] == [1, 2]
    assert told["records"][1]["name"] == "Tea > Green tea > What is in the files?"
    kept = deepfabric("export", "tea.jsonl", "--to", "trl", "--check", "qwen3")
    assert (kept.returncode, kept.stdout) == (0, "3 records checked against qwen3: nothing is lost.\n")
    unknown = deepfabric("export", "tea.jsonl", "--to", "trl", "--check", "quen3")
    assert unknown.returncode == 2 and "did you mean qwen3?" in unknown.stderr
