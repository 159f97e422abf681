"""Samples that repeat one of another shard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.cluster.duplicates import ShardSamples, reject, repeated
from deepfabric_core.config.quality import Duplicates
from deepfabric_core.quality.candidate import candidate_of
from deepfabric_core.quality.sample_print import print_of
from deepfabric_core.samples.reading import key_of
from deepfabric_core.samples.reviews import sample_id
from deepfabric_core.store.print_file import PrintFile
from deepfabric_core.store.review_log import reviews_of
from tests.core.static_models import save_small_model


def sample(question: str, answer: str) -> dict[str, object]:
    messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    metadata = {"topic_id": question.split()[2], "topic_path": ["Tea", question], "cycle": 0}
    return {"messages": messages, "metadata": metadata}


def dataset(folder: Path, name: str, *samples: dict[str, object]) -> ShardSamples:
    path = folder / name
    path.write_text("".join(f"{json.dumps(one)}\n" for one in samples), encoding="utf-8")
    return ShardSamples(path)


GREEN = sample("How is green tea brewed?", "With water that has cooled down to eighty degrees, for two minutes.")
BLACK = sample(
    "How is black tea brewed?", "Boiling water is poured over the leaves, which stay in it for four minutes."
)
WHITE = sample(
    "What is white tea?", "Young buds that are only withered and dried, so that it tastes of little but flowers."
)


def test_the_later_of_two_equal_samples_of_different_shards_is_found(tmp_path: Path) -> None:
    shards = [dataset(tmp_path, "a", GREEN, BLACK), dataset(tmp_path, "b", WHITE, BLACK), dataset(tmp_path, "c")]
    found = repeated(shards, Duplicates())
    assert {place: [one.sample for one in decisions] for place, decisions in found.items()} == {1: [sample_id(BLACK)]}
    assert found[1][0].reason == "all its words are those of another sample"
    assert (found[1][0].topic_id, found[1][0].cycle) == ("black", 0)


@pytest.mark.parametrize("change", ["", "kept", "torn", "of another version"])
def test_prints_that_shards_have_kept_are_used_and_missing_ones_are_made(tmp_path: Path, change: str) -> None:
    (a, *_), (b, *_) = dataset(tmp_path, "a", GREEN, BLACK), dataset(tmp_path, "b", WHITE, BLACK)
    kept = PrintFile(tmp_path / "prints")
    for topic, record in (("white", WHITE), ("green", GREEN if change == "kept" else BLACK)):
        candidate = candidate_of(record)
        own = print_of(candidate)
        assert own is not None
        kept.append((topic, 0), candidate, own)
    kept.lines.close()
    content = (tmp_path / "prints").read_bytes()
    if change == "torn":
        (tmp_path / "prints").write_bytes(content[:-20])
    if change == "of another version":
        (tmp_path / "prints").write_bytes(b"x" + content[1:])
    before = (tmp_path / "prints").read_bytes()
    found = repeated([ShardSamples(a, tmp_path / "none"), ShardSamples(b, tmp_path / "prints")], Duplicates())
    assert {place: [one.sample for one in decisions] for place, decisions in found.items()} == {1: [sample_id(BLACK)]}
    assert (tmp_path / "prints").read_bytes() == before


def with_prints(shard: ShardSamples, *samples: dict[str, object]) -> ShardSamples:
    path = shard.dataset.with_suffix(".prints")
    kept = PrintFile(path)
    for record in samples:
        candidate, key = candidate_of(record), key_of(cast("dict[str, Any]", record["metadata"]))
        own = print_of(candidate)
        if key is not None and own is not None:
            kept.append(key, candidate, own)
    kept.lines.close()
    return ShardSamples(shard.dataset, path, len(samples))


def test_where_all_prints_are_known_only_shards_are_read_with_samples_that_may_repeat_others(tmp_path: Path) -> None:
    contents = [(GREEN, BLACK), (WHITE,), (BLACK, sample("Is yellow tea sold?", "Seldom, for it takes much work."))]
    shards = [with_prints(dataset(tmp_path, f"{n}.jsonl", *own), *own) for n, own in enumerate(contents)]
    shards[1].dataset.unlink()
    found = repeated(shards, Duplicates())
    assert {place: [one.sample for one in decisions] for place, decisions in found.items()} == {2: [sample_id(BLACK)]}
    with pytest.raises(FileNotFoundError):
        repeated([shards[0], shards[1]._replace(made=2)], Duplicates())


WORDS = st.lists(st.sampled_from(["green", "black", "cup", "pot", "leaf"]), min_size=5, max_size=9).map(" ".join)


@given(st.lists(st.lists(WORDS, max_size=4, unique=True), min_size=2, max_size=4))
def test_the_same_samples_are_found_whether_prints_are_known_or_not(
    tmp_path_factory: pytest.TempPathFactory, texts: list[list[str]]
) -> None:
    folder = tmp_path_factory.mktemp("shards")
    contents = [[sample(f"About what {n}: {text}?", text) for n, text in enumerate(own)] for own in texts]
    read = [dataset(folder, f"{n}.jsonl", *own) for n, own in enumerate(contents)]
    known = [with_prints(shard, *own) for shard, own in zip(read, contents, strict=True)]

    def found(shards: list[ShardSamples]) -> dict[int, list[str]]:
        return {place: [one.sample for one in them] for place, them in repeated(shards, Duplicates()).items()}

    assert found(known) == found(read)


def test_equal_samples_of_one_shard_are_left_to_its_own_run(tmp_path: Path) -> None:
    assert repeated([dataset(tmp_path, "a", GREEN, GREEN), dataset(tmp_path, "b", BLACK)], Duplicates()) == {}


def test_a_sample_that_means_the_same_as_one_of_another_shard_is_found_if_meanings_are_compared(tmp_path: Path) -> None:
    pytest.importorskip("model2vec")
    save_small_model(tmp_path / "model")
    mend, fix = (
        sample("how do I repair a bike", "fix the puncture"),
        sample("how can I mend my bicycle", "repair the flat"),
    )
    bread = sample("how do I bake a loaf", "baking of bread")
    shards = [dataset(tmp_path, "a", mend), dataset(tmp_path, "b", bread, fix), dataset(tmp_path, "c", bread)]
    found = repeated(shards, Duplicates(embeddings=str(tmp_path / "model")))
    assert {place: [one.sample for one in decisions] for place, decisions in found.items()} == {
        1: [sample_id(fix)],
        2: [sample_id(bread)],
    }
    assert "means" in found[1][0].reason
    assert repeated(shards[:2], Duplicates()) == {}


def test_what_is_refused_is_a_rejection_in_the_shards_own_reviews(tmp_path: Path) -> None:
    shards = [dataset(tmp_path, "a.jsonl", GREEN), dataset(tmp_path, "b.jsonl", GREEN)]
    reject(shards[1].dataset, repeated(shards, Duplicates())[1])
    review = reviews_of(shards[1].dataset).rejected()[sample_id(GREEN)]
    assert "different" in review.advice
    assert not reviews_of(shards[0].dataset).rejected()
