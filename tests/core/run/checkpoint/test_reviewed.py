"""Samples that people rejected are made again when a run goes on, and nothing is lost or counted twice by that."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from deepfabric_core import Event, Job, RunState, Stop, generate, load
from deepfabric_core.events import Notice, SampleFinished
from deepfabric_core.run.checkpoint.registry import KeptRun
from deepfabric_core.run.checkpoint.status import checkpoint_status
from deepfabric_core.run.results import results
from deepfabric_core.run.watch.follow import follow
from deepfabric_core.samples.reviews import Decision, sample_id
from deepfabric_core.store.append_log import whole_lines
from deepfabric_core.store.review_log import ReviewLog, reviews_path
from tests.core.conftest import local_llm
from tests.provider import Faults, LocalProvider

Record = dict[str, Any]
SCHEMA = {"type": "object", "properties": {"fact": {"type": "string"}}, "required": ["fact"]}


def job(place: Path, **sections: Mapping[str, object]) -> Job:
    """Nine samples of the simulated model, whose checkpoint is kept as a notebook's is."""
    config: dict[str, dict[str, object]] = {
        "llm": {"provider": "simulated"},
        "topics": {"prompt": "Tea", "depth": 2, "degree": 3},
        "generation": {"system_prompt": "You teach."},
        "output": {"save_as": str(place / "tea.jsonl"), "num_samples": "auto", "batch_size": 2},
    }
    for name, keys in sections.items():
        config[name] = {**config.get(name, {}), **keys}
    asked = Job(load(yaml.safe_dump(config), source="here").config, checkpoint_path=place / "kept", keep=True)
    return Job(asked.config, checkpoint_path=asked.checkpoint_path, keep=True, resume=True, retry_failed=True)


def run(work: Job, *, until: int | None = None, tell: Callable[[Event], None] | None = None) -> RunState:
    stop, made = Stop(), 0

    def watch(event: Event) -> None:
        nonlocal made
        made += isinstance(event, SampleFinished)
        if until is not None and made >= until:
            stop.request()
        if tell:
            tell(event)

    return asyncio.run(generate(work, emit=watch, stop=stop))


def dataset(work: Job) -> list[Record]:
    return list(whole_lines(work.dataset))


def decide(work: Job, record: Record, action: Any = "reject", **said: Any) -> Decision:
    log = ReviewLog(reviews_path(work.dataset))
    decision = Decision(f"d{len(log.reviews.decisions)}", sample_id(record), action, "ann", 1.0, **said)
    log.add(decision)
    return decision


def texts(records: list[Record]) -> list[str]:
    return [sample_id(record) for record in records]


def places(records: list[Record]) -> list[tuple[str, int]]:
    return [(record["metadata"]["topic_id"], record["metadata"]["cycle"]) for record in records]


def test_rejected_samples_are_made_again_in_their_places_and_the_others_stay_as_they_are(place: Path) -> None:
    work = job(place)
    run(work)
    before = dataset(work)
    for index in (2, 5):
        decide(work, before[index])
    said: list[Event] = []
    state = run(work, tell=said.append)
    after = dataset(work)
    assert state.ending == "complete" and state.samples_done == 9
    assert places(after) == places(before)
    assert [index for index in range(9) if texts(after)[index] != texts(before)[index]] == [2, 5]
    assert Notice("2 samples rejected in review: to be made again") in said
    kept_apart = list(whole_lines(work.rejected))
    assert [line["sample"] for line in kept_apart] == [before[2], before[5]]
    assert {(line["gate"], line["check"], line["attempts"]) for line in kept_apart} == {("review", "review", 0)}
    assert run(work).calls == 0, "what was made again has no verdict, and isn't made a third time"
    assert dataset(work) == after


def test_a_model_is_told_what_the_reviewer_said(place: Path, provider: LocalProvider) -> None:
    work = job(place, llm=local_llm(provider), quality={"duplicates": "off"})
    run(work)
    told = len(provider.requests)
    decide(work, dataset(work)[0], reason="wrong  unit", instruction="Use\nmetres.")
    run(work)
    asked = [body["messages"][-1]["content"] for body in provider.requests[told:]]
    assert asked and all(
        "Mind that an earlier attempt was refused: a reviewer rejected it (wrong unit) and asks for this instead: Use "
        "metres." in one
        for one in asked
    )


SAME = json.dumps({"question": "Why is tea brown?", "answer": "Since its leaves are dried after they were picked."})


