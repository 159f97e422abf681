"""Splits: shares are met in every branch, a topic never changes sides, and nothing is tested that was learned."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.errors import ConfigError
from deepfabric_core.export.export import ExportRequest, ExportResult, export
from deepfabric_core.export.formats import BUILT_IN
from deepfabric_core.export.repetitions import move_repetitions
from deepfabric_core.export.splits import Group, SplitRules, group_of, shares_of, sides_of
from deepfabric_core.export.summary import export_notes
from deepfabric_core.quality.candidate import candidate_of
from deepfabric_core.quality.sample_print import print_of
from tests.core.export.samples import Record, answered, rows, write

RULES = SplitRules({"train": 0.8, "validation": 0.1, "test": 0.1})
_GROUPS = st.dictionaries(st.integers(0, 500).map(str), st.sampled_from(("green", "black", "white")), max_size=60)


def groups(branches: dict[str, str]) -> dict[Group, int]:
    return {Group(key, branch): 1 for key, branch in branches.items()}


@given(_GROUPS, _GROUPS)
def test_a_topic_never_changes_sides_when_the_dataset_grows(first: dict[str, str], more: dict[str, str]) -> None:
    before = sides_of(groups(first), RULES, {})
    after = sides_of(groups({**more, **first}), RULES, before)
    assert {key: after[key] for key in before} == before


@given(_GROUPS)
def test_shares_are_met_in_the_whole_and_in_every_branch(branches: dict[str, str]) -> None:
    sides = sides_of(groups(branches), RULES, {})
    assert sides == sides_of(groups(dict(reversed(branches.items()))), RULES, {})
    for branch in (None, *set(branches.values())):
        own = [side for key, side in sides.items() if branch in (None, branches[key])]
        for side, count in ((side, own.count(side)) for side in RULES.shares):
            assert abs(count - RULES.shares[side] * len(own)) <= 2


def test_samples_of_a_topic_stay_together_and_held_out_branches_go_to_test() -> None:
    rules = SplitRules({"train": 0.5, "test": 0.5}, held_out=("Oolong",))
    held = group_of(answered(branch="Oolong"), rules)
    assert held.is_held_out and held.branch == "Oolong"
    sides = sides_of({held: 5, Group("a", "Green"): 1, Group("b", "Green"): 1}, rules, {held.key: "train"})
    assert sides[held.key] == "test" and {sides["a"], sides["b"]} == {"train", "test"}
    assert group_of(answered(topic="x"), rules) == group_of(answered("Another?", topic="x"), rules)
    assert group_of({**answered(), "source": {"url": "b"}}, SplitRules({"a": 1.0}, "source")).key == '{"url": "b"}'


def test_questions_stay_together_at_random() -> None:
    rules = SplitRules({"train": 0.5, "test": 0.5}, "random")
    one, other = answered("Why?", "So.", topic="x"), answered("Why?", "Thus.", topic="y")
    assert group_of(one, rules) == group_of(other, rules) != group_of(answered("How?"), rules)


def test_what_repeats_a_sample_of_an_earlier_side_is_moved_there_and_draws_others() -> None:
    texts = [
        "Rinse the pot with hot water, put in two spoons of leaves, and wait for three minutes before you pour it out.",
        "Rinse the pot with hot water, put in two spoons of leaves, and wait for three minutes before you pour some.",
        "Keep black tea in a closed tin away from light, spices and the stove, and it stays good two years or more.",
        "Keep black tea in a closed tin away from light, spices and the stove, and it stays good two years or so.",
        "White tea is picked early in spring while its buds are still closed and covered with fine silver hair.",
    ]
    asked = ("How?", "And how?", "Where?", "Where to?", "When?")
    prints = [print_of(candidate_of(answered(*pair))) for pair in zip(asked, texts, strict=True)]
    ranks = bytearray([1, 3, 2, 0, 3])
    moves = move_repetitions(prints, ranks)
    assert list(ranks) == [1, 1, 0, 0, 3]
    assert moves.counts == {(3, 1): 1, (2, 0): 1}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("train", "'train' isn't a side with its share"),
        ("train=0.9,train=0.1", "'train=0.1' isn't a side"),
        ("train=all", "'train=all' isn't a side"),
        ("train=0.9,test=-0.1", "'test=-0.1' isn't a side"),
        ("../up=1", "isn't a side"),
        ("train=nan", "isn't a side"),
        ("train=0.9,test=0.2", "add up to 1.1; make it 1"),
        ("", "isn't a side"),
    ],
)
def test_shares_that_cannot_be_meant_are_one_sentence(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        shares_of(text)


_NOUNS = ("kettle", "leaf", "cup", "spoon", "tin", "water", "filter", "tray", "pot", "lid")


def dataset(path: Path, topics: int) -> Path:
    """Two samples for each of some topics, no two of which are alike."""
    records: list[Record] = []
    for number in range(topics):
        for cycle in range(2):
            said = " ".join(f"{noun}{number}x{cycle}" for noun in _NOUNS)
            own = answered(f"About {said}?", f"It is {said}.", topic=str(number), branch=("Green", "Black")[number % 2])
            records.append(own)
    return write(path, *records)


def divided(path: Path, rules: SplitRules, output: str = "out", name: str = "trl") -> ExportResult:
    chosen = BUILT_IN[name]
    return export(ExportRequest(path, chosen, path.parent / output, chosen.default_reasoning, rules))


def questions(path: Path) -> set[str]:
    return {row["messages"][1]["content"] for row in rows(path)}


def test_a_split_is_a_file_a_side_and_stays_as_it_was_when_the_dataset_grows(tmp_path: Path) -> None:
    rules = SplitRules(shares_of("train=0.8,test=0.2"))
    path = dataset(tmp_path / "tea.jsonl", 20)
    result = divided(path, rules)
    assert {file.name: count for file, count in result.files.items()} == {"train.jsonl": 32, "test.jsonl": 8}
    before = {side: questions(tmp_path / "out" / f"{side}.jsonl") for side in rules.shares}
    dataset(path, 40)
    grown = divided(path, rules)
    for side, asked in before.items():
        assert asked <= questions(tmp_path / "out" / f"{side}.jsonl")
    assert next(export_notes(grown)) == "20 topics kept the side that splits.json has; delete it to divide afresh."
    assert Counter(grown.files.values()) == {64: 1, 16: 1}
    assert len(json.loads((tmp_path / "out" / "splits.json").read_text())["sides"]["test"]) == 8


def test_a_sample_of_test_that_train_has_too_is_moved_and_told(tmp_path: Path) -> None:
    rules = SplitRules({"train": 0.5, "test": 0.5})
    path = dataset(tmp_path / "tea.jsonl", 10)
    divided(path, rules)
    records = rows(path)
    learned = rows(tmp_path / "out" / "train.jsonl")[0]["messages"]
    tested = rows(tmp_path / "out" / "test.jsonl")[0]["messages"][1]["content"]
    copy = next(record for record in records if record["question"] == tested)
    again = {**copy, "messages": learned, "question": learned[1]["content"], "final_answer": learned[2]["content"]}
    write(path, *records, again)
    result = divided(path, rules)
    assert next(export_notes(result)) == (
        "1 sample of test repeats a sample of train, exactly or nearly, and was moved there."
    )
    assert not questions(tmp_path / "out" / "train.jsonl") & questions(tmp_path / "out" / "test.jsonl")


def test_held_out_branches_are_not_learned_from(tmp_path: Path) -> None:
    path = dataset(tmp_path / "tea.jsonl", 10)
    result = divided(path, SplitRules({"train": 0.8, "test": 0.2}, held_out=("Black",)), "out/{split}.parquet")
    assert {file.name: count for file, count in result.files.items()} == {"train.parquet": 8, "test.parquet": 12}


def test_folders_of_datasets_and_llama_factory_know_the_sides(tmp_path: Path) -> None:
    import datasets  # type: ignore[import-untyped]

    path = dataset(tmp_path / "tea.jsonl", 10)
    rules = SplitRules({"train": 0.8, "test": 0.2})
    divided(path, rules, "arrow/{split}")
    found = datasets.load_from_disk(str(tmp_path / "arrow"))
    assert {side: len(part) for side, part in found.items()} == {"train": 16, "test": 4}
    divided(path, rules, "lf", "sharegpt")
    facts = json.loads((tmp_path / "lf" / "dataset_info.json").read_text())
    assert {name: fact["file_name"] for name, fact in facts.items()} == {
        "tea_train": "train.jsonl",
        "tea_test": "test.jsonl",
    }
    divided(path, rules, "lf/{split}/tea.parquet", "alpaca")
    facts = json.loads((tmp_path / "lf" / "dataset_info.json").read_text())
    assert facts["tea_train"]["file_name"] == "train/tea.parquet" and (tmp_path / "lf" / "splits.json").exists()


@pytest.mark.parametrize(
    ("rules", "output", "said"),
    [
        (SplitRules({"train": 0.999, "test": 0.001}), "out", "test would be empty, as there are only 4 topics"),
        (SplitRules({"train": 0.5, "test": 0.5}, held_out=("Oolong",)), "out", "no sample has a topic 'Oolong'"),
        (SplitRules({"train": 0.5, "test": 0.5}, held_out=("Tea",)), "out", "all samples are held out"),
        (SplitRules({"train": 0.5, "test": 0.5}), "out.jsonl", r"name a folder, or .*out.\{split\}.jsonl"),
    ],
)
def test_a_split_that_cannot_be_meant_writes_nothing(rules: SplitRules, output: str, said: str, tmp_path: Path) -> None:
    path = dataset(tmp_path / "tea.jsonl", 4)
    with pytest.raises(ConfigError, match=said):
        divided(path, rules, output)
    assert [one.name for one in tmp_path.iterdir()] == ["tea.jsonl"]


def test_a_damaged_record_of_an_earlier_split_is_one_sentence(tmp_path: Path) -> None:
    path = dataset(tmp_path / "tea.jsonl", 4)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "splits.json").write_text('{"by": "topic", "sides": [1]}')
    with pytest.raises(ConfigError, match=r"splits.json: the record of an earlier split is damaged"):
        divided(path, SplitRules({"train": 0.5, "test": 0.5}))
