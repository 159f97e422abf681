"""A notebook's run that would replace the dataset of another config keeps that one first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from deepfabric_core import Event, Job
from deepfabric_core.events import Notice, StageStarted
from deepfabric_core.run.checkpoint.reuse import with_reuse
from deepfabric_core.store.review_log import reviews_path
from tests.core.run.checkpoint.test_reviewed import dataset, decide, job, run


def asked(place: Path, **sections: dict[str, object]) -> Job:
    """A job as a notebook asks for it, which finds its checkpoint by what decides the data."""
    return with_reuse(replace(job(place, **sections), checkpoint_path=None, keep=False, resume=False))


def other(place: Path) -> Job:
    return asked(place, generation={"instructions": "Be brief."})


def test_an_edited_prompt_says_so_first_and_keeps_the_dataset_and_what_is_about_it(place: Path) -> None:
    first = asked(place)
    run(first)
    before, old = dataset(first), first.dataset.read_bytes()
    decide(first, before[0])
    reviews = reviews_path(first.dataset).read_bytes()
    first.rejected.write_text("{}\n", encoding="utf-8")
    said: list[Event] = []
    run(other(place), tell=said.append)
    note = Notice("tea.jsonl has 9 samples of another run; it is kept as tea-2.jsonl")
    assert said.index(note) < next(place for place, event in enumerate(said) if isinstance(event, StageStarted))
    assert (place / "tea-2.jsonl").read_bytes() == old
    assert (place / "tea-2.reviews.jsonl").read_bytes() == reviews
    assert (place / "tea-2.rejected.jsonl").exists()
    assert len(dataset(first)) == 9 and not reviews_path(first.dataset).exists()


def test_a_config_that_comes_back_keeps_the_other_ones_dataset_in_turn(place: Path) -> None:
    run(asked(place))
    first = (place / "tea.jsonl").read_bytes()
    run(other(place))
    second = (place / "tea.jsonl").read_bytes()
    assert run(asked(place)).calls == 0
    assert (place / "tea.jsonl").read_bytes() == first == (place / "tea-2.jsonl").read_bytes()
    assert (place / "tea-3.jsonl").read_bytes() == second


def test_other_topics_alone_are_another_config_too(place: Path) -> None:
    run(asked(place))
    run(asked(place, topics={"prompt": "Coffee"}))
    assert (place / "tea-2.jsonl").exists()


def test_the_same_config_more_samples_a_resume_and_a_review_move_nothing(place: Path) -> None:
    run(asked(place))
    run(asked(place))
    run(asked(place, output={"num_samples": 12}), until=1)
    run(asked(place, output={"num_samples": 12}))
    decide(first := asked(place, output={"num_samples": 12}), dataset(asked(place))[3])
    run(first)
    assert run(asked(place, output={"num_samples": 5})).ending == "complete"
    assert not list(place.glob("tea-*"))


def test_nothing_is_moved_where_the_command_line_or_fresh_replaces_it(place: Path) -> None:
    run(asked(place))
    anew = replace(job(place, generation={"instructions": "Be brief."}), checkpoint_path=None, keep=False, resume=False)
    run(anew)
    run(replace(other(place), fresh=True, resume=False))
    assert not list(place.glob("tea-*"))


def test_a_name_that_anything_stands_in_the_way_of_is_not_taken(place: Path) -> None:
    run(asked(place))
    asked(place).failures.write_text("{}\n", encoding="utf-8")
    (place / "tea-2.jsonl").write_text("mine", encoding="utf-8")
    (place / "tea-3.failures.jsonl").write_text("mine", encoding="utf-8")
    run(other(place))
    assert (place / "tea-4.jsonl").exists() and (place / "tea-4.failures.jsonl").exists()
    assert (place / "tea-2.jsonl").read_text(encoding="utf-8") == "mine"


def test_a_run_that_takes_samples_over_takes_the_ones_that_were_made_again(place: Path) -> None:
    first = asked(place)
    run(first)
    decide(first, dataset(first)[2])
    run(asked(place))
    made_again = dataset(first)
    assert run(asked(place, topics={"max_tokens": 900})).calls == 4, "only topics are asked for again"
    assert dataset(first) == made_again
