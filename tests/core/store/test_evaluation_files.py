"""Evaluation sets are found where a user has them, in every format, and nowhere else."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deepfabric_core.errors import ConfigError
from deepfabric_core.quality.candidate import Candidate
from deepfabric_core.quality.contamination import ContaminationIndex
from deepfabric_core.store.evaluation_files import FOLDER_VARIABLE, evaluation_items, evaluation_set
from tests import ROOT

Q1 = "How many wheels does a bicycle with two trailers have if each trailer has two wheels?"
Q2 = "Which tool does a mechanic take to true a rim that wobbles from side to side?"
RECORDS = [{"question": Q1, "answer": "Six."}, {"question": Q2, "answer": "A spoke wrench."}]


def jsonl(path: Path, records: list[dict[str, Any]] = RECORDS) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
    return path


def as_json(path: Path) -> None:
    path.write_text(json.dumps(RECORDS, indent=1), encoding="utf-8")


def as_csv(path: Path) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, ["question", "answer"], delimiter="\t" if path.suffix == ".tsv" else ",")
        writer.writeheader()
        writer.writerows(RECORDS)


def as_rows(path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([[Q1, "5", "6", "B"], [Q2, "a wrench", "a hammer", "A"]])


def as_lines(path: Path) -> None:
    path.write_text(f"{Q1}\n\n{Q2}\n", encoding="utf-8")


def as_parquet(path: Path) -> None:
    import pyarrow as pa  # type: ignore[import-untyped]
    from pyarrow import parquet

    parquet.write_table(pa.Table.from_pylist(RECORDS), path)


def as_arrow(path: Path) -> None:
    import pyarrow as pa

    table = pa.Table.from_pylist(RECORDS)
    with path.open("wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table)


def questions(*against: str, folder: Path | None = None, **environment: object) -> list[tuple[str, str, str]]:
    """Set, place and first text of each item that is found."""
    here = {"HF_HOME": "nowhere", **{name: str(value) for name, value in environment.items()}}
    items = evaluation_items(against, str(folder) if folder else None, here)
    return [(one.source, one.place, one.texts[0]) for one in items]


def refused(name: str, folder: Path | None = None, **environment: object) -> str:
    with pytest.raises(ConfigError) as told:
        questions(name, folder=folder, **environment)
    assert "\n" not in str(told.value)
    return str(told.value)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("mine.jsonl", jsonl),
        ("mine.NDJSON", jsonl),
        ("mine.json", as_json),
        ("mine.csv", as_csv),
        ("mine.tsv", as_csv),
        ("rows.csv", as_rows),
        ("mine.parquet", as_parquet),
        ("mine.arrow", as_arrow),
    ],
)
def test_a_file_is_read_by_its_ending(tmp_path: Path, name: str, write: Any) -> None:
    write(path := tmp_path / name)
    assert questions(str(path)) == [(name, "item 1", Q1), (name, "item 2", Q2)]


def test_a_text_has_an_item_a_line(tmp_path: Path) -> None:
    as_lines(path := tmp_path / "mine.txt")
    assert questions(str(path)) == [("mine.txt", "item 1", Q1), ("mine.txt", "item 3", Q2)]


def test_what_is_read_finds_a_copy(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "mine.jsonl")
    found = ContaminationIndex(evaluation_items([str(path)])).finding(Candidate(Q2, "A spoke wrench."))
    assert found is not None and "those of mine.jsonl, item 2" in found.reason


@pytest.mark.parametrize(
    "name",
    [
        "gsm8k.jsonl",
        "GSM8K_test.jsonl",
        "gsm8k-validation.json",
        "gsm8k_eval_train.jsonl",
        "gsm8k/main/test.jsonl",
        "openai_gsm8k/a.jsonl",
    ],
)
def test_a_benchmark_is_found_in_the_folder_of_the_config_or_of_the_environment(tmp_path: Path, name: str) -> None:
    jsonl(tmp_path / "evals" / name)
    jsonl(tmp_path / "evals" / "gsm8k_hard_variant.md")
    for found in (
        questions("gsm8k", folder=tmp_path / "evals"),
        questions("GSM-8K", **{FOLDER_VARIABLE: tmp_path / "evals"}),
    ):
        assert [(source, text) for source, _, text in found] == [("gsm8k", Q1), ("gsm8k", Q2)]


def test_a_benchmark_of_several_files_says_in_which_an_item_is(tmp_path: Path) -> None:
    jsonl(tmp_path / "mmlu" / "anatomy_test.jsonl", RECORDS[:1])
    jsonl(tmp_path / "mmlu" / "virology_test.jsonl", RECORDS[1:])
    places = [place for _, place, _ in questions("mmlu", folder=tmp_path)]
    assert places == ["anatomy_test.jsonl, item 1", "virology_test.jsonl, item 1"]


def test_splits_for_training_count_only_if_there_is_no_other(tmp_path: Path) -> None:
    train, test = (jsonl(tmp_path / "gsm8k" / f"{split}-00000-of-00001.jsonl") for split in ("train", "test"))
    assert evaluation_set("gsm8k", str(tmp_path), {}).files == (test,)
    test.unlink()
    assert evaluation_set("gsm8k", str(tmp_path), {}).files == (train,)


def test_a_dataset_is_found_where_the_datasets_package_keeps_it(tmp_path: Path) -> None:
    place = tmp_path / "datasets" / "google___if_eval" / "default" / "0.0.0" / "ab12"
    place.mkdir(parents=True)
    for name in ("if_eval-test.arrow", "if_eval-train.arrow", "cache-123.arrow"):
        as_arrow(place / name)
    (place / "dataset_info.json").write_text("{}", encoding="utf-8")
    for name in ("hf:google/IFEval", "ifeval", "hf:google/IFEval/default"):
        assert [text for _, _, text in questions(name, HF_HOME=tmp_path)] == [Q1, Q2]
    assert questions("hf:google/IFEval", HF_DATASETS_CACHE=tmp_path / "datasets")


def test_a_dataset_is_found_where_downloads_are_kept(tmp_path: Path) -> None:
    place = tmp_path / "hub" / "datasets--cais--mmlu" / "snapshots" / "ab12"
    (place / "anatomy").mkdir(parents=True)
    (place / "all").mkdir()
    (place / "README.md").write_text("words", encoding="utf-8")
    as_parquet(place / "anatomy" / "test-00000-of-00001.parquet")
    as_parquet(place / "all" / "auxiliary_train-00000-of-00001.parquet")
    assert [source for source, _, _ in questions("hf:cais/mmlu/anatomy", HF_HOME=tmp_path)] == ["cais/mmlu/anatomy"] * 2
    assert len(questions("hf:cais/mmlu", HF_HUB_CACHE=tmp_path / "hub")) == 2
    assert len(questions("mmlu", HF_HOME=tmp_path)) == 2
    assert "isn't in a local cache" in refused("hf:cais/mmlu/virology", HF_HOME=tmp_path)


def test_what_is_not_there_is_refused_with_how_to_get_it(tmp_path: Path) -> None:
    said = refused("gsm8k", folder=tmp_path)
    assert str(tmp_path) in said and "`hf download --repo-type dataset openai/gsm8k`" in said and "gsm8k.jsonl" in said
    assert FOLDER_VARIABLE in refused("mmlu")
    assert "`hf download --repo-type dataset me/mine`" in refused("hf:me/mine")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gsm8", "did you mean gsm8k?"),
        ("nothing of the kind", "Name a file, hf:owner/name, or one of aime, arc,"),
        ("no/such/file.jsonl", "the file doesn't exist"),
        ("missing.jsonl", "the file doesn't exist"),
        ("x" * 5000 + ".jsonl", "the file doesn't exist"),
        ("\0.jsonl", "the file doesn't exist"),
        ("", "there is no such evaluation set"),
        ("hf:", "write hf:owner/name"),
        ("hf:a/b/c/d", "write hf:owner/name"),
    ],
)
def test_a_name_that_means_nothing_is_refused(name: str, said: str) -> None:
    assert said in refused(name)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.jsonl", b'{"question": "x"}\n{oops\n', "line 2"),
        ("a.jsonl", b"[1, 2]", "no JSON object"),
        ("a.jsonl", b"", "holds no text"),
        ("a.jsonl", b'{"n": 1}\n', "holds no text"),
        ("a.csv", b"\xff\xfe\x00", "isn't UTF-8"),
        ("a.txt", b"\xff\xfe\x00", "isn't UTF-8"),
        ("a.txt", b"\n \n", "holds no text"),
        ("a.parquet", b"nonsense", "no Parquet file"),
        ("a.arrow", b"nonsense", "no Arrow file"),
        ("a.docx", b"nonsense", "isn't known how to read it"),
    ],
)
def test_a_file_that_is_no_evaluation_set_is_refused(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (path := tmp_path / name).write_bytes(content)
    message = refused(str(path))
    assert said in message and name in message


def test_no_package_that_could_download_is_imported(tmp_path: Path) -> None:
    place = tmp_path / "hub" / "datasets--openai--gsm8k" / "snapshots" / "ab12"
    place.mkdir(parents=True)
    as_parquet(place / "test.parquet")
    script = (
        "import sys; from deepfabric_core.store.evaluation_files import evaluation_items; "
        f"assert list(evaluation_items(['hf:openai/gsm8k'], None, {{'HF_HOME': {str(tmp_path)!r}}})); "
        "print({'datasets', 'huggingface_hub', 'requests', 'httpx', 'aiohttp', 'urllib3'} & sys.modules.keys())"
    )
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout == "set()\n"
