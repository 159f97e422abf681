"""A run goes on whatever its views do."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

import deepfabric_nb
from deepfabric_core.events import Event


def test_a_view_that_fails_is_told_of_once_and_costs_neither_the_run_nor_another_view(
    place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = deepfabric_nb.start(
        {
            "llm": {"provider": "simulated", "simulated": {"latency": 0.1}},
            "topics": {"prompt": "Tea", "depth": 1, "degree": 3},
            "generation": {"system_prompt": "You teach."},
            "output": {"save_as": "tea.jsonl", "num_samples": "auto"},
        }
    )
    drawn: list[int] = []
    heard: list[Event] = []

    def broken(*_: Event) -> None:
        raise ValueError("no such\x1b[31m row")

    run.screens += [broken, lambda: drawn.append(run.state.samples_done)]
    run.watch(broken)
    run.watch(heard.append)
    with caplog.at_level(logging.WARNING):
        run.wait()
    assert run.status == "complete" and drawn[-1] == 3 and heard
    (told,) = caplog.messages
    assert "the run goes on: ValueError: no such" in told and "\x1b" not in told
