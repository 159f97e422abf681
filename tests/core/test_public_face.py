"""The names that other programs may rely on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import deepfabric_core
from deepfabric_core import events


def test_every_public_name_is_there_and_documented() -> None:
    for name in deepfabric_core.__all__:
        assert getattr(deepfabric_core, name).__doc__, name


def test_a_run_from_python_tells_each_step_and_answers_its_state(place: Path) -> None:
    text = (
        "llm: {provider: simulated}\ntopics: {prompt: Tea}\n"
        "generation: {system_prompt: You teach.}\noutput: {save_as: tea.jsonl, num_samples: 4}\n"
    )
    told: list[events.Event] = []
    job = deepfabric_core.Job(deepfabric_core.load(text, source="here").config)
    state = asyncio.run(deepfabric_core.generate(job, emit=told.append, stop=deepfabric_core.Stop()))
    assert state.ending == "complete"
    assert sum(isinstance(event, events.SampleFinished) for event in told) == 4
    assert len((place / "tea.jsonl").read_text(encoding="utf-8").splitlines()) == 4


def test_an_observer_that_breaks_does_not_take_the_run_with_it(place: Path) -> None:
    def broken(event: events.Event) -> None:
        raise ValueError(event)

    text = (
        "llm: {provider: simulated}\ntopics: {prompt: Tea}\ngeneration: {system_prompt: T}\noutput: {save_as: t.jsonl}"
    )
    job = deepfabric_core.Job(deepfabric_core.load(text, source="here").config)
    assert asyncio.run(deepfabric_core.generate(job, emit=broken, stop=deepfabric_core.Stop())).ending == "complete"
