"""What a run has made so far, read from its files at any moment."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from deepfabric_core import ConfigError, Event, Job, RunState, Stop, generate, load
from deepfabric_core.events import SampleFinished
from deepfabric_core.run.results import Results, results
from deepfabric_core.samples.reading import JournalLine
from deepfabric_core.store.append_log import whole_lines
from deepfabric_core.store.checkpoint_files import Metadata, write_metadata


def job(place: Path, **sections: Mapping[str, object]) -> Job:
    """Nine samples of the simulated model, two at once, with a checkpoint in a folder of its own."""
    config: dict[str, dict[str, object]] = {
        "llm": {"provider": "simulated", "model": "tiny"},
        "topics": {"prompt": "Repairing bicycles", "depth": 2, "degree": 3},
        "generation": {"system_prompt": "You teach."},
        "output": {"save_as": str(place / "out/data.jsonl"), "num_samples": "auto", "batch_size": 2},
    }
    for name, keys in sections.items():
        config[name] = {**config.get(name, {}), **keys}
    return Job(load(yaml.safe_dump(config), source="here").config, checkpoint_path=place / "checkpoint", resume=True)


def run(work: Job, *, until: int | None = None, tell: Callable[[Event], None] | None = None) -> RunState:
    """Run a job, stopped after so many samples."""
    stop = Stop()
    finished: list[Event] = []

    def watch(event: Event) -> None:
        if isinstance(event, SampleFinished):
            finished.append(event)
            if len(finished) == until:
                stop.request()
        if tell:
            tell(event)

    return asyncio.run(generate(work, emit=watch, stop=stop))


def keys(facts: Results | list[JournalLine]) -> list[tuple[str, int]]:
    samples = facts.samples if isinstance(facts, Results) else facts
    return [(fact["topic_id"], fact["cycle"]) for fact in samples]


def dataset(work: Job) -> list[dict[str, Any]]:
    return list(whole_lines(work.dataset))


def checkpoint(work: Job, ending: str) -> Path:
    return work.checkpoint_files().folder / f"data.checkpoint.{ending}"


def mostly_failing(place: Path) -> Job:
    """Twenty samples, some of which can't be made."""
    faulty = {"provider": "simulated", "model": "tiny", "simulated": {"malformed": 0.5}}
    generation = {"system_prompt": "You teach.", "sample_retries": 0, "llm": faulty}
    return job(place, generation=generation, output={"num_samples": 20})


def test_a_stopped_run_keeps_what_it_made_in_the_order_of_the_plan(place: Path) -> None:
    whole = job(place, output={"num_samples": 24, "save_as": str(place / "whole/data.jsonl")})
    run(whole)
    work = job(place, output={"num_samples": 24})
    assert run(work, until=11).ending == "stopped"
    found = results(work)
    assert found.wanted == 24
    assert 11 <= len(found.samples) < 24 and found.failures == []
    order = [(record["metadata"]["topic_id"], record["metadata"]["cycle"]) for record in dataset(whole)]
    assert keys(found) == [key for key in order if key in set(keys(found))]
    assert found.metadata is not None and found.metadata.samples_done == len(found.samples)


def test_a_sample_says_how_and_when_it_came_about(place: Path) -> None:
    began = time.time()
    work = job(place)
    run(work, until=3)
    for fact in results(work).samples:
        said = fact["sample"]["metadata"]
        assert fact["path"] == tuple(said["topic_path"]) and len(fact["path"]) == 3
        assert (fact["model"], fact["attempts"]) == ("tiny", 1)
        assert fact["usage"] == {**said["usage"], "cost": 0.0}
        assert began - 1 < fact["at"] < time.time() + 1
        assert fact["at"] == round(fact["at"], 3)
        assert "at" not in said


def test_a_run_may_be_watched_while_it_goes_on(place: Path) -> None:
    work = job(place)
    seen: list[int] = []

    def look(event: Event) -> None:
        if isinstance(event, SampleFinished):
            seen.append(len(results(work).samples))

    run(work, tell=look)
    assert seen == list(range(1, 10))
    assert len(results(work).samples) == 9


def test_while_topics_grow_there_is_nothing_yet_and_nobody_knows_how_much_is_wanted(place: Path) -> None:
    work = job(place)
    found: list[Results] = []
    run(work, tell=lambda _: found.append(results(work)))
    assert found[1].samples == [] and found[1].wanted is None and found[1].metadata is not None
    assert found[-1].wanted == 9


