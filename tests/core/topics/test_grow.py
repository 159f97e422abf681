"""Growing topics from canned replies, in any order."""

import itertools
import json
import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.chat.messages import Reply, Request
from deepfabric_core.config.schema import TopicsConfig
from deepfabric_core.errors import FailureKind, ModelError, ReplyError
from deepfabric_core.topics.grow import Child, Expansion, Growth, expand, grown_names
from deepfabric_core.topics.model import Topics, fold
from deepfabric_core.topics.rewordings import is_rewording

ROOT = Expansion("r", ("Bicycles",))


def settings(**keys: Any) -> TopicsConfig:
    return TopicsConfig.model_validate({"prompt": "Bicycles", **keys})


def naming(*names: str) -> Reply:
    return Reply(json.dumps({"subtopics": names}), model="m")


def grown(
    expansion: Expansion, chosen: TopicsConfig, *replies: Reply | ModelError
) -> tuple[tuple[Child, ...], list[Request]]:
    """The children, and the requests, when these replies are sent and these errors thrown."""
    asking = expand(expansion, chosen)
    requests = [next(asking)]
    for reply in replies:
        try:
            requests.append(asking.throw(reply) if isinstance(reply, ModelError) else asking.send(reply))
        except StopIteration as end:
            children: tuple[Child, ...] = end.value
            return children, requests
    raise AssertionError("the expansion asks for more replies")


def names(children: Sequence[Child]) -> list[str]:
    return [child.name for child in children]


def full_growth(chosen: TopicsConfig, vocabulary: Sequence[str], order: random.Random) -> tuple[Growth, int]:
    """Grow to the end; each reply depends only on its topic, `order` says which comes first. Every tenth fails."""
    growth = Growth(chosen)
    waiting, expansions = growth.start(), 0
    while waiting:
        expansion = waiting.pop(order.randrange(len(waiting)))
        expansions += 1
        own = random.Random("/".join(expansion.path))
        if own.random() < 0.1 and len(expansion.path) > 1:
            growth.fail(expansion)
            continue
        some = [own.choice(vocabulary) for _ in range(chosen.degree + 1)]
        numbers = range(1, len(expansion.candidates) + 2)
        linked = [{"topic": name, "also_under": own.sample(numbers, min(2, len(numbers)))} for name in some]
        answer = Reply(json.dumps({"subtopics": linked if expansion.candidates else some}), model="m")
        try:
            children, _ = grown(expansion, chosen, *[answer] * (chosen.expansion_retries + 1))
        except ReplyError:
            growth.fail(expansion)
        else:
            waiting += growth.add(expansion, children)
    return growth, expansions


def test_degree_three_and_depth_three_make_27_leaves_in_13_expansions() -> None:
    chosen = settings(degree=3, depth=3)
    growth = Growth(chosen)
    waiting, expansions = growth.start(), 0
    while waiting:
        expansion = waiting.pop()
        expansions += 1
        children, requests = grown(expansion, chosen, naming(*(f"{expansion.path[-1]}{n}" for n in "abc")))
        assert len(requests) == 1
        waiting += growth.add(expansion, children)
    topics = growth.topics()
    assert (expansions, len(topics.leaves), topics.depth) == (13, 27, 3)
    assert (growth.total, growth.missing, len(topics)) == (39, 0, 40)


def test_only_what_is_missing_is_asked_for_again() -> None:
    children, requests = grown(ROOT, settings(), naming("Wheels"), naming("Brakes", "Gears", "Bells"))
    assert names(children) == ["Wheels", "Brakes", "Gears"]
    assert [(r.subject.wanted, r.subject.taken) for r in requests] == [(3, ()), (2, ("Wheels",))]
    assert "Name exactly 2" in requests[1].messages[-1].content and "Wheels" in requests[1].messages[-1].content


def test_spellings_of_one_name_are_one_topic_and_symbols_tell_names_apart() -> None:
    children, _ = grown(ROOT, settings(degree=4), naming("1. C", "c", " C.", "C++", "C#", "- The  chain", "the chain"))
    assert names(children) == ["C", "C++", "C#", "The chain"]


def test_an_ancestor_or_an_empty_name_is_no_child() -> None:
    expansion = Expansion("w", ("Bicycles", "Wheels"))
    children, _ = grown(expansion, settings(), naming("bicycles", "WHEELS!", "", " ", "Rims"), naming("Hubs", "Spokes"))
    assert names(children) == ["Rims", "Hubs", "Spokes"]


@pytest.mark.parametrize(
    "damaged",
    [
        Reply('{"subtopics": ["Wheels", "Bra', "m"),
        Reply('{"subtopics": ["Wheels", "Bra', "m", finish_reason="length"),
        Reply('{"topics": ["Wheels"]}', "m"),
        Reply("", "m"),
    ],
)
def test_a_damaged_reply_is_asked_for_again(damaged: Reply) -> None:
    children, (first, second) = grown(ROOT, settings(), damaged, naming("a", "b", "c"))
    assert names(children) == ["a", "b", "c"]
    assert "could not be used" in second.messages[-1].content
    if damaged.text and damaged.finish_reason == "stop":
        assert second.messages[: len(first.messages)] == first.messages
        assert damaged.text in second.messages[-2].content