def test_the_very_text_that_was_rejected_is_refused_at_most_so_often(place: Path) -> None:
    with LocalProvider(Faults(), lambda _: SAME) as stubborn:
        work = job(
            place,
            llm={"provider": "simulated"},
            topics={"depth": 1, "degree": 2},
            generation={"llm": local_llm(stubborn)},
            quality={"checks": "none", "duplicates": "off", "attempts": 3},
        )
        run(work)
        before = dataset(work)
        decide(work, before[0], reason="dull")
        state = run(work)
    assert state.ending == "aborted", "both samples say what was rejected"
    again = [line for line in whole_lines(work.checkpoint_files().rejected) if line["check"] == "same as rejected"]
    assert len(again) == 2 * (1 + 3)
    assert dataset(work) == before, "a dataset of nothing isn't written over one"


def test_the_very_text_is_kept_in_the_end_where_the_config_says_so_and_counts_as_rejected_again(place: Path) -> None:
    with LocalProvider(Faults(), lambda _: SAME) as stubborn:
        quality = {"checks": "none", "duplicates": "off", "attempts": 1, "on_exhausted": "keep"}
        work = job(
            place,
            llm={"provider": "simulated"},
            topics={"depth": 1, "degree": 2},
            generation={"llm": local_llm(stubborn)},
            output={"num_samples": 1},
            quality=quality,
        )
        run(work)
        decide(work, dataset(work)[0])
        assert run(work).ending == "complete"
    status = checkpoint_status(work)
    assert status is not None and status.to_make_again == 1


def test_a_rejected_sample_that_cannot_be_made_again_is_a_failed_one_and_not_in_the_dataset(
    place: Path, provider: LocalProvider
) -> None:
    work = job(place, llm=local_llm(provider), generation={"max_retries": 0, "sample_retries": 0})
    run(work)
    before = dataset(work)
    decide(work, before[3])
    provider.faults = Faults(malformed=1.0)
    assert run(work).ending == "incomplete"
    assert texts(dataset(work)) == texts([*before[:3], *before[4:]])
    found = results(work)
    assert len(found.samples) == 8 and len(found.failures) == 1
    provider.faults = Faults()
    assert run(work).ending == "complete"
    assert places(dataset(work)) == places(before) and before[3] not in dataset(work)


def test_a_run_that_stops_meanwhile_goes_on_and_loses_nothing(place: Path) -> None:
    work = job(place)
    run(work)
    before = dataset(work)
    for record in before[:6]:
        decide(work, record)
    assert run(work, until=2).ending == "stopped"
    assert dataset(work) == before, "the dataset is what it was until all is there"
    logged = list(whole_lines(work.checkpoint_files().rejected))
    state = run(work)
    assert state.ending == "complete" and 0 < state.calls < 6, "what was made again isn't made once more"
    assert list(whole_lines(work.checkpoint_files().rejected)) == logged, "each is noted as rejected once"
    assert places(dataset(work)) == places(before)
    assert not set(texts(before[:6])) & set(texts(dataset(work)))


def test_where_a_power_cut_took_the_log_of_rejected_samples_it_has_them_again(place: Path) -> None:
    work = job(place)
    run(work)
    first = dataset(work)[3]
    decide(work, first)
    run(work)
    work.checkpoint_files().rejected.unlink()
    assert run(work).calls == 0
    assert [line["sample"] for line in whole_lines(work.rejected)] == [first]


def test_what_both_cost_is_counted_once_each(place: Path, provider: LocalProvider) -> None:
    work = job(place, llm=local_llm(provider))
    run(work)
    for record in dataset(work)[:4]:
        decide(work, record)
    run(work)
    known = results(work).metadata
    assert known is not None and known.calls == provider.counts.answered
    assert known.samples_done == known.samples_wanted == 9
    status = checkpoint_status(work)
    assert status is not None and (status.done, status.missing, status.to_make_again) == (9, 0, 0)
    assert status.metadata.calls == provider.counts.answered


def test_an_undone_rejection_makes_nothing_again_and_a_later_sample_stays(place: Path) -> None:
    work = job(place)
    run(work)
    before = dataset(work)
    rejected = decide(work, before[0])
    decide(work, before[0], "undo", undoes=rejected.id)
    assert run(work).calls == 0 and dataset(work) == before
    rejected = decide(work, before[0])
    run(work)
    after = dataset(work)
    decide(work, before[0], "undo", undoes=rejected.id)
    assert run(work).calls == 0 and dataset(work) == after, "the later of two samples that nobody rejects stands"


