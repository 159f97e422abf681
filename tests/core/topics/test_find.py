"""Topics are found by id, by name, or by the end of their path."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.config.schema import Mode
from deepfabric_core.errors import ConfigError
from deepfabric_core.topics.edit_draft import key_of
from deepfabric_core.topics.find import find
from deepfabric_core.topics.formats import parse_topics
from deepfabric_core.topics.model import Topics
from tests.core.topics.test_edit import any_topics

PATHS = (
    ["Bikes", "Wheels", "Truing"],
    ["Bikes", "Wheels", "Tyres"],
    ["Bikes", "Tandems", "Wheels"],
    ["Bikes", "C > D"],
)


@pytest.fixture
def bikes() -> Topics:
    lines = "\n".join(str({"path": path}).replace("'", '"') for path in PATHS)
    return parse_topics(lines, source="bikes")[0]


@pytest.mark.parametrize(
    ("where", "path"),
    [
        ("Truing", "Bikes/Wheels/Truing"),
        ("wheels  >  TRUING!", "Bikes/Wheels/Truing"),
        ("Bikes > Wheels", "Bikes/Wheels"),
        ("Wheels", "Bikes/Wheels"),
        ("Tandems \u203a Wheels", "Bikes/Tandems/Wheels"),
        (["Tandems", "Wheels"], "Bikes/Tandems/Wheels"),
        ("Bikes", "Bikes"),
        ("C > D", "Bikes/C > D"),
    ],
)
def test_a_topic_is_meant_by_the_end_of_its_path(bikes: Topics, where: str, path: str) -> None:
    topic = find(bikes, where)
    assert {one.id: "/".join(names) for one, names in bikes.walk()}[topic.id] == path


def test_what_means_several_topics_is_refused_with_their_paths() -> None:
    paths = (["a", "b", "x"], ["a", "c", "x"])
    topics = parse_topics("\n".join(str({"path": path}).replace("'", '"') for path in paths), source="t")[0]
    with pytest.raises(ConfigError, match=r"'x' means several topics: a > b > x; a > c > x. Name more"):
        find(topics, "x")


@pytest.mark.parametrize(("where", "why"), [("Trueing", "did you mean 'Truing'"), ("", "pruned"), ([], "pruned")])
def test_what_means_none_is_refused_with_the_nearest_name(bikes: Topics, where: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        find(bikes, where)


@given(st.data(), st.sampled_from(["tree", "graph"]))
def test_an_id_always_means_its_topic_and_a_whole_path_one_with_these_names(data: st.DataObject, mode: Mode) -> None:
    topics = data.draw(any_topics(mode))
    for topic, path in topics.walk():
        assert find(topics, topic.id) is topic
        with suppress(ConfigError):  # several have it
            assert key_of(find(topics, path).name) == key_of(topic.name)
