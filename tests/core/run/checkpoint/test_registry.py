"""Runs that are kept: the same again costs nothing, and something like it takes over what it can."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from deepfabric_core import ConfigError, Job, RunState, Stop, generate, load
from deepfabric_core.events import Event, SampleFinished, TopicExpanded
from deepfabric_core.run.checkpoint.registry import job_again, kept_runs, record
from deepfabric_core.run.checkpoint.resume import open_checkpoint
from deepfabric_core.run.checkpoint.reuse import with_reuse
from deepfabric_core.run.event_sink import EventSink
from deepfabric_core.store.run_history import past_runs

CONFIG: dict[str, dict[str, Any]] = {
    "llm": {"provider": "simulated"},
    "topics": {"prompt": "Tea", "depth": 2, "degree": 3},
    "generation": {"system_prompt": "You teach."},
    "output": {"save_as": "tea.jsonl", "num_samples": "auto"},
}


def config(**changes: Mapping[str, object]) -> str:
    """The config as YAML, with other keys in some sections."""
    return json.dumps({name: {**keys, **changes.get(name, {})} for name, keys in CONFIG.items()})


def run(text: str, *, stop_after: int | None = None, **asked: Any) -> RunState:
    """Do a kept run of a config, stopped after so many samples."""
    loaded = load(text, source="here")
    job = with_reuse(Job(loaded.config, **asked))
    record(job, loaded.written, "tea")
    return carry_out(job, stop_after)


def carry_out(job: Job, stop_after: int | None = None) -> RunState:
    stop, made = Stop(), 0

    def watch(event: Event) -> None:
        nonlocal made
        made += isinstance(event, SampleFinished)
        if stop_after is not None and made >= stop_after:
            stop.request()

    return asyncio.run(generate(job, emit=watch, stop=stop))


def samples(place: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (place / "tea.jsonl").read_text(encoding="utf-8").splitlines()]


def test_the_same_again_makes_no_call_and_the_same_dataset(place: Path) -> None:
    assert run(config()).calls == 4 + 9
    first = (place / "tea.jsonl").read_bytes()
    (place / "tea.jsonl").unlink()
    again = run(config())
    assert (again.ending, again.calls) == ("complete", 0)
    assert (place / "tea.jsonl").read_bytes() == first


def test_other_instructions_keep_the_topics(place: Path) -> None:
    run(config())
    assert run(config(generation={"instructions": "Be brief."})).calls == 9


def test_what_another_run_has_paid_for_is_not_counted_again(place: Path) -> None:
    run(config())
    second = run(config(generation={"instructions": "Be brief."}))
    assert second.calls_of_all_sessions == second.calls == 9
    third = run(config(topics={"max_tokens": 900}))
    assert third.calls_of_all_sessions == third.calls == 4, "the samples are the first run's"
    assert [known.calls for known in past_runs()] == [4, 9, 13]


def test_what_was_undone_is_known_still(place: Path) -> None:
    run(config())
    run(config(generation={"instructions": "Be brief."}))
    assert run(config()).calls == 0


def test_more_samples_cost_only_the_new_ones(place: Path) -> None:
    run(config())
    assert run(config(output={"num_samples": 20})).calls == 11
    assert len(samples(place)) == 20


def test_fewer_samples_cost_nothing(place: Path) -> None:
    run(config(output={"num_samples": 20}))
    state = run(config(output={"num_samples": 5}))
    assert (state.calls, state.ending, len(samples(place))) == (0, "complete", 5)
    assert run(config(output={"num_samples": 20})).calls == 0


def test_a_broader_tree_keeps_the_samples_whose_requests_are_the_same(place: Path) -> None:
    """The simulated model's subtopics are seeded by how many are wanted, so this one changes the depth of the tree."""
    run(config(topics={"depth": 1}))
    state = run(config(topics={"depth": 1, "max_tokens": 900}))
    assert state.calls == 1, "the topics grow again, and come out the same"


def test_another_prompt_makes_everything_anew(place: Path) -> None:
    run(config())
    assert run(config(topics={"prompt": "Coffee"})).calls == 13


def test_another_dataset_has_nothing_in_common(place: Path) -> None:
    run(config())
    assert run(config(output={"save_as": "other.jsonl"})).calls == 13


def test_fresh_makes_everything_anew_and_the_next_run_keeps_that(place: Path) -> None:
    run(config())
    assert run(config(), fresh=True).calls == 13
    assert run(config()).calls == 0


