"""Topics that a person changes while samples are made."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deepfabric_core import Job, RunState, Stop, Topics, generate, load, load_topics
from deepfabric_core.events import Event, SampleFinished, TopicExpanded, TopicsReady
from deepfabric_core.run.checkpoint.reuse import with_reuse
from deepfabric_core.run.live_edits import LiveEdits
from deepfabric_core.topics.edit import add, prune

TEXT = """
llm: {provider: simulated, simulated: {latency: 0.01}}
topics: {prompt: Tea, depth: 2, degree: 3}
generation: {system_prompt: You teach.}
output: {save_as: tea.jsonl, num_samples: auto, batch_size: 2}
"""


def first_branch(topics: Topics) -> str:
    return topics.by_id[topics.root].children[0]


def run(at: Callable[[Event], bool], *edits: Callable[[Topics], Topics]) -> RunState:
    """Do a run in which the edits are asked for at the first event that `at` is true of."""
    loaded = load(TEXT, source="here")
    live_edits, asked = LiveEdits(), list(edits)

    def watch(event: Event) -> None:
        if asked and at(event):
            while asked:
                live_edits.ask(asked.pop(0))

    job = with_reuse(Job(loaded.config, live_edits=live_edits))
    return asyncio.run(generate(job, emit=watch, stop=Stop()))


def after_samples(count: int) -> Callable[[Event], bool]:
    seen: list[Event] = []

    def reached(event: Event) -> bool:
        seen.extend([event] * isinstance(event, SampleFinished))
        return len(seen) >= count

    return reached


def dataset(place: Path) -> list[dict[str, Any]]:
    return [json.loads(line)["metadata"] for line in (place / "tea.jsonl").read_text(encoding="utf-8").splitlines()]


def branches(place: Path) -> set[str]:
    return {one["topic_path"][1] for one in dataset(place)}


@pytest.mark.parametrize("count", [1, 4, 8])
def test_a_branch_pruned_while_samples_are_made_is_not_in_the_dataset(place: Path, count: int) -> None:
    state = run(after_samples(count), lambda topics: prune(topics, [first_branch(topics)]))
    assert (state.ending, state.samples_done, state.samples_progress.total) == ("complete", 6, 6)
    assert len(dataset(place)) == 6 and len(branches(place)) == 2
    assert len(load_topics(place / "tea_topics.jsonl")[0].leaves) == 6
    assert state.calls <= 4 + 9


def test_a_topic_added_while_samples_are_made_gets_its_sample(place: Path) -> None:
    state = run(after_samples(2), lambda topics: add(topics, topics.root, ["Iced"]))
    assert state.ending == "complete" and state.calls == 4 + 10
    assert "Iced" in branches(place)


def test_what_is_taken_back_leaves_everything_as_it_was(place: Path) -> None:
    before: list[Topics] = []

    def pruned(topics: Topics) -> Topics:
        before.append(topics)
        return prune(topics, [first_branch(topics)])

    state = run(after_samples(3), pruned, lambda _: before[0])
    assert (state.samples_done, state.calls) == (9, 4 + 9)
    assert len(branches(place)) == 3


def test_an_edit_while_topics_grow_waits_until_they_are_there(place: Path) -> None:
    state = run(lambda event: isinstance(event, TopicExpanded), lambda topics: prune(topics, [first_branch(topics)]))
    assert state.samples_done == 6 and len(branches(place)) == 2


def test_an_edit_that_does_not_fit_any_more_changes_nothing(place: Path) -> None:
    state = run(after_samples(1), lambda topics: prune(topics, ["unknown"]))
    assert state.ending == "complete" and state.samples_done == 9


def test_the_next_run_has_the_edited_topics_and_calls_nothing(place: Path) -> None:
    run(after_samples(2), lambda topics: prune(topics, [first_branch(topics)]))
    again = run(lambda event: isinstance(event, TopicsReady))
    assert (again.calls, again.samples_done) == (0, 6)
