"""A dataset with what stands beside it becomes a file: JSONL, Parquet or a folder, whole or not at all."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import datasets  # type: ignore[import-untyped]
import pytest

from deepfabric_core.errors import ConfigError, OutputError
from deepfabric_core.export.export import ExportRequest, ExportResult, export
from deepfabric_core.export.find_format import find_format, reasoning_for
from deepfabric_core.export.summary import export_notes, export_summary
from deepfabric_core.samples.reviews import Decision, sample_id
from deepfabric_core.store.review_log import ReviewLog, reviews_path
from tests.core.export.samples import Record, answered, rows, worked, write


@pytest.fixture(autouse=True)
def _no_bars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()


def exported(dataset: Path, name: str, output: str, reasoning: str | None = None) -> tuple[Path, ExportResult]:
    chosen = find_format(name)
    path = dataset.parent / output
    return path, export(ExportRequest(dataset, chosen, path, reasoning_for(chosen, reasoning)))


def reviewed(dataset: Path, *decisions: tuple[Record, str, Record | None]) -> None:
    log = ReviewLog(reviews_path(dataset))
    for number, (record, action, after) in enumerate(decisions):
        decision: Any = Decision(str(number), sample_id(record), action, "me", 1.0, after=after)  # type: ignore[arg-type]
        log.add(decision)


def test_rejected_samples_are_left_out_and_edited_ones_are_as_they_were_edited(tmp_path: Path) -> None:
    one, two, three = (answered(f"Question {number}?", f"Answer {number}.") for number in range(3))
    dataset = write(tmp_path / "tea.jsonl", one, two, three)
    better = answered("Question 1?", "A better answer.")
    reviewed(dataset, (one, "reject", None), (two, "edit", better))
    path, _ = exported(dataset, "trl", "out.jsonl")
    assert [row["messages"][-1]["content"] for row in rows(path)] == ["A better answer.", "Answer 2."]
    pairs, _ = exported(dataset, "trl-preference", "pairs.jsonl")
    (pair,) = rows(pairs)
    assert pair["prompt"][-1]["content"] == "Question 1?"
    assert (pair["chosen"][0]["content"], pair["rejected"][0]["content"]) == ("A better answer.", "Answer 1.")
    labelled, _ = exported(dataset, "trl-kto", "kto.jsonl")
    assert [(row["completion"][0]["content"], row["label"]) for row in rows(labelled)] == [
        ("Answer 0.", False),
        ("A better answer.", True),
        ("Answer 1.", False),
        ("Answer 2.", True),
    ]


def test_what_gates_rejected_makes_pairs_but_repetitions_do_not(tmp_path: Path) -> None:
    good = answered("Why?", "Because it is so.")
    dataset = write(tmp_path / "tea.jsonl", good)
    key = {"topic_id": good["metadata"]["topic_id"], "cycle": 0}
    lines = [
        {**key, "gate": "judge", "check": "score", "sample": answered("Why?", "Dunno.")},
        {**key, "gate": "duplicates", "check": "duplicate", "sample": answered("Why?", "Because it was so.")},
    ]
    write(tmp_path / "tea.rejected.jsonl", *lines)
    path, _ = exported(dataset, "openai-preference", "pairs.jsonl")
    assert [row["non_preferred_output"][0]["content"] for row in rows(path)] == ["Dunno."]
    labelled, result = exported(dataset, "trl-kto", "kto.jsonl")
    assert [row["label"] for row in rows(labelled)] == [True, False] and not list(export_notes(result))


def test_a_dataset_without_pairs_is_one_sentence_and_no_file(tmp_path: Path) -> None:
    dataset = write(tmp_path / "tea.jsonl", answered())
    with pytest.raises(OutputError, match=r"nothing for trl-preference: no sample in it was edited"):
        exported(dataset, "trl-preference", "pairs.jsonl")
    assert [path.name for path in tmp_path.iterdir()] == ["tea.jsonl"]
    _, result = exported(dataset, "trl-kto", "kto.jsonl")
    assert "labelled good" in next(export_notes(result))


def test_parquet_and_folders_hold_what_the_lines_hold_and_no_call_gets_parameters_of_another(tmp_path: Path) -> None:
    other = worked(at_once=True)
    other["messages"][2]["tool_calls"][0]["function"]["arguments"] = '{"lines": [1, "two", null]}'
    dataset = write(tmp_path / "tea.jsonl", worked(), other, answered())
    wanted = rows(exported(dataset, "trl", "out.jsonl")[0])
    parquet = datasets.load_dataset(
        "parquet", data_files=str(exported(dataset, "trl", "out.parquet")[0]), split="train"
    )
    folder = datasets.load_from_disk(str(exported(dataset, "trl", "arrow")[0]))
    for found in (parquet, folder):
        assert [_without_missing(row) for row in found] == wanted
    assert parquet.features == folder.features
    calls = parquet[1]["messages"][2]["tool_calls"]
    assert [call["function"]["arguments"] for call in calls] == [{"lines": [1, "two", None]}, {"path": "pot.txt"}]


@pytest.mark.parametrize("name", ["openai", "sharegpt", "alpaca", "axolotl", "chatml", "trl-kto", "grpo"])
def test_every_format_fits_its_columns(name: str, tmp_path: Path) -> None:
    dataset = write(tmp_path / "tea.jsonl", worked(), answered())
    wanted = rows(exported(dataset, name, "out.jsonl")[0])
    found = datasets.Dataset.from_parquet(str(exported(dataset, name, "out.parquet")[0]))
    assert [_without_missing(row) for row in found] == wanted


def _without_missing(value: Any) -> Any:
    """A row without the keys that are missing in it, which columns fill with None; what is JSON stays as it is."""
    if isinstance(value, dict):
        own = {"arguments", "parameters"}
        return {key: part if key in own else _without_missing(part) for key, part in value.items() if part is not None}
    return [_without_missing(part) for part in value] if isinstance(value, list) else value


def test_json_loads_as_it_is(tmp_path: Path) -> None:
    dataset = write(tmp_path / "tea.jsonl", worked(), answered())
    path, _ = exported(dataset, "trl", "out.jsonl")
    found = datasets.load_dataset("json", data_files=str(path), split="train")
    assert found[0]["messages"][2]["tool_calls"][0]["function"]["arguments"] == {"path": "tea.txt"}


def test_llama_factory_is_told_of_each_file_and_what_it_knew_stays(tmp_path: Path) -> None:
    dataset = write(tmp_path / "tea.jsonl", answered())
    (tmp_path / "dataset_info.json").write_text('{"mine": {"file_name": "mine.json"}}')
    exported(dataset, "sharegpt", "tea.sharegpt.jsonl")
    exported(dataset, "alpaca", "short.parquet")
    known = json.loads((tmp_path / "dataset_info.json").read_text())
    assert {name: facts["file_name"] for name, facts in known.items()} == {
        "mine": "mine.json",
        "tea.sharegpt": "tea.sharegpt.jsonl",
        "short": "short.parquet",
    }


def test_a_template_makes_texts_or_rows(tmp_path: Path) -> None:
    dataset = write(tmp_path / "tea.jsonl", worked(), answered())
    (tmp_path / "plain.jinja").write_text(
        "{% for m in messages %}{{ m.role }}: {{ m.content }}{% for c in m.tool_calls %}"
        "{{ c.function.arguments | tojson }}{% endfor %}|{% endfor %}"
        "{% if not tools %}{{ raise_exception('no tools') }}{% endif %}"
    )
    path, result = exported(dataset, str(tmp_path / "plain.jinja"), "plain.jsonl")
    assert rows(path)[0]["text"].startswith('system: You read files.|user: What is in the files?|assistant: {"path"')
    assert list(result.left_out) == ["the template refuses it: no tools"]
    (tmp_path / "pair.json.jinja").write_text('{"q": {{ messages[1].content | tojson }}}')
    path, _ = exported(dataset, str(tmp_path / "pair.json.jinja"), "pair.jsonl")
    assert rows(path)[1] == {"q": "How long does green tea steep?"}


def test_an_installed_package_brings_a_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = tmp_path / "tea_formats-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: tea-formats\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[deepfabric.exports]\ntea = tea_formats:row\nbad = tea_formats:missing\n")
    (tmp_path / "tea_formats.py").write_text("def row(record):\n    return {'asked': record['question']}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    path, _ = exported(write(tmp_path / "tea.jsonl", answered()), "tea", "out.jsonl")
    assert rows(path) == [{"asked": "How long does green tea steep?"}]
    with pytest.raises(ConfigError, match="The format bad"):
        find_format("bad")
    with pytest.raises(ConfigError, match=r"no format coffee; there are trl, .*chatml, tea, bad"):
        find_format("coffee")
    sys.modules.pop("tea_formats")


def test_what_is_lost_names_the_records(tmp_path: Path) -> None:
    asked = {"messages": [{"role": "user", "content": "Hello?"}]}
    made_up = answered()
    made_up["metadata"]["simulated"] = True
    dataset = write(tmp_path / "tea.jsonl", asked, made_up, *[answered(f"{n}?", reasoning="Hm.") for n in range(7)])
    _, result = exported(dataset, "alpaca", "out.jsonl")
    assert list(export_summary(result)) == [f"{tmp_path / 'out.jsonl'} has 8 rows in the format alpaca."]
    assert list(export_notes(result)) == [
        "1 sample in it was made up by a simulated model.",
        "lost of 7 records (3, 4, 5, 6, 7 and 2 more): the reasoning. --reasoning think-tags keeps it in the text.",
        "left out 1 record (1): it doesn't end with an answer.",
    ]


@pytest.mark.parametrize(
    ("output", "name", "said"),
    [
        ("tea.jsonl", "trl", "is read for the export"),
        ("tea.csv", "trl", "ends in neither .jsonl nor .parquet"),
        ("folder", "sharegpt", "is read from files"),
        ("out.jsonl", "missing.jinja", "the template can't be read"),
    ],
)
def test_what_cannot_be_written_is_one_sentence(output: str, name: str, said: str, tmp_path: Path) -> None:
    dataset = write(tmp_path / "tea.jsonl", answered())
    before = dataset.read_bytes()
    with pytest.raises(ConfigError, match=said):
        exported(dataset, name, output)
    assert [path.name for path in tmp_path.iterdir()] == ["tea.jsonl"] and dataset.read_bytes() == before


@pytest.mark.parametrize(
    ("missing", "name", "output", "said"),
    [
        ("pyarrow", "trl", "out.parquet", "need pyarrow, which isn't installed; install it with: pip install datasets"),
        ("pyarrow", "trl", "folder", "need pyarrow"),
        ("jinja2", "mine.jinja", "out.jsonl", "Jinja isn't installed"),
    ],
)
def test_a_library_that_is_missing_is_one_sentence(
    missing: str, name: str, output: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.delitem(sys.modules, "deepfabric_core.export.arrow", raising=False)
    (tmp_path / "mine.jinja").write_text("{{ messages }}")
    dataset = write(tmp_path / "tea.jsonl", answered())
    with pytest.raises(ConfigError, match=said):
        exported(dataset, str(tmp_path / name) if name.endswith(".jinja") else name, output)
    assert not (tmp_path / "out.jsonl").exists() and not (tmp_path / "out.parquet").exists()


def test_a_place_that_cannot_be_written_is_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    dataset = write(tmp_path / "tea.jsonl", answered())
    (tmp_path / "blocked").write_text("a file where a folder should be")
    for output in ("blocked/out.jsonl", "blocked/out.parquet"):
        with pytest.raises(OutputError, match="can't be written"):
            exported(dataset, "trl", output)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["blocked", "tea.jsonl"]


def test_a_file_keeps_its_mode_and_a_link_its_target_and_what_a_killed_export_left_goes(tmp_path: Path) -> None:
    dataset = write(tmp_path / "tea.jsonl", answered())
    (tmp_path / "real").mkdir()
    target = write(tmp_path / "real" / "out.jsonl", {"old": True})
    target.chmod(0o644)
    (tmp_path / "out.jsonl").symlink_to(target)
    (tmp_path / "real" / ".out.jsonl.999999999.tmp").write_text("half a line")
    exported(dataset, "trl", "out.jsonl")
    assert (tmp_path / "out.jsonl").is_symlink() and len(rows(target)) == 1 and "messages" in rows(target)[0]
    assert target.stat().st_mode & 0o777 == 0o644
    assert [path.name for path in (tmp_path / "real").iterdir()] == ["out.jsonl"]


def test_rejected_samples_without_a_place_belong_to_no_sample(tmp_path: Path) -> None:
    dataset = write(tmp_path / "tea.jsonl", {"messages": answered()["messages"]})
    write(tmp_path / "tea.rejected.jsonl", {"gate": "judge", "check": "score", "sample": answered(answer="Hm.")})
    path, _ = exported(dataset, "trl-kto", "kto.jsonl")
    assert [row["label"] for row in rows(path)] == [True]


def test_lone_halves_of_characters_do_not_stop_an_export(tmp_path: Path) -> None:
    dataset = write(tmp_path / "tea.jsonl", answered(answer="A half: \ud83d", reasoning="\ud83d"), worked())
    exported(dataset, "trl", "out.parquet")
    path, _ = exported(dataset, "trl", "out.jsonl")
    assert len(rows(path)) == 2


def test_a_broken_line_leaves_the_older_export_as_it_was(tmp_path: Path) -> None:
    dataset = write(tmp_path / "tea.jsonl", answered())
    path, _ = exported(dataset, "trl", "out.jsonl")
    before = path.read_bytes()
    dataset.write_text(dataset.read_text() + "{broken")
    for output in ("out.jsonl", "out.parquet"):
        with pytest.raises(ConfigError, match="line 2"):
            exported(dataset, "trl", output)
    assert path.read_bytes() == before
    assert sorted(one.name for one in tmp_path.iterdir()) == ["out.jsonl", "tea.jsonl"]


def test_a_folder_with_other_files_gets_no_dataset_among_them(tmp_path: Path) -> None:
    dataset = write(tmp_path / "tea.jsonl", answered())
    folder = tmp_path / "factory"
    folder.mkdir()
    (folder / "dataset_info.json").write_text("{}")
    with pytest.raises(ConfigError, match="factory holds other files than a dataset; name a folder of its own"):
        exported(dataset, "trl", "factory")
    assert [one.name for one in folder.iterdir()] == ["dataset_info.json"]
    (folder / "dataset_info.json").unlink()
    for _ in range(2):
        assert exported(dataset, "trl", "factory")[1].rows == 1