def test_topics_from_a_file_are_part_of_what_decides(place: Path) -> None:
    run(config())
    topics = place / "tea_topics.jsonl"
    assert run(config(), topics_load=topics).calls == 0, "the same topics, the same requests"
    kept = "\n".join(topics.read_text(encoding="utf-8").splitlines()[:4]) + "\n"
    (place / "few.jsonl").write_text(kept, encoding="utf-8")
    few = run(config(), topics_load=place / "few.jsonl")
    assert few.ending == "complete" and few.samples_done < 9


def test_a_stopped_run_is_found_again_and_finished_without_a_duplicate(place: Path) -> None:
    state = run(config(output={"batch_size": 1}), stop_after=3)
    assert state.ending == "stopped"
    [left] = kept_runs()
    assert (left.name, left.complete) == ("tea", False)
    rest = carry_out(job_again(left))
    assert rest.ending == "complete" and rest.calls == 9 - state.samples_done
    keys = [(one["metadata"]["topic_id"], one["metadata"]["cycle"]) for one in samples(place)]
    assert len(keys) == len(set(keys)) == 9
    assert kept_runs()[0].complete


def test_failed_samples_and_failed_topics_are_tried_again(place: Path) -> None:
    flaky = {"provider": "simulated", "simulated": {"server_errors": 0.5}, "seed": 3}
    patience = {"max_retries": 0, "expansion_retries": 0}
    first = run(config(llm=flaky, topics={**patience, "degree": 4}, generation={"max_retries": 0, "sample_retries": 0}))
    assert first.ending in ("incomplete", "aborted")
    sound = {"provider": "simulated", "seed": 3}
    again = run(config(llm=sound, topics={**patience, "degree": 4}, generation={"max_retries": 0, "sample_retries": 0}))
    assert again.ending == "complete" and again.samples_done == 16


def test_a_config_that_may_hold_a_key_is_not_written_down(place: Path) -> None:
    secret = "sk-abcdefghijklmnop"  # noqa: S105 - it looks like a key, and is none
    run(config(generation={"instructions": f"Use {secret}."}))
    files = list((place / "data").rglob("run.json"))
    assert files and all(secret not in path.read_text(encoding="utf-8") for path in files)
    with pytest.raises(ConfigError, match="run its cell again"):
        job_again(kept_runs()[0])


def test_a_checkpoint_folder_that_the_user_names_is_used_as_it_is(place: Path) -> None:
    run(config(), checkpoint_path=place / "mine")
    assert (place / "mine" / "tea.checkpoint.json").exists()
    assert run(config(), checkpoint_path=place / "mine").calls == 0
    with pytest.raises(ConfigError, match=r"generation\.instructions"):
        run(config(generation={"instructions": "Other."}), checkpoint_path=place / "mine")


def test_two_of_the_same_at_once_are_refused(place: Path) -> None:
    loaded = load(config(), source="here")
    job = with_reuse(Job(loaded.config))
    seen: list[str] = []

    def second(event: Event) -> None:
        if isinstance(event, TopicExpanded) and not seen:
            with pytest.raises(ConfigError, match="works on this checkpoint") as refused:
                open_checkpoint(job, EventSink(lambda _: None))
            seen.append(str(refused.value))

    asyncio.run(generate(job, emit=second, stop=Stop()))
    assert str(os.getpid()) in seen[0]


def test_a_damaged_note_of_a_run_is_passed_over(place: Path) -> None:
    run(config())
    run(config(output={"save_as": "other.jsonl"}))
    first, *_ = (place / "data").rglob("run.json")
    first.write_text("{", encoding="utf-8")
    assert len(kept_runs()) == 1


def test_a_topics_file_that_was_edited_is_used_by_the_next_run(place: Path) -> None:
    run(config())
    file = place / "tea_topics.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines()
    edited = [*lines[:6], '{"path": ["Tea", "Iced"]}']
    file.write_text("\n".join(edited) + "\n", encoding="utf-8")
    state = run(config())
    assert (state.calls, state.samples_done) == (1, 7)
    assert any("was edited" in notice for notice in state.notices)
    assert file.read_text(encoding="utf-8").splitlines() == edited
    assert run(config(generation={"instructions": "Be brief."})).calls == 7, "other samples of the edited topics"


def test_topics_that_another_run_wrote_are_no_edit(place: Path) -> None:
    run(config())
    run(config(topics={"degree": 2}))
    back = run(config())
    assert (back.calls, back.samples_done) == (0, 9)