def test_a_finished_run_is_read_from_its_dataset(place: Path) -> None:
    work = job(place)
    assert run(work).ending == "complete"
    found = results(work)
    assert [fact["sample"] for fact in found.samples] == dataset(work)
    assert found.wanted == 9 and found.metadata is None
    first = found.samples[0]
    said = first["sample"]["metadata"]
    assert first["topic_id"] == said["topic_id"] and first["path"] == tuple(said["topic_path"])
    assert first["model"] == "tiny" and first["usage"] == {**said["usage"], "cost": 0.0} and first["at"] is None


def test_without_any_file_there_is_nothing(place: Path) -> None:
    assert results(job(place)) == Results([], [], wanted=None)
    assert results(job(place, output={"num_samples": 5})).wanted == 5


def test_failures_are_listed_until_they_are_made_after_all(place: Path) -> None:
    work = mostly_failing(place)
    state = run(work)
    found = results(work)
    assert 0 < state.samples_failed < 20
    assert len(found.failures) == state.samples_failed == 20 - len(found.samples)
    failure = found.failures[0]
    assert failure["kind"] in ("invalid JSON", "truncated reply") and failure["error"]
    assert len(failure["topic_path"]) == 3
    made = {**failure, "sample": {"messages": [], "metadata": {}}}
    with checkpoint(work, "jsonl").open("a") as file:
        file.write(json.dumps(made) + "\n")
    again = results(work)
    assert len(again.failures) == len(found.failures) - 1
    assert (failure["topic_id"], failure["cycle"]) in keys(again)
    assert [fact["path"] for fact in again.samples if fact["sample"]["messages"] == []] == [
        tuple(failure["topic_path"])
    ]


def test_reading_touches_nothing_and_a_torn_last_line_is_not_there_yet(place: Path) -> None:
    work = job(place)
    run(work, until=5)
    journal = checkpoint(work, "jsonl")
    before = keys(results(work))
    with journal.open("ab") as file:
        file.write(journal.read_bytes().splitlines()[0][:-9])
    files = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in place.rglob("*") if path.is_file()}
    assert keys(results(work)) == before
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files} == files
    assert {path for path in place.rglob("*") if path.is_file()} == set(files)


def test_of_a_key_the_first_line_counts_and_what_the_plan_has_no_place_for_is_left_out(place: Path) -> None:
    work = job(place)
    run(work, until=5)
    journal = checkpoint(work, "jsonl")
    before = results(work)
    first = json.loads(journal.read_bytes().splitlines()[0])
    more = [{**first, "model": "another"}, {**first, "cycle": 1}, {**first, "topic_id": "elsewhere"}, {"no": "key"}]
    more += [{**first, "sample": None}, {**first, "topic_id": ["a"]}]
    with journal.open("a") as file:
        file.writelines(json.dumps(line) + "\n" for line in more)
    assert results(work).samples == before.samples


def test_without_topics_samples_come_in_the_order_of_arrival(place: Path) -> None:
    work = job(place)
    run(work, until=5)
    journal = checkpoint(work, "jsonl")
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[::-1], lines[0]]))
    checkpoint(work, "topics").unlink()
    found = results(work)
    assert keys(found) == keys([json.loads(line) for line in lines[::-1]])
    assert found.samples[0]["path"] == tuple(found.samples[0]["sample"]["metadata"]["topic_path"])


def test_a_checkpoint_that_is_just_being_cleared_means_that_the_dataset_is_there(place: Path) -> None:
    """Its samples are deleted first, its metadata last."""
    work = job(place)
    run(work)
    write_metadata(work.checkpoint_files(), Metadata(samples_done=9))
    assert len(results(work).samples) == 9


def test_half_a_character_is_replaced_where_it_is_shown(place: Path) -> None:
    work = job(place)
    run(work)
    record = dataset(work)[0]
    record["question"] = "half \ud83d, whole 😀"
    work.dataset.write_text(json.dumps(record) + "\n")
    assert results(work).samples[0]["sample"]["question"] == "half \ufffd, whole 😀"


def test_a_damaged_checkpoint_is_named(place: Path) -> None:
    work = job(place)
    run(work, until=5)
    checkpoint(work, "json").write_text("{")
    with pytest.raises(ConfigError, match=r"data\.checkpoint\.json"):
        results(work)