def test_a_model_error_after_some_children_keeps_them() -> None:
    lost = ModelError("gone", kind=FailureKind.TIMEOUT)
    assert names(grown(ROOT, settings(), naming("Wheels"), lost)[0]) == ["Wheels"]


def test_a_model_error_before_any_child_is_raised_as_it_is() -> None:
    lost = ModelError("gone", kind=FailureKind.TIMEOUT)
    with pytest.raises(ModelError) as problem:
        grown(ROOT, settings(), lost)
    assert problem.value is lost


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply("no", "m"), FailureKind.INVALID_JSON),
        (naming(), FailureKind.INVALID_REPLY),
        (naming("bicycles"), FailureKind.INVALID_REPLY),
    ],
)
def test_nothing_at_all_is_an_error_once_the_retries_are_spent(reply: Reply, kind: FailureKind) -> None:
    asking = expand(ROOT, settings(expansion_retries=2))
    next(asking)
    asking.send(reply)
    asking.send(reply)
    with pytest.raises(ReplyError) as problem:
        asking.send(reply)
    assert problem.value.kind is kind


def test_fewer_children_than_asked_for_are_taken_when_the_model_has_no_more() -> None:
    children, requests = grown(ROOT, settings(expansion_retries=2), *[naming("a", "b")] * 3)
    assert names(children) == ["a", "b"] and len(requests) == 3


def test_what_is_missing_is_counted_with_all_that_would_have_grown_below() -> None:
    growth = Growth(settings(degree=3, depth=3))
    (root,) = growth.start()
    first, _ = growth.add(root, (Child("a"), Child("b")))
    assert growth.missing == 13
    assert growth.fail(first) == 12
    assert growth.missing == 25
    assert [path for _, path in growth.topics().leaves] == [("Bicycles", "a"), ("Bicycles", "b")]


def test_a_link_leads_to_the_numbered_candidate_and_unknown_numbers_are_ignored() -> None:
    chosen = settings(mode="graph", degree=2)
    growth = Growth(chosen)
    (root,) = growth.start()
    first, second = growth.add(root, (Child("Wheels"), Child("Brakes")))
    assert [candidate.name for candidate in first.candidates] == ["Brakes"]
    answer = {"subtopics": [{"topic": "Rims", "also_under": [1, 1, 9, 0, -1]}, {"topic": "Hubs"}]}
    children, _ = grown(first, chosen, Reply(json.dumps(answer), "m"))
    growth.add(first, children)
    growth.add(second, (Child("rims"), Child("Pads")))
    topics = growth.topics()
    (rims,) = [topic for topic in topics.by_id.values() if fold(topic.name) == "rims"]
    assert rims.parents == (first.id, second.id)
    assert len(topics.leaves) == 3


@pytest.mark.parametrize("style", ["isolated", "anchored"])
def test_a_graph_without_cross_links_offers_no_candidates(style: str) -> None:
    growth = Growth(settings(mode="graph", prompt_style=style))
    assert not any(e.candidates for e in growth.add(growth.start()[0], (Child("a"), Child("b"))))


VOCABULARIES = st.lists(st.sampled_from(["a", "A ", "b", "c", "d", "e", "f", "g", "h", "é"]), min_size=2, max_size=9)
SHAPES = st.fixed_dictionaries(
    {
        "degree": st.integers(1, 3),
        "depth": st.integers(1, 4),
        "mode": st.sampled_from(["tree", "graph"]),
        "prompt_style": st.sampled_from(["default", "isolated"]),
        "expansion_retries": st.just(1),
    }
)


def assert_sound(topics: Topics) -> None:
    """Every link is told at both ends, every topic hangs on the root by its first parent, no link closes a cycle."""
    for topic in topics.by_id.values():
        assert len(set(topic.parents)) == len(topic.parents) and len(set(topic.children)) == len(topic.children)
        assert all(topic.id in topics.by_id[parent].children for parent in topic.parents)
        assert all(topic.id in topics.by_id[child].parents for child in topic.children)
    depths = {topic.id: len(path) for topic, path in topics.walk()}
    assert set(depths) == set(topics.by_id)
    assert all(depths[parent] < depths[topic.id] for topic in topics.by_id.values() for parent in topic.parents)


@given(SHAPES, VOCABULARIES, st.integers())
def test_growth_is_the_same_in_any_order_of_replies(shape: dict[str, Any], vocabulary: list[str], seed: int) -> None:
    chosen = settings(**shape)
    one, expansions = full_growth(chosen, vocabulary, random.Random(0))
    other, as_many = full_growth(chosen, vocabulary, random.Random(seed))
    assert list(one.topics().by_id.items()) == list(other.topics().by_id.items())
    assert (one.missing, expansions) == (other.missing, as_many)


