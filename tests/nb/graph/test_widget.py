"""The topic graph as Python sees it: what goes to the browser, and what comes back from it."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import ipykernel.ipkernel  # noqa: F401 - from here on, widgets have the comms of a real kernel
import pytest

import deepfabric_core.pictures
import deepfabric_nb.graph.widget
from deepfabric_core.errors import ConfigError
from deepfabric_core.topics.edit import prune
from deepfabric_core.topics.model import Topic, Topics, topic_id
from deepfabric_nb.graph.history import GrowingHistory
from deepfabric_nb.graph.widget import TopicGraphWidget
from tests.nb.wire import Wire

STATIC = Path(deepfabric_nb.graph.widget.__file__).parent.parent / "static"
PICTURES = Path(deepfabric_core.pictures.__file__).parent


def tree(*paths: str) -> Topics:
    """A tree of paths like "tea/green/sencha", parents first."""
    split = [tuple(path.split("/")) for path in paths]
    own = {path: topic_id("tree", path) for path in split}
    by_id = {
        own[path]: Topic(
            own[path],
            path[-1],
            (own[path[:-1]],) if path[1:] else (),
            tuple(own[other] for other in split if other[:-1] == path),
        )
        for path in split
    }
    return Topics("tree", own[split[0]], by_id)


def of(path: str) -> str:
    return topic_id("tree", tuple(path.split("/")))


def names(topics: Topics) -> list[str]:
    return [topic.name for topic, _ in topics.walk()]


TEA = ("tea", "tea/green", "tea/green/sencha", "tea/green/matcha", "tea/black", "tea/black/assam")


class Shown:
    """A graph, its wire, and what its owner was told."""

    def __init__(self, topics: Topics) -> None:
        self.edits: list[tuple[list[str], str]] = []
        self.growths: list[tuple[str, str]] = []
        self.graph = TopicGraphWidget(
            topics,
            on_edit=lambda topics, what: self.edits.append((names(topics), what)),
            on_grow=lambda own, how: self.growths.append((own, how)),
        )
        self.graph.comm = self.wire = Wire()
        self.wire.sent.clear()

    def asks(self, op: str, *ids: str, **more: Any) -> None:
        self.wire.receive({"type": "edit", "op": op, "ids": list(ids), **more})

    @property
    def snapshots(self) -> list[dict[str, Any]]:
        return [sent["state"]["snapshot"] for sent in self.wire.sent if "snapshot" in sent.get("state", {})]

    def reload(self) -> dict[str, Any]:
        self.wire.handle_msg({"content": {"data": {"method": "request_state"}}})
        return self.snapshots[-1]


@pytest.fixture
def shown() -> Shown:
    return Shown(tree(*TEA))


def growing(count: int) -> Iterable[tuple[tuple[str, ...], list[str]]]:
    """Ten children for each topic, level by level, as a run tells of them."""
    level: list[tuple[str, ...]] = [("root",)]
    made = 1
    while made < count:
        path = level.pop(0)
        children = [f"topic {made + n}" for n in range(min(10, count - made))]
        level.extend((*path, child) for child in children)
        made += len(children)
        yield path, children


# ---- what goes to the browser


def test_a_page_that_is_loaded_gets_everything_there_is_by_then(shown: Shown) -> None:
    shown.graph.grow(("tea", "black"), ["darjeeling"])
    shown.graph.count(of("tea/green/sencha"), wanted=3)
    shown.graph.sample(of("tea/green/sencha"), "why?", "so")
    shown.graph.failure(of("tea/green/matcha"), "timeout", "slow")
    snapshot = shown.reload()
    assert snapshot["names"] == ["tea", "green", "sencha", "matcha", "black", "assam", "darjeeling"]
    assert snapshot["samples"] == [(2, [("why?", "so")])]
    assert snapshot["failures"] == [(3, [("timeout", "slow")])]


def test_numbers_go_as_bytes_of_32_bits(shown: Shown) -> None:
    shown.graph.count(of("tea/green"), wanted=70_000, done=2, failed=1)
    snapshot = shown.graph.now()
    parents, wanted = array("i", snapshot["parent"]), array("i", snapshot["wanted"])
    assert list(parents) == [-1, 0, 1, 1, 0, 4]
    assert list(wanted) == [0, 70_000, 0, 0, 0, 0]


def test_only_what_is_new_is_sent_and_only_once(shown: Shown) -> None:
    shown.graph.grow(("tea", "black"), ["darjeeling"])
    shown.graph.sample(of("tea/black/darjeeling"), "why?", "so")
    for _ in range(3):
        shown.graph.flush()
    (delta,) = shown.wire.messages
    assert (delta["before"], delta["names"], delta["samples"]) == (6, ["darjeeling"], [(6, [("why?", "so")])])


def test_deltas_are_numbered_and_a_page_that_missed_one_gets_everything(shown: Shown) -> None:
    first = shown.reload()["seq"]
    for done in (1, 2):
        shown.graph.count(of("tea"), done=done)
        shown.graph.flush()
    assert [delta["seq"] for delta in shown.wire.messages] == [first + 1, first + 2]
    shown.wire.sent.clear()
    shown.wire.receive({"type": "resync", "seq": first + 2})
    assert (shown.snapshots, shown.wire.messages) == ([], [{"type": "synced", "seq": first + 2}])
    shown.wire.receive({"type": "resync", "seq": first})
    assert shown.snapshots[0]["seq"] == first + 2


def test_ten_thousand_topics_grow_and_none_is_lost() -> None:
    shown = Shown(tree("root"))
    for turn, (path, children) in enumerate(growing(10_000)):
        shown.graph.grow(path, children)
        if turn % 50 == 0:
            shown.graph.flush()
    shown.graph.flush()
    assert sum(len(delta["ids"]) for delta in shown.wire.messages) == 9_999
    assert len(shown.graph.topics) == len(shown.reload()["ids"]) == 10_000


def test_texts_go_short_and_without_control_codes(shown: Shown) -> None:
    shown.graph.grow(("tea",), ["a\x1b[31mb\u202ec"])
    for number in range(5):
        shown.graph.sample(of("tea/green"), "q" * 999, f"{number}" * 999)
    snapshot = shown.graph.now()
    assert snapshot["names"][-1] == "a\\x1b[31mb\ufffdc"
    ((_, samples),) = snapshot["samples"]
    assert len(samples) == 3
    assert max(len(text) for sample in samples for text in sample) <= 320
    assert array("i", snapshot["done"])[1] == 5


def test_other_parents_go_as_rows() -> None:
    topics = Topics(
        "graph",
        "r",
        {
            "r": Topic("r", "root", (), ("a", "b")),
            "a": Topic("a", "a", ("r",), ("x",)),
            "b": Topic("b", "b", ("r",), ("x",)),
            "x": Topic("x", "x", ("a", "b")),
        },
    )
    assert Shown(topics).graph.now()["others"] == [(2, 3)]


def test_marks_are_shown_with_their_topics(shown: Shown) -> None:
    shown.graph.mark({of("tea/black"): "like “green”", "gone": "?"})
    assert shown.snapshots[-1]["marks"] == [(4, "like “green”")]


# ---- edits, from Python and from the page


def test_a_pruned_branch_is_gone_and_undo_brings_it_back(shown: Shown) -> None:
    shown.graph.prune(of("tea/green"))
    assert names(shown.graph.topics) == ["tea", "black", "assam"]
    assert shown.snapshots[-1]["undo"] == "Pruned “green”"
    shown.graph.undo()
    assert shown.graph.topics == tree(*TEA)
    assert shown.snapshots[-1]["redo"] == "Pruned “green”"
    shown.graph.redo()
    assert [what for _, what in shown.edits] == [
        "Pruned “green”",
        "Undone: Pruned “green”",
        "Done again: Pruned “green”",
    ]


def test_a_page_that_sets_a_weight_gets_it_back_and_can_take_it_back(shown: Shown) -> None:
    shown.asks("weigh", of("tea/green"), of("tea/black/assam"), weight=2)
    assert shown.snapshots[-1]["weights"] == [(1, 2, False), (5, 2, False)]
    shown.asks("weigh", of("tea/green"), weight=None)
    assert shown.snapshots[-1]["weights"] == [(5, 2, False)]
    assert shown.snapshots[-1]["undo"] == "Weight as above for “green”"
    shown.asks("weigh", of("tea/green"), weight="2")
    assert shown.wire.messages[-1]["type"] == "refused"


@pytest.mark.parametrize(
    ("op", "ids", "more", "left"),
    [
        ("prune", ["tea/green"], {}, ["tea", "black", "assam"]),
        ("keep_only", ["tea/green"], {}, ["tea", "green", "sencha", "matcha"]),
        ("rename", ["tea/black/assam"], {"name": "ceylon"}, ["tea", "green", "sencha", "matcha", "black", "ceylon"]),
        ("add", ["tea/black"], {"name": "keemun"}, ["tea", "green", "sencha", "matcha", "black", "assam", "keemun"]),
        ("merge", ["tea/green", "tea/black"], {}, ["tea", "green", "sencha", "matcha", "assam"]),
    ],
)
def test_what_the_page_asks_for_is_done_and_told(
    shown: Shown, op: str, ids: list[str], more: dict[str, str], left: list[str]
) -> None:
    shown.asks(op, *map(of, ids), **more)
    assert names(shown.graph.topics) == left
    assert shown.snapshots[-1]["names"] == left
    assert [edited for edited, _ in shown.edits] == [left]
    assert shown.wire.messages[-1] == {"type": "heard"}
    shown.asks("undo")
    assert names(shown.graph.topics) == names(tree(*TEA))


def test_growing_and_asking_again_are_passed_on(shown: Shown) -> None:
    shown.asks("grow", of("tea/green"))
    shown.asks("regenerate", of("tea/black"))
    assert shown.growths == [(of("tea/green"), "grow"), (of("tea/black"), "regenerate")]


@pytest.mark.parametrize(
    ("op", "ids", "why"),
    [
        ("prune", ["tea"], "root can't be pruned"),
        ("prune", ["nowhere"], "no topic with the id"),
        ("rename", ["nowhere"], "no topic with the id"),
        ("prune", [], "can't be done"),
        ("fly", ["tea"], "can't be done"),
        ("undo", [], "no edit to undo"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_reason(shown: Shown, op: str, ids: list[str], why: str) -> None:
    shown.asks(op, *map(of, ids))
    (answer,) = shown.wire.messages
    assert answer["type"] == "refused"
    assert why in answer["message"]
    assert (shown.graph.topics, shown.edits) == (tree(*TEA), [])


@pytest.mark.parametrize("message", [None, "edit", {}, {"type": "edit"}, {"type": "edit", "op": "prune", "ids": [1]}])
def test_any_other_message_is_let_go(shown: Shown, message: Any) -> None:
    shown.wire.receive(message)
    assert (shown.wire.sent, shown.edits) == ([], [])


def test_counts_come_back_with_a_topic_that_comes_back(shown: Shown) -> None:
    shown.graph.count(of("tea/green/sencha"), done=2)
    shown.graph.prune(of("tea/green"))
    shown.graph.undo()
    assert list(array("i", shown.graph.now()["done"])) == [0, 0, 2, 0, 0, 0]


def test_edits_from_code_may_be_any_function_of_topics(shown: Shown) -> None:
    shown.graph.edit(lambda topics: prune(topics, [of("tea/black")]), "No black tea")
    assert shown.edits[-1][1] == "No black tea"
    with pytest.raises(ConfigError):
        shown.graph.rename(of("tea/green"), "")


# ---- edits while topics grow


def test_what_grows_below_a_pruned_topic_is_dropped(shown: Shown) -> None:
    shown.graph.prune(of("tea/green"))
    shown.graph.grow(("tea", "green"), ["gyokuro"])
    shown.graph.grow(("tea", "black"), ["keemun"])
    assert names(shown.graph.topics) == shown.reload()["names"] == ["tea", "black", "assam", "keemun"]


def test_undo_takes_back_the_edit_and_not_what_has_grown_since(shown: Shown) -> None:
    shown.graph.prune(of("tea/green/sencha"))
    shown.graph.grow(("tea", "black"), ["keemun"])
    shown.graph.undo()
    assert names(shown.graph.topics) == ["tea", "green", "sencha", "matcha", "black", "assam", "keemun"]
    shown.graph.grow(("tea", "black"), ["ceylon"])
    shown.graph.redo()
    assert names(shown.graph.topics) == ["tea", "green", "matcha", "black", "assam", "keemun", "ceylon"]


def test_what_was_pruned_before_stays_away_when_a_later_edit_is_taken_back() -> None:
    history = GrowingHistory(tree("tea"))
    history.grow(of("tea"), {of("tea/green"): "green", of("tea/black"): "black"})
    for path in ("tea/green", "tea/black"):
        history.do(partial(prune, ids=[of(path)]), f"Pruned {path}")
        history.grow(of("tea"), {of(f"{path} again"): path})
    history.undo()
    assert "green" not in names(history.topics)
    assert "black" in names(history.topics)


def test_other_topics_altogether_begin_without_a_history(shown: Shown) -> None:
    shown.graph.prune(of("tea/green"))
    shown.graph.replace(tree("coffee", "coffee/arabica"))
    assert shown.snapshots[-1]["names"] == ["coffee", "arabica"]
    assert shown.snapshots[-1]["undo"] == ""


# ---- what is selected


def test_a_selection_on_the_page_is_seen_in_python(shown: Shown) -> None:
    seen: list[tuple[str, ...]] = []
    shown.graph.observe(lambda change: seen.append(change["new"]), "selected")
    shown.wire.receive({"type": "select", "ids": [of("tea/green"), "gone", 7]})
    assert seen == [(of("tea/green"),)] == [shown.graph.selected]
    assert shown.wire.messages == []


def test_a_selection_in_python_is_seen_on_the_page(shown: Shown) -> None:
    shown.graph.selected = (of("tea/black"),)
    assert shown.wire.messages == [{"type": "select", "ids": [of("tea/black")]}]
    assert shown.reload()["selected"] == [of("tea/black")]


def test_a_renamed_topic_stays_selected_and_a_pruned_one_does_not(shown: Shown) -> None:
    shown.graph.selected = (of("tea/green"), of("tea/black"))
    shown.graph.rename(of("tea/green"), "Green tea")
    assert shown.graph.selected == (of("tea/Green tea"), of("tea/black"))
    assert shown.snapshots[-1]["moved"] == [(of("tea/green"), of("tea/Green tea"))]
    assert shown.reload()["moved"] == []
    shown.graph.prune(of("tea/Green tea"))
    assert shown.graph.selected == (of("tea/black"),)


def test_a_topic_stays_selected_when_its_new_name_or_place_is_undone_and_done_again(shown: Shown) -> None:
    green, renamed, moved = of("tea/green"), of("tea/Green tea"), of("tea/black/Green tea")
    shown.graph.selected = (green,)
    shown.graph.rename(green, "Green tea")
    shown.graph.move(renamed, of("tea/black"))
    seen = [shown.graph.selected]
    for step in (shown.graph.undo, shown.graph.undo, shown.graph.redo, shown.graph.redo):
        step()
        seen.append(shown.graph.selected)
    assert seen == [(moved,), (renamed,), (green,), (renamed,), (moved,)]
    assert shown.snapshots[-1]["moved"] == [(renamed, moved)]


def test_topics_may_be_named_instead_of_their_ids(shown: Shown) -> None:
    shown.graph.prune("green > sencha")
    shown.graph.rename("Matcha", "Powder")
    shown.graph.move("powder", "black")
    assert names(shown.graph.topics) == ["tea", "green", "black", "assam", "Powder"]
    with pytest.raises(ConfigError, match="did you mean 'assam'"):
        shown.graph.prune("asam")


def test_the_page_moves_topics_and_learns_their_new_ids(shown: Shown) -> None:
    shown.graph.selected = (of("tea/black/assam"),)
    shown.asks("move", of("tea/black/assam"), to=of("tea/green"))
    assert shown.snapshots[-1]["moved"] == [(of("tea/black/assam"), of("tea/green/assam"))]
    assert shown.graph.selected == (of("tea/green/assam"),)
    assert shown.edits[-1][1] == "Moved “assam” below “green”"
    shown.asks("move", of("tea/green"), to=of("tea/green/assam"))
    assert "lies below" in shown.wire.messages[-1]["message"]
    shown.asks("move", of("tea/green"), to="assam")
    assert "no topic with the id" in shown.wire.messages[-1]["message"]


def test_an_item_of_a_graph_is_a_branch_with_its_samples_and_children(shown: Shown) -> None:
    shown.graph.count(of("tea/green/sencha"), wanted=3, done=2, failed=1)
    green = shown.graph["green"]
    assert (green.path, green.wanted, green.done, green.failed) == (("tea", "green"), 3, 2, 1)
    assert [leaf.name for leaf in green.children] == [leaf.name for leaf in green.leaves] == ["sencha", "matcha"]
    assert shown.graph["tea"].children[0] == green


def test_a_topic_that_is_selected_on_the_page_is_told_by_its_path_and_one_from_python_isnt(shown: Shown) -> None:
    told: list[Sequence[str]] = []

    class View:
        show_within = staticmethod(told.append)

    view = View()
    shown.graph.links.own.samples.add(view)
    for ids in (["tea/green"], [], ["tea/green", "tea/black"], ["tea"]):
        shown.wire.receive({"type": "select", "ids": list(map(of, ids))})
    shown.graph.selected = (of("tea/green"),)
    for path in ("tea/green/sencha", "nowhere", "tea/black"):
        before = shown.graph.selected
        shown.graph.show(of(path))
        assert (shown.graph.selected == before) == (path != "tea/black"), "a branch stays selected for its own topics"
    assert told == [("tea", "green"), (), (), ()]
    assert shown.wire.messages[-1] == {"type": "select", "ids": [of("tea/black")]}


def test_what_is_known_of_samples_is_sent_once(shown: Shown) -> None:
    shown.graph.measure({of("tea/black/assam"): (7.5, 2)}, {})
    shown.graph.measure({of("tea/black/assam"): (7.5, 2)}, {})
    (snapshot,) = shown.snapshots
    assert (snapshot["scores"], snapshot["costs"]) == ([(5, 7.5, 2)], [])


def test_a_picture_is_saved_by_its_ending(shown: Shown, tmp_path: Path) -> None:
    for name, starts in (("t.svg", b"<svg"), ("t.HTML", b"<!DOCTYPE html>")):
        shown.graph.save(tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(starts)
    for name, why in (
        ("t.png", "only a page can draw a PNG"),
        ("t.gif", "ends in .png"),
        ("no/t.svg", "can't be saved"),
    ):
        with pytest.raises(ConfigError, match=why):
            shown.graph.save(tmp_path / name)


# ---- the bundles


def test_messages_are_heard_while_a_cell_runs() -> None:
    assert getattr(TopicGraphWidget(tree("tea")).comm, "_reply_subshell_for", None) is None


@pytest.mark.parametrize("bundle", [STATIC / "graph.css", PICTURES / "graph_page.js", PICTURES / "graph_page.css"])
def test_a_bundle_loads_nothing_from_elsewhere_and_never_writes_html(bundle: Path) -> None:
    text = bundle.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")  # the name of SVG, no address
    assert len(text) < 90_000
    assert not re.search(r"https?:|\bimport\b|@import|url\(", text)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b", text)


def test_the_widget_is_small_and_its_own_code_never_writes_html() -> None:
    assert (STATIC / "graph.js").stat().st_size < 240_000, (
        "the cards of samples bring a Markdown parser and a sanitizer"
    )
    for source in (STATIC.parent / "js" / "graph").glob("*.js"):
        text = source.read_text(encoding="utf-8")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b", text), source.name
