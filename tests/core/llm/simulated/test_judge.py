"""The simulated model as a judge: within bounds, the same each time, and mostly content."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from deepfabric_core.chat.messages import Reply, Request
from deepfabric_core.config.llm import Llm
from deepfabric_core.events import Event, Notice
from deepfabric_core.llm.demo.dataset import datasets
from deepfabric_core.llm.demo.model import DemoModel
from deepfabric_core.llm.simulated.model import SimulatedModel
from deepfabric_core.quality.candidate import Candidate
from deepfabric_core.quality.judge.comparison import Comparing
from deepfabric_core.quality.judge.rubric import Rubric, criteria_named
from deepfabric_core.quality.judge.scoring import Scoring, scores_parser

CRITERIA = criteria_named(["correctness", "clarity", "on_topic"])


def rubric(low: int = 1, high: int = 5) -> Rubric:
    return Rubric(CRITERIA, low, high, high)


def request(answer: str, *, low: int = 1, high: int = 5) -> Request:
    return Scoring(rubric(low, high), 500, 1).request(Candidate("Why?", answer, path=("Tea", "Green tea")))


def answered(asked: Request) -> Reply:
    return asyncio.run(SimulatedModel(Llm(provider="simulated")).complete(asked))


def scores(asked: Request, low: int = 1, high: int = 5) -> list[float]:
    return [one.score for one in scores_parser(rubric(low, high))(answered(asked).text)]


@pytest.mark.parametrize(("low", "high"), [(1, 5), (0, 1), (1, 10), (0, 100), (10, 12)])
def test_scores_are_on_the_scale_and_most_samples_are_good(low: int, high: int) -> None:
    given = [scores(request(f"Answer {number}", low=low, high=high), low, high) for number in range(200)]
    enough = low + 0.75 * (high - low)
    good = sum(sum(some) / len(some) >= enough for some in given)
    if high - low != 2:  # the middle of three is less than three quarters
        assert 160 <= good < 200


def test_the_same_sample_is_judged_in_the_same_way_and_another_one_in_its_own() -> None:
    assert answered(request("One")).text == answered(request("One")).text
    assert len({answered(request(f"Answer {number}")).text for number in range(20)}) == 20


def test_it_is_said_to_be_simulated() -> None:
    assert answered(request("One")).simulated


def test_of_two_samples_the_longer_answer_is_better_in_either_order() -> None:
    comparing = Comparing(rubric(), 500, 1)
    short, long = Candidate("Why?", "So."), Candidate("Why?", "So it is and so it was.")
    chosen = [json.loads(answered(comparing.request(*two)).text)["better"] for two in ((short, long), (long, short))]
    assert chosen == ["B", "A"]
    assert json.loads(answered(comparing.request(short, short)).text)["better"] == "tie"


def demo_answers(candidate: Candidate) -> tuple[dict[str, Any], Reply, list[Event]]:
    told: list[Event] = []
    model = DemoModel(Llm(provider="demo"), told.append)
    reply = asyncio.run(model.complete(Scoring(rubric(), 500, 1).request(candidate)))
    return json.loads(reply.text), reply, told


def test_the_demo_gives_its_own_samples_the_best_score() -> None:
    for dataset in datasets():
        question, sample = next(iter(dataset.by_question.items()))
        given, reply, told = demo_answers(Candidate(question, sample.answer, path=(dataset.known_as,)))
        if told:
            continue  # this subject isn't found by its name alone
        assert {one["score"] for one in given.values()} == {5} and reply.demonstration


def test_the_demo_says_that_other_scores_are_made_up() -> None:
    path = (datasets()[0].known_as,)
    given, reply, told = demo_answers(Candidate("Something else?", "Yes.", path=path))
    assert reply.simulated and len(given) == 3
    assert any(isinstance(event, Notice) and "made up" in event.message for event in told)