def test_rejected_again_and_again_each_one_is_another_text(place: Path) -> None:
    work = job(place)
    run(work)
    seen = {texts(dataset(work))[4]}
    for times in range(3):
        decide(work, dataset(work)[4], reason=f"no {times}")
        assert run(work).ending == "complete"
        seen.add(texts(dataset(work))[4])
    assert len(seen) == 4
    assert [line["attempt"] for line in whole_lines(work.rejected)] == [1, 2, 3]


def test_a_finished_run_with_rejected_samples_is_incomplete_and_says_how_many(place: Path) -> None:
    work = job(place)
    run(work)
    kept = KeptRun("tea", str(work.dataset), str(place / "kept"), {})
    assert kept.complete
    for record in dataset(work)[:4]:
        decide(work, record)
    assert not kept.complete
    status = checkpoint_status(work)
    assert status is not None and (status.done, status.to_make_again, status.missing) == (5, 4, 4)
    assert len(results(work).samples) == 9, "they are samples until a resume begins to make them again"
    run(work)
    assert kept.complete and len(results(work).samples) == 9 and len(results(work).rejected) == 4


def test_whoever_follows_a_run_counts_each_work_item_once(place: Path) -> None:
    work = job(place)
    run(work)
    for record in dataset(work)[:3]:
        decide(work, record)
    run(work, until=1)
    found = results(work)
    state = follow(work, emit=lambda _: None, stop=Stop())
    assert state.samples_done == len(found.samples) < 9
    run(work)
    assert follow(work, emit=lambda _: None, stop=Stop()).samples_done == 9


@pytest.mark.parametrize("kind", ["reasoning", "agent", "custom"])
def test_samples_of_every_kind_are_made_again(place: Path, kind: str) -> None:
    kinds: dict[str, dict[str, Any]] = {
        "reasoning": {"generation": {"conversation": {"type": "cot", "reasoning_style": "freetext"}}},
        "agent": {
            "generation": {
                "conversation": {"type": "cot", "reasoning_style": "agent"},
                "tools": {"custom": [{"name": "look_up", "description": "Look up.", "parameters": []}]},
            }
        },
        "custom": {"generation": {"output_schema": SCHEMA}, "output": {"format": "custom"}},
    }
    work = job(place, **kinds[kind])
    run(work)
    before = dataset(work)
    decide(work, before[1])
    assert run(work).ending == "complete"
    changed = [index for index in range(9) if texts(dataset(work))[index] != texts(before)[index]]
    assert changed == [1]


def finished(place: Path, **sections: Any) -> Job:
    """A run from the command line that is complete, so that its checkpoint is gone."""
    work = replace(job(place, **sections), keep=False, resume=False)
    assert run(work).ending == "complete" and not work.checkpoint_files().exists
    return replace(work, resume=True)


def test_where_the_checkpoint_is_gone_it_is_made_again_from_the_dataset(place: Path) -> None:
    work = finished(place, quality={"checks": [{"regex": "[Rr]ule"}]})
    before, kept_apart = dataset(work), list(whole_lines(work.rejected))
    assert kept_apart
    assert run(work).calls == 0, "nobody rejected anything"
    decide(work, before[0])
    decide(work, before[8])
    state = run(work)
    after = dataset(work)
    assert (state.ending, places(after)) == ("complete", places(before))
    assert [index for index in range(9) if texts(after)[index] != texts(before)[index]] == [0, 8]
    assert list(whole_lines(work.rejected))[: len(kept_apart)] == kept_apart
    assert not work.checkpoint_files().exists and run(work).calls == 0


@pytest.mark.parametrize("lost", ["topics", "metadata"])
def test_where_nothing_tells_the_topics_that_is_said_and_the_dataset_stays(place: Path, lost: str) -> None:
    own = {"generation": {"output_schema": SCHEMA}, "output": {"format": "custom"}} if lost == "metadata" else {}
    work = finished(place, **own)
    if lost == "topics":
        work.topics.unlink()
    before = dataset(work)
    decide(work, before[0])
    said: list[Event] = []
    state = run(work, tell=said.append)
    assert state.ending == "complete" and dataset(work) == before
    assert any(
        "can't be made again: the checkpoint is gone" in event.message for event in said if isinstance(event, Notice)
    )
