"""The demo's datasets: each file is well formed, and what a prompt is about is found by its words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from deepfabric_core.chat.tools import Tool, arguments_of, text_of
from deepfabric_core.llm.demo.dataset import DemoDataset, DemoSample, DemoTopic, dataset, dataset_about, datasets
from deepfabric_core.samples.recipes.recipe import Brief
from deepfabric_core.samples.recipes.reply_checks import ReplyChecks
from deepfabric_core.topics.model import fold
from deepfabric_core.topics.name_checks import refused_because

SHAPES = {"bicycle_repair": (6, 6, 60), "household_chemistry": (3, 3, 15), "on_call": (3, 3, 15)}


def all_samples() -> Iterator[tuple[DemoDataset, DemoTopic, DemoSample]]:
    for one in datasets():
        for branch in one.branches:
            for leaf in branch.children:
                for sample in leaf.samples:
                    yield one, leaf, sample


@pytest.mark.parametrize(("name", "shape"), SHAPES.items())
def test_each_has_its_branches_leaves_and_samples(name: str, shape: tuple[int, int, int]) -> None:
    branches, leaves, samples = shape
    one = dataset(name)
    assert len(one.branches) == branches and {len(branch.children) for branch in one.branches} == {leaves}
    assert sum(len(leaf.samples) for branch in one.branches for leaf in branch.children) == samples
    assert len(one.by_question) == samples


@pytest.mark.parametrize("name", SHAPES)
def test_a_plan_of_all_samples_finds_each_of_them(name: str) -> None:
    """Second samples are asked of the first leaves of each branch, as many of one branch as of another."""
    with_two = [[len(leaf.samples) == 2 for leaf in branch.children] for branch in dataset(name).branches]
    assert all(one == sorted(one, reverse=True) for one in with_two)
    assert len({sum(one) for one in with_two}) == 1


def test_names_are_fit_for_topics_and_occur_once() -> None:
    for one in datasets():
        names = [topic.name for topic in one.topics]
        assert len(set(map(fold, names))) == len(names)
        assert [refused_because(name, (one.subject,), ()) for name in names] == [None] * len(names)
        assert all(2 <= len(name.split()) <= 6 for name in names)


def test_no_text_is_empty_or_occurs_twice() -> None:
    checks = ReplyChecks()
    texts = []
    for one, path, sample in all_samples():
        checks.check(
            sample.question, sample.answer, Brief((one.subject, path.name)), reasoning=sample.reasoning or None
        )
        assert bool(sample.reasoning) != bool(one.tools) and bool(sample.steps) == bool(one.tools)
        texts += [sample.question, sample.answer, *[sample.reasoning] * bool(sample.reasoning)]
        texts += [step.thought for step in sample.steps]
    assert all(text.strip() == text and len(text) > 20 for text in texts)
    assert len(set(texts)) == len(texts)


def test_words_and_what_is_near_are_of_the_dataset() -> None:
    for one in datasets():
        assert one.covers(one.subject) and one.covers(one.known_as)
        assert all(topic.words for topic in one.topics)
        assert sum(other.covers(one.subject) for other in datasets()) == 1


@pytest.mark.parametrize("name", SHAPES)
def test_each_name_with_words_near_it_is_a_topic(name: str) -> None:
    from deepfabric_core.llm.demo.dataset import _content

    assert set(_content(name)["near"]) <= {topic.name for topic in dataset(name).topics}


def schema(tool: dict[str, Any]) -> dict[str, Any]:
    kinds = {"string": "string", "int": "integer", "bool": "boolean"}
    parts = {part["name"]: {"type": kinds[part["type"]]} for part in tool["parameters"]}
    required = [part["name"] for part in tool["parameters"] if part["required"]]
    return {"type": "object", "properties": parts, "required": required, "additionalProperties": False}


def test_each_call_has_valid_arguments_and_the_same_call_one_result() -> None:
    tools = {tool["name"]: Tool(tool["name"], "", schema(dict(tool))) for tool in dataset("on_call").tools}
    results: dict[str, str] = {}
    for _, _, sample in all_samples():
        assert len(sample.steps) <= 3
        for step in sample.steps:
            said = json.dumps(step.arguments, sort_keys=True)
            assert arguments_of(tools[step.tool], said) == step.arguments
            assert results.setdefault(f"{step.tool} {said}", text_of(step.result)) == text_of(step.result)
            assert "{{" not in text_of(step.result), "mock tools would take it for a template"
    assert {call.split()[0] for call in results} == set(tools)


@pytest.mark.parametrize(
    ("prompt", "known_as"),
    [
        ("Repairing bicycles", "bicycle repair"),
        ("bike repair", "bicycle repair"),
        ("Bicycle maintenance for beginners", "bicycle repair"),
        ("Create a dataset about fixing a flat bicycle tire", "bicycle repair"),
        ("BICYCLE-REPAIR!", "bicycle repair"),
        ("Kitchen chemistry", "household chemistry"),
        ("Chemistry at home", "household chemistry"),
        ("Everyday chemicals and how they work", "household chemistry"),
        ("Kubernetes incident response", "on-call work for Kubernetes"),
        ("On-call engineering for a k8s cluster", "on-call work for Kubernetes"),
        ("Troubleshooting Kubernetes", "on-call work for Kubernetes"),
    ],
)
def test_a_subject_is_known_in_other_words(prompt: str, known_as: str) -> None:
    found = dataset_about(prompt)
    assert found is not None and found.known_as == known_as


@pytest.mark.parametrize(
    "prompt",
    [
        *("The menstrual cycle", "menstrual cycle care", "Washing machine repair", "Motorcycle repair", "Tea", ""),
        *("Motor bike maintenance", "E-bike repair", "Bike trail maintenance", "Bike sharing in cities", "Bicycles"),
        *("Organic chemistry", "Chemistry homework", "Chemistry of home brewing", "Cycle lanes", "Sourdough baking"),
        *("On-call doctors", "Kubernetes operators in Go", "Kubernetes certification: troubleshooting", "自行车"),
    ],
)
def test_other_subjects_are_not_taken_for_one_of_the_demos(prompt: str) -> None:
    assert dataset_about(prompt) is None
