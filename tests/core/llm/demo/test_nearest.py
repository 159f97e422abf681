"""Topics that a user renamed, moved or added get the demo's nearest, and the demo's own come first everywhere."""

from __future__ import annotations

import pytest

from deepfabric_core.llm.demo.dataset import dataset
from deepfabric_core.llm.demo.nearest import place_of, subtopics_of

ROOT = "Repairing bicycles"
BICYCLES = dataset("bicycle_repair")


def nearest(*names: str) -> str | None:
    place = place_of(BICYCLES, (ROOT, *names))
    return place.topic.name if place else None


def test_the_demos_own_topics_are_found_whatever_their_spelling_and_the_roots() -> None:
    for branch in BICYCLES.branches:
        for leaf in branch.children:
            place = place_of(BICYCLES, ("bike repair", branch.name.upper(), f"{leaf.name}."))
            assert place is not None and place.exact and place.topic is leaf
            assert place.samples == leaf.samples


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (("Fixing flats",), "Finding and patching punctures"),
        (("Tires", "Patching a tire's tube"), "Finding and patching punctures"),
        (("Rim and disc brakes", "Noisy brakes"), "Contaminated pads and disc squeal"),
        (("Chain", "Cleaning"), "Chain cleaning and lubrication"),
        (("Frame and cockpit", "Chain wear and replacement"), "Chain wear and replacement"),
        (("Headset",), "Threadless headset adjustment"),
        (("Mechanics", "Wheels", "Truing a wheel"), "Wheel truing and spoke tension"),
    ],
)
def test_other_topics_get_what_is_near_by_the_words_of_their_names(names: tuple[str, ...], found: str) -> None:
    assert nearest(*names) == found


@pytest.mark.parametrize(
    "names",
    [
        ("Electric bicycles",),
        ("Winter riding",),
        ("Cleaning",),
        ("Choosing a bike",),
        ("Adjusting rough systems in Repairing bicycles",),
        ("Drivetrain and shifting", "Chain cleaning and lubrication", "Cleaning simple margins"),
        (),
    ],
)
def test_what_shares_too_little_has_nothing_near(names: tuple[str, ...]) -> None:
    assert nearest(*names) is None
    assert not names or subtopics_of(BICYCLES, (ROOT, *names), ()) == []


def test_a_topic_that_is_only_near_begins_with_the_last_sample() -> None:
    own = place_of(BICYCLES, (ROOT, "Drivetrain and shifting", "Chain wear and replacement"))
    near = place_of(BICYCLES, (ROOT, "Drivetrain and shifting", "When a chain is worn and stretched"))
    assert own is not None and near is not None and own.topic is near.topic
    assert near.samples == own.samples[::-1] and near.samples[0] != own.samples[0]


def test_a_branch_has_the_first_sample_of_each_leaf_and_then_the_second() -> None:
    place = place_of(BICYCLES, (ROOT, "Wheels and hubs"))
    assert place is not None
    leaves = place.topic.children
    assert place.samples[:6] == tuple(leaf.samples[0] for leaf in leaves)
    assert place.samples[6:] == tuple(leaf.samples[1] for leaf in leaves if len(leaf.samples) > 1)


def test_subtopics_come_in_the_files_order_without_what_is_taken_or_near_to_it() -> None:
    branches = [branch.name for branch in BICYCLES.branches]
    assert subtopics_of(BICYCLES, (ROOT,), ()) == branches
    assert subtopics_of(BICYCLES, (ROOT,), (branches[0].lower(), "Gears")) == [branches[1], *branches[3:]]
    leaves = [leaf.name for leaf in BICYCLES.branches[1].children]
    assert subtopics_of(BICYCLES, (ROOT, "Rim and disc brakes"), (leaves[2],)) == [*leaves[:2], *leaves[3:]]
    assert subtopics_of(BICYCLES, (ROOT, "Brakes"), ()) == leaves[::-1]
    assert subtopics_of(BICYCLES, (ROOT, "Rim and disc brakes", leaves[0]), ()) == []
