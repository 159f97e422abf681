"""A topic's name that only rewords another one is recognized, and names of two topics aren't."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.topics.rewordings import GrownNames, is_rewording
from tests.core.topics.rewordings_table import labelled, missed_and_wrong

PATH = ("Bicycles", "Wheels", "Wheel truing")


def test_of_the_labelled_names_nearly_all_are_told_apart() -> None:
    missed, wrong = missed_and_wrong()
    rewordings, different = labelled()["rewordings"], labelled()["different"]
    assert len(rewordings) >= 100 and len(different) >= 100
    found = len(rewordings) - len(missed)
    assert found / (found + len(wrong)) >= 0.98 and found / len(rewordings) >= 0.95


@pytest.mark.parametrize("name", ["Introduction to wheel truing", "Truing wheels", "Basics", "Overview", "Wheels 101"])
def test_a_name_that_rewords_a_topic_above_is_refused(name: str) -> None:
    assert GrownNames().refused_because(name, PATH, ()) == "it only rewords a topic above"


def test_a_name_that_rewords_a_sibling_is_refused() -> None:
    names, taken = GrownNames(), ("Radial runout", "Spoke tension")
    assert names.refused_because("Tension of the spokes", PATH, taken) == "it only rewords one that is there"
    assert names.refused_because("Lateral runout", PATH, taken) is None


def test_a_name_that_rewords_a_cousin_is_refused_unless_the_parents_tell_them_apart() -> None:
    names = GrownNames()
    names.add("Lubricating with oil", ("Bicycles", "Chains"))
    said = "it only rewords a topic beside its parent's"
    assert names.refused_because("Oil lubricating", ("Bicycles", "Hubs"), ()) == said
    assert names.refused_because("Oil lubricating", ("Bicycles", "Motorcycle chains"), ()) is None
    assert names.refused_because("Oil lubricating", ("Bicycles", "Chains"), ()) is None
    assert names.refused_because("Oil lubricating", ("Cars", "Hubs"), ()) is None
    names.add("Storage", ("Bicycles", "Chains"))
    assert names.refused_because("Storage", ("Bicycles", "Hubs"), ()) is None
    graph = GrownNames(cousins=False)
    graph.add("Lubricating with oil", ("Bicycles", "Chains"))
    assert graph.refused_because("Oil lubricating", ("Bicycles", "Hubs"), ()) is None


def test_the_language_is_guessed_or_given() -> None:
    assert is_rewording("Die Pflege der Ketten", "Pflege einer Kette")
    assert is_rewording("Ketten", "Kette", "de")
    assert is_rewording("Цепи", "Цепь", "ru") and not is_rewording("Цепи", "Спицы", "ru")
    assert is_rewording("Chains", "Chain", "xx") and is_rewording("Chains", "Chain", "EN-us")


WORDS = (
    "a",
    "the",
    "A",
    "of",
    "to",
    "Basics",
    "truing",
    "wheels",
    "1",
    "2",
    "C++",
    "日本",
    "入門",
    "&",
    ":",
    "\ud800",
    "🚲",
)
NAMES = st.text(st.characters(codec=None), max_size=40) | st.lists(st.sampled_from(WORDS)).map(" ".join)


@given(NAMES, NAMES, st.sampled_from([None, "de", "ar", "ja"]))
def test_any_two_names_can_be_compared_in_either_order(one: str, other: str, language: str | None) -> None:
    assert is_rewording(one, other, language) == is_rewording(other, one, language)
    assert isinstance(GrownNames(language).refused_because(one, (other,), (other,)), str | None)


@given(
    st.lists(st.sampled_from(["truing", "wheel", "spoke", "rim", "brakes", "2"]), min_size=1, max_size=5, unique=True)
)
def test_a_name_rewords_itself_in_a_frame_and_another_case(words: list[str]) -> None:
    name = " ".join(words)
    for again in (name, name.upper(), f"Introduction to {name}", f"Understanding the {name}", f"{name} basics"):
        assert is_rewording(name, again)


@given(st.lists(st.sampled_from(["truing", "spoke", "rim", "brake", "2", "3"]), min_size=1, max_size=5, unique=True))
def test_a_word_more_makes_a_short_name_another_one(words: list[str]) -> None:
    assert not is_rewording(" ".join(words), " ".join([*words, "hydraulics"]))


def test_ten_thousand_topics_take_less_than_a_millisecond_each() -> None:
    dice = random.Random(1)
    ends = ("king", "ing", "er", "tion", "s", "ly")
    vocabulary = [f"{first}{end}" for first in ("ba", "tru", "fix", "gro", "sel") for end in ends]
    names, spent, accepted = GrownNames(), 0.0, 0
    for parent in range(500):
        path, taken = ("Root of it all", f"branch {parent // 50}", f"parent {parent}"), list[str]()
        for _ in range(20):
            name = " ".join(dice.choices(vocabulary, k=4))
            begin = time.process_time()
            refused = names.refused_because(name, path, taken)
            spent += time.process_time() - begin
            if refused is None:
                names.add(name, path)
                taken.append(name)
                accepted += 1
    assert spent < 10 and accepted > 9_000


def test_a_huge_name_takes_no_time() -> None:
    begin = time.process_time()
    for huge in ("introduction to " * 100_000, "a" * 1_000_000, "key concepts of basics " * 50_000):
        GrownNames().refused_because(huge, (huge,), (huge,))
    assert time.process_time() - begin < 10  # and not for hours