@given(SHAPES, VOCABULARIES, st.integers())
def test_what_grows_is_connected_and_acyclic(shape: dict[str, Any], vocabulary: list[str], seed: int) -> None:
    assert_sound(full_growth(settings(**shape), vocabulary, random.Random(seed))[0].topics())


@given(SHAPES.map(lambda shape: {**shape, "mode": "graph"}), VOCABULARIES)
def test_a_graph_holds_each_name_once_a_level(shape: dict[str, Any], vocabulary: list[str]) -> None:
    topics = full_growth(settings(**shape), vocabulary, random.Random(0))[0].topics()
    levels = [(len(path), fold(topic.name)) for topic, path in topics.walk()]
    assert len(set(levels)) == len(levels)
    leaves = [topic.id for topic, _ in topics.leaves]
    assert len(set(leaves)) == len(leaves)


@given(SHAPES.map(lambda shape: {**shape, "mode": "tree"}), VOCABULARIES)
def test_in_a_tree_what_has_grown_and_what_is_missing_make_the_total(
    shape: dict[str, Any], vocabulary: list[str]
) -> None:
    growth, _ = full_growth(settings(**shape), vocabulary, random.Random(0))
    assert len(growth.topics()) - 1 + growth.missing == growth.total


def test_after_a_reply_in_vain_the_same_is_asked_in_other_words_and_without_what_was_repeated() -> None:
    children, (first, second) = grown(ROOT, settings(), naming("Bicycles", "Bicycles"), naming("a", "b", "c"))
    assert names(children) == ["a", "b", "c"]
    said = second.messages[-1].content
    assert "3 chapters" in said and "chapters" not in first.messages[-1].content
    assert "Leave these out" not in said and second.redraw == 1
    assert '"subtopics"' in said, "the form stays"


def rewording(name: str, number: int) -> str:
    """A name in other words, in one of several ways."""
    words = name.split()
    frames = ("Introduction to {}", "{} basics", "Understanding the {}", "The {}", "{}: an overview")
    return frames[number % len(frames)].format(" ".join(reversed(words)) if "of" in words else name)


def grown_by_a_rewording_model(*, refuse: bool) -> tuple[Topics, int, list[str]]:
    """A tree, how many topics it lacks, and what was said of refused names, from a model that rewords 30 in 100."""
    chosen = settings(degree=5, depth=3, expansion_retries=4)
    growth, dice, told = Growth(chosen, grown_names(chosen) if refuse else None), random.Random(4), list[str]()
    vocabulary = [f"{verb} {what}" for verb in ("Truing", "Cleaning", "Storing", "Testing") for what in THINGS]
    waiting = growth.start()
    while waiting:
        expansion = waiting.pop(dice.randrange(len(waiting)))
        asking = expand(expansion, chosen, grown=growth.grown)
        request = next(asking)
        try:
            while True:
                told += [line for line in request.messages[-1].content.split("\n") if "can't be used" in line]
                said: list[str] = []
                for number in range(chosen.degree):
                    old = dice.choice([*expansion.path, *said])
                    said.append(rewording(old, number) if dice.random() < 0.3 else dice.choice(vocabulary))
                request = asking.send(naming(*said))
        except StopIteration as end:
            waiting += growth.add(expansion, end.value)
    return growth.topics(), growth.missing, told


PARTS = ("rims", "spokes", "hubs", "pads", "cables", "chains", "tubes", "bells")
THINGS = [f"{part} of {kind} bikes" for part in PARTS for kind in ("old", "new", "fast", "red", "small")]


def siblings_that_reword(topics: Topics) -> int:
    return sum(
        is_rewording(topics.by_id[one].name, topics.by_id[other].name)
        for topic in topics.by_id.values()
        for one, other in itertools.combinations(topic.children, 2)
    )


def test_of_a_model_that_rewords_no_siblings_and_no_parent_are_alike_afterwards() -> None:
    before, _, _ = grown_by_a_rewording_model(refuse=False)
    assert siblings_that_reword(before) > 10
    topics, missing, told = grown_by_a_rewording_model(refuse=True)
    assert siblings_that_reword(topics) == 0
    for topic in topics.by_id.values():
        for child in topic.children:
            assert not is_rewording(topic.name, topics.by_id[child].name)
    assert len(topics) + missing == 1 + 5 + 25 + 125
    assert missing < 10
    assert any("it only rewords a topic above" in line for line in told)


def test_rewordings_are_asked_for_again_and_missing_ones_are_told() -> None:
    chosen = settings(degree=2, expansion_retries=1)
    asking = expand(ROOT, chosen, grown=grown_names(chosen))
    next(asking)
    again = asking.send(naming("Introduction to bicycles", "Truing a wheel"))
    assert '"Introduction to bicycles" (it only rewords a topic above)' in again.messages[-1].content
    with pytest.raises(StopIteration) as end:
        asking.send(naming("Wheel truing"))
    assert names(end.value.value) == ["Truing a wheel"]


def test_rewordings_are_taken_unless_they_are_to_be_refused() -> None:
    children, requests = grown(ROOT, settings(degree=2), naming("Introduction to bicycles", "Bicycle basics"))
    assert len(children) == 2 and len(requests) == 1
