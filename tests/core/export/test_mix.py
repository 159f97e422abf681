"""Datasets are mixed by weights or shares; what repeats an earlier one is left out, and each row says its source."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from deepfabric_core.errors import ConfigError
from deepfabric_core.export.export import ExportRequest, ExportResult, export
from deepfabric_core.export.find_format import find_format
from deepfabric_core.export.mix import Mix, parts_of
from deepfabric_core.export.splits import SplitRules
from deepfabric_core.export.summary import export_notes
from tests.core.conftest import Run
from tests.core.export.samples import Record, rows, write

WORDS = ("tea", "leaf", "water", "cup", "steep", "green", "black", "pot", "kettle", "warm", "cold", "sugar", "milk")


def chats(name: str, count: int, *, as_sharegpt: bool = False) -> list[Record]:
    found: list[Record] = []
    for number in range(count):
        draw = random.Random(f"{name}{number}")
        question, answer = " ".join(draw.choices(WORDS, k=12)), f"{' '.join(draw.choices(WORDS, k=25))} {name}{number}"
        turns = [{"from": "human", "value": question}, {"from": "gpt", "value": answer}]
        found.append({"conversations": turns} if as_sharegpt else {"question": question, "answer": answer})
    return found


@pytest.fixture
def datasets(place: Path) -> Path:
    a = chats("a", 40)
    nearly = [{**one, "answer": f"{one['answer']}!"} for one in a[:5]]
    write(place / "a.jsonl", *a)
    write(place / "b.jsonl", *chats("b", 30, as_sharegpt=True), *nearly)
    write(place / "c.jsonl", *chats("c", 10))
    return place


def mixed(*texts: str, output: str = "mix.jsonl", to: str = "trl", seed: int = 0, **more: Any) -> ExportResult:
    parts = parts_of(texts)
    mix = Mix(parts, seed, more.pop("keeps_duplicates", False))
    chosen = find_format(to)
    return export(ExportRequest(parts[0].path, chosen, Path(output), chosen.default_reasoning, mix=mix, **more))


def sources(path: str = "mix.jsonl") -> Counter[str]:
    return Counter(row["source"] for row in rows(Path(path)))


def test_all_is_taken_but_what_repeats_an_earlier_dataset(datasets: Path) -> None:
    result = mixed("a.jsonl", "b.jsonl", "c.jsonl")
    assert sources() == {"a.jsonl": 40, "b.jsonl": 30, "c.jsonl": 10}
    assert [part.repeats for part in result.taken] == [0, 5, 0]
    assert "30 of 35 samples are taken of b.jsonl; 5 repeat a sample of an earlier dataset." in list(
        export_notes(result)
    )
    mixed("b.jsonl", "a.jsonl")
    assert sources() == {"b.jsonl": 35, "a.jsonl": 35}
    mixed("a.jsonl", "b.jsonl", keeps_duplicates=True)
    assert sources() == {"a.jsonl": 40, "b.jsonl": 35}


def test_weights_say_how_often_a_dataset_is_taken(datasets: Path) -> None:
    result = mixed("a.jsonl=0.25", "b.jsonl=1", "c.jsonl=2.5")
    assert sources() == {"a.jsonl": 10, "b.jsonl": 30, "c.jsonl": 25}
    answers = Counter(row["messages"][-1]["content"] for row in rows(Path("mix.jsonl")))
    assert sorted(answers.values()) == [1] * 40 + [2] * 5 + [3] * 5
    assert "10 of 10 samples are taken of c.jsonl, up to 3 times each." in list(export_notes(result))


def test_shares_say_how_much_of_the_mix_a_dataset_is(datasets: Path) -> None:
    mixed("a.jsonl=75%", "c.jsonl=25%")
    assert sources() == {"a.jsonl": 30, "c.jsonl": 10}


def test_a_mix_is_the_same_each_time_and_another_one_with_another_seed(datasets: Path) -> None:
    made = []
    for seed in (1, 1, 2):
        mixed("a.jsonl=0.5", "b.jsonl=0.5", seed=seed)
        made.append(Path("mix.jsonl").read_bytes())
    assert made[0] == made[1] != made[2]


def test_what_was_taken_stays_when_a_dataset_grows(datasets: Path) -> None:
    mixed("a.jsonl=0.5", "c.jsonl")
    before = {row["messages"][0]["content"] for row in rows(Path("mix.jsonl"))}
    write(datasets / "a.jsonl", *chats("a", 44))
    mixed("a.jsonl=0.5", "c.jsonl")
    after = {row["messages"][0]["content"] for row in rows(Path("mix.jsonl"))}
    assert len(before - after) <= 3


def test_datasets_are_spread_evenly_over_the_mix(datasets: Path) -> None:
    mixed("a.jsonl", "c.jsonl")
    names = [row["source"] for row in rows(Path("mix.jsonl"))]
    assert all(3 <= names[begin : begin + 5].count("a.jsonl") <= 5 for begin in range(0, 50, 5))


def test_a_source_that_a_record_names_stays(place: Path) -> None:
    write(place / "a.jsonl", {"question": "Q?", "answer": "A.", "source": "web"})
    write(place / "b.jsonl", {"question": "Why is that so?", "answer": "It is."})
    mixed("a.jsonl", "b.jsonl")
    assert [row["source"] for row in rows(Path("mix.jsonl"))] == ["web", "b.jsonl"]
    mixed("a.jsonl", "b.jsonl", to="openai")
    assert all("source" not in row for row in rows(Path("mix.jsonl")))


def test_a_mix_is_split_by_source_and_a_record_that_loses_something_is_named_with_its_dataset(datasets: Path) -> None:
    rules = SplitRules({"train": 0.5, "test": 0.5}, "source")
    mixed("a.jsonl", "b.jsonl", output="sides", split=rules)
    sides = [sources(f"sides/{side}.jsonl") for side in rules.shares]
    assert sorted(name for side in sides for name in side) == ["a.jsonl", "b.jsonl"]
    write(datasets / "d.jsonl", {"question": "Odd?", "chain_of_thought": "Hm.", "final_answer": "Even."})
    result = mixed("a.jsonl", "d.jsonl", to="openai")
    assert any("lost of 1 record (d.jsonl 1): the reasoning." in note for note in export_notes(result))


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (("a.jsonl", "b.jsonl=x"), "'x' is no weight"),
        (("a.jsonl", "b.jsonl=0"), "'0' is no weight"),
        (("a.jsonl=50%", "b.jsonl"), "Give all datasets a share"),
        (("a.jsonl=50%", "b.jsonl=40%"), "The shares add up to 90 %"),
        (("a.jsonl", "a.jsonl"), "a.jsonl adds nothing to the mix"),
        (("a.jsonl", "missing.jsonl"), "missing.jsonl: the dataset can't be read"),
        (("a.jsonl", "rate=0.1/b.jsonl"), "rate=0.1/b.jsonl: the dataset can't be read"),
    ],
)
def test_what_is_wrong_with_a_mix_is_one_sentence(texts: tuple[str, ...], said: str, datasets: Path) -> None:
    with pytest.raises(ConfigError, match=said):
        mixed(*texts)
    assert not Path("mix.jsonl").exists()


def test_the_command_mixes_what_it_is_given(deepfabric: Run, datasets: Path) -> None:
    done = deepfabric("export", "a.jsonl", "c.jsonl=0.5", "--to", "trl", "--seed", "3")
    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        "mix.trl.jsonl has 45 rows in the format trl.",
        "Note: 40 of 40 samples are taken of a.jsonl.",
        "Note: 5 of 10 samples are taken of c.jsonl.",
    ]
