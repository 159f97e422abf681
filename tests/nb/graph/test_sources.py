"""Whose topics a graph shows, and what becomes of an edit."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

import deepfabric_nb
from deepfabric_core import load_topics
from deepfabric_core.errors import DeepFabricError
from deepfabric_core.samples.reviews import sample_id
from deepfabric_core.topics.formats import parse_topics
from deepfabric_nb.graph.sources import RunTopicSource
from deepfabric_nb.graph.topic_graph import TopicGraph
from deepfabric_nb.graph.topic_samples import samples_of
from deepfabric_nb.graph.widget import TopicGraphWidget
from deepfabric_nb.runs.run import Run
from tests.nb.wire import Wire

CONFIG: dict[str, Any] = {
    "llm": {"provider": "simulated"},
    "topics": {"prompt": "Tea", "depth": 2, "degree": 3},
    "generation": {"system_prompt": "You teach."},
    "output": {"save_as": "tea.jsonl", "num_samples": "auto", "batch_size": 2},
}


def start(**llm: Any) -> Run:
    return deepfabric_nb.start({**CONFIG, "llm": {"provider": "simulated", **llm}})


def branch(graph: TopicGraph, number: int = 0) -> str:
    return graph.topics.by_id[graph.topics.root].children[number]


def dataset_lines(place: Path) -> set[str]:
    return set((place / "tea.jsonl").read_text("utf-8").splitlines())


def saved(place: Path) -> int:
    return len(load_topics(place / "tea_topics.jsonl")[0].leaves)


def known(graph: TopicGraph, topic_id: str) -> Any:
    return graph._columns.of(topic_id)  # noqa: SLF001 - what the page gets


def drawn_until(graph: TopicGraph, true: Any) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        graph.draw()
        time.sleep(0.02)


def test_the_graph_of_a_finished_run_has_its_topics_counts_and_samples(place: Path) -> None:
    run = start().wait()
    graph = TopicGraph(run)
    assert graph.topics == run.topics and graph.planned == 9
    leaf = graph.topics.leaves[0][0].id
    assert (known(graph, leaf).wanted, known(graph, leaf).done, len(known(graph, leaf).samples)) == (1, 1, 1)


def test_a_graph_follows_a_run_that_is_drawn_elsewhere_and_after_its_end(place: Path) -> None:
    run = start(simulated={"latency": 0.02})
    graph = TopicGraph(run)
    run.wait()
    assert graph.topics == run.topics
    assert [known(graph, leaf.id).done for leaf, _ in graph.topics.leaves] == [1] * 9
    assert not run.screens, "nothing is drawn any more"


def test_topics_that_were_complete_before_anybody_listened_are_counted_all_the_same(place: Path) -> None:
    run = start(simulated={"latency": 0.1})
    source = RunTopicSource(run)
    while not run.state.samples_done:
        time.sleep(0.01)
    graph = TopicGraphWidget(source.topics())
    source.follow(graph)
    source.refresh(graph)
    assert graph[graph.topics.root].wanted == 9 and len(graph.topics) == 13
    run.stop(now=True)


def test_the_page_gets_the_samples_of_a_topic_as_cards_and_those_of_a_branch_in_parts(place: Path) -> None:
    run = start().wait()
    graph = TopicGraph(run)
    graph.comm = wire = Wire()
    leaf, path = graph.topics.leaves[1]
    for own, first in ((leaf.id, 0), (branch(graph), 0), (graph.topics.root, 5), ("no topic", 0), (leaf.id, -1)):
        wire.receive({"type": "samples_of", "topic": own, "from": first})
    one, some, rest = wire.messages
    assert (one["topic"], one["total"]) == (leaf.id, 1)
    assert tuple(one["cards"][0]["path"]) == path and one["cards"][0]["messages"][0]["role"] == "user"
    assert [card["path"][1] for card in some["cards"]] == [graph.topics.by_id[branch(graph)].name] * 3
    assert (len(rest["cards"]), rest["from"], rest["total"]) == (4, 5, 9)


def test_a_sample_is_shown_as_it_was_edited_and_without_keys(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "hidden-everywhere-1234")
    run = start().wait()
    record = json.loads((place / "tea.jsonl").read_text(encoding="utf-8").splitlines()[0])
    own = sample_id(record)
    record["messages"][-1]["content"] = "hidden-everywhere-1234"
    said = {"id": "1", "sample": own, "action": "edit", "who": "me", "at": 1.0, "after": record}
    (place / "tea.reviews.jsonl").write_text(json.dumps(said) + "\n", encoding="utf-8")
    told = samples_of(run, run.topics, run.topics.root, 0) if run.topics else None
    assert told and "[hidden]" in str(told["cards"][0]["messages"]) and "hidden-everywhere" not in str(told)


def test_topics_of_no_run_have_no_samples() -> None:
    graph = TopicGraph(parse_topics('{"path": ["Tea", "Green"]}', source="tea.jsonl")[0])
    assert graph.samples_of and graph.samples_of(graph.topics.root, 0)["cards"] == []


def test_an_edit_is_saved_and_the_next_run_makes_only_what_is_missing(place: Path) -> None:
    run = start().wait()
    graph = TopicGraph(run)
    graph.prune(branch(graph))
    assert (graph.planned, saved(place)) == (6, 6)
    graph.add(graph.topics.root, ["Iced", "Spiced"])
    assert (graph.planned, saved(place)) == (8, 8)
    again = start().wait()
    assert (again.usage["calls"], len(again.df)) == (2, 8)


def test_a_branch_with_a_weight_gets_more_samples_and_those_that_are_made_stay(place: Path) -> None:
    first = start().wait()
    name = first.df["topic_path"][0][1]
    more = {"weights": {name: 3}}
    again = deepfabric_nb.start({**CONFIG, "topics": {**CONFIG["topics"], **more}}, num_samples=15).wait()
    assert [path[1] for path in again.df["topic_path"]].count(name) == 9
    assert (len(again.df), again.usage["calls"]) == (15, 6), "neither topics nor samples are made a second time"
    graph = TopicGraph(again)
    assert (graph[name].wanted, graph[name].done) == (9, 9)


def weights_of(place: Path) -> dict[str, float]:
    topics, _ = load_topics(place / "tea_topics.jsonl")
    return {topics.by_id[own].name: weight for own, weight in topics.weights.items()}


def test_a_weight_set_by_hand_is_kept_with_the_topics_and_the_next_run_makes_what_is_missing(place: Path) -> None:
    graph = TopicGraph(start().wait())
    first = graph.topics.by_id[branch(graph)].name
    said = graph.weigh(first, 4)
    assert "with output.num_samples: 18 each topic gets its share" in said and "9 samples are made and stay" in said
    assert (graph[first].weight, graph[first].children[0].weight, graph.weights) == (4, 4, {first: 4})
    assert weights_of(place) == {first: 4}
    made = dataset_lines(place)
    again = deepfabric_nb.start(CONFIG, num_samples=18).wait()
    shown = TopicGraph(again)
    assert (again.usage["calls"], len(again.df), shown[first].done) == (9, 18, 12)
    assert made <= dataset_lines(place), "what was made stays"
    assert weights_of(place) == {first: 4}, "and so does the weight"


def test_a_weight_is_undone_and_done_again_and_both_are_saved(place: Path) -> None:
    graph = TopicGraph(start().wait())
    name = graph.topics.by_id[branch(graph)].name
    graph.weigh([name], 2)
    graph.undo()
    assert weights_of(place) == {} and graph[name].weight == 1
    graph.redo()
    assert weights_of(place) == {name: 2}
    assert "9 samples are made and stay" in graph.weigh(name, None) and weights_of(place) == {}


def test_a_running_run_shares_out_anew_what_it_has_not_begun(place: Path) -> None:
    run = deepfabric_nb.start({**CONFIG, "llm": {**CONFIG["llm"], "simulated": {"latency": 0.1}}}, num_samples=24)
    graph = TopicGraph(run)
    drawn_until(graph, lambda: run.state.samples_done >= 2)
    name = graph.topics.by_id[branch(graph, 2)].name
    assert "not made yet are shared out by these weights" in graph.weigh(name, 10)
    drawn_until(graph, lambda: run.over)
    graph.draw()
    assert run.status == "complete" and len(run.df) == 24 and run.usage["calls"] == 4 + 24
    assert graph[name].done == graph[name].wanted > 14


def test_the_weights_of_the_config_count_more_than_those_set_by_hand(place: Path) -> None:
    run = start().wait()
    name, other = (TopicGraph(run).topics.by_id[branch(TopicGraph(run), number)].name for number in (0, 1))
    weighed = {**CONFIG, "topics": {**CONFIG["topics"], "weights": {name: 3}}}
    graph = TopicGraph(deepfabric_nb.start(weighed).wait())
    with pytest.raises(DeepFabricError, match=r"topics\.weights of the config gives .* its weight: change it there"):
        graph.weigh(name, 2)
    graph.weigh(other, 0.5)
    assert graph.weights == {name: 3, other: 0.5}
    assert graph.now()["weights"] == [(5, 0.5, False), (1, 3, True)]


def test_weights_that_leave_nothing_to_make_are_refused_and_nothing_is_changed(place: Path) -> None:
    graph = TopicGraph(start().wait())
    with pytest.raises(DeepFabricError, match="every topic has the weight 0"):
        graph.weigh(graph.topics.root, 0)
    with pytest.raises(DeepFabricError, match="from 0 to 1,000"):
        graph.weigh(graph.topics.root, -1)
    assert graph.weights == {} and not graph.now()["undo"]


def test_a_weight_in_a_file_is_saved_there(place: Path) -> None:
    (place / "tea_topics.jsonl").write_text('{"path": ["Tea", "Green"]}\n{"path": ["Tea", "Black"]}\n', "utf-8")
    assert "Saved in the file" in TopicGraph(place / "tea_topics.jsonl").weigh("Green", 2)
    assert weights_of(place) == {"Green": 2} == TopicGraph(place / "tea_topics.jsonl").weights


def test_undo_and_redo_are_saved_too(place: Path) -> None:
    graph = TopicGraph(start().wait())
    before = graph.topics
    graph.prune(branch(graph))
    graph.undo()
    assert graph.topics == before and saved(place) == 9
    graph.redo()
    assert saved(place) == 6


def test_a_graph_fills_while_its_run_works_and_a_pruned_branch_gets_no_samples(place: Path) -> None:
    run = start(simulated={"latency": 0.1})
    graph = TopicGraph(run)
    drawn_until(graph, lambda: run.state.samples_done >= 2)
    graph.prune(branch(graph, 2))
    assert graph.planned == 6
    drawn_until(graph, lambda: run.over)
    graph.draw()
    assert run.status == "complete" and len(run.df) == 6 and saved(place) == 6
    assert graph.topics == run.topics
    assert sum(known(graph, leaf.id).done for leaf, _ in graph.topics.leaves) == 6


def test_a_branch_pruned_while_topics_grow_stays_away(place: Path) -> None:
    run = start(simulated={"latency": 0.2})
    graph = TopicGraph(run)
    drawn_until(graph, lambda: len(graph.topics) >= 4)
    graph.prune(branch(graph))
    drawn_until(graph, lambda: run.over)
    assert len(run.df) == 6 and saved(place) == 6


@pytest.mark.parametrize("mode", ["tree", "graph"])
def test_a_branch_weighed_while_topics_grow_gets_more_samples(place: Path, mode: str) -> None:
    config = {**CONFIG, "topics": {**CONFIG["topics"], "mode": mode, "max_concurrent": 1}}
    config["llm"] = {"provider": "simulated", "simulated": {"latency": 0.05}}
    config["output"] = {**CONFIG["output"], "save_as": "tea.jsonl", "num_samples": 30, "batch_size": 30}
    run = deepfabric_nb.start(config)
    graph = TopicGraph(run)
    drawn_until(graph, lambda: len(graph.topics) >= 4)
    name = graph.topics.by_id[branch(graph)].name
    graph.weigh(branch(graph), 8)
    drawn_until(graph, lambda: run.over)
    graph.draw()
    assert len(run.df) == 30 and graph[name].done == graph[name].wanted >= 20


def test_topics_grow_deeper_and_are_asked_for_again(place: Path) -> None:
    graph = TopicGraph(start().wait())
    before = {graph.topics.by_id[own].name for own in graph.topics.by_id[branch(graph)].children}
    graph.ask_again(branch(graph))
    after = {graph.topics.by_id[own].name for own in graph.topics.by_id[branch(graph)].children}
    assert len(after) == 3 and not before & after
    graph.grow_deeper(branch(graph))
    assert graph.planned == 6 + 9
    graph.undo()
    graph.undo()
    assert {graph.topics.by_id[own].name for own in graph.topics.by_id[branch(graph)].children} == before


def test_the_page_may_ask_for_more_too(place: Path) -> None:
    graph = TopicGraph(start().wait())
    own = branch(graph)
    graph._received(None, {"type": "edit", "op": "grow", "ids": [own]}, [])  # noqa: SLF001 - as a page does
    drawn_until(graph, lambda: len(graph.topics) == 13 + 9)
    assert saved(place) == 6 + 9


def test_edits_of_a_file_are_saved_to_it(place: Path) -> None:
    start().wait()
    graph = TopicGraph("tea_topics.jsonl")
    graph.prune(branch(graph))
    assert saved(place) == 6 and graph.planned is None
    with pytest.raises(DeepFabricError, match="belong to no run"):
        graph.grow_deeper(branch(graph))


@pytest.mark.parametrize("name", ["nowhere.jsonl", "tea.yaml", "tea.jsonl"])
def test_what_is_no_topics_file_is_refused_in_one_sentence(place: Path, name: str) -> None:
    (place / "tea.jsonl").write_text('{"messages": []}\n')
    with pytest.raises(DeepFabricError, match=name):
        TopicGraph(name)


def test_selected_topics_can_be_observed(place: Path) -> None:
    graph = TopicGraph(start().wait())
    seen: list[tuple[str, ...]] = []
    graph.observe(lambda change: seen.append(change["new"]), "selected")
    graph._received(None, {"type": "select", "ids": [branch(graph)]}, [])  # noqa: SLF001 - as a page does
    assert seen == [(branch(graph),)]


def test_the_report_names_what_is_thin_and_what_is_alike(place: Path) -> None:
    graph = TopicGraph(start().wait())
    graph.add(graph.topics.root, ["Iced tea"])
    graph.add(branch(graph), "Iced tea.")
    report = graph.report()
    assert "Too few samples" in report and "Nearly the same" in report


def test_without_a_kernel_it_is_a_picture_and_an_outline(place: Path) -> None:
    bundle = TopicGraph(start().wait())._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert "data:image/svg+xml" in data["text/html"] and "Tea" in data["text/plain"]


def test_an_edit_that_cannot_be_is_one_sentence(place: Path) -> None:
    graph = TopicGraph(start().wait())
    with pytest.raises(DeepFabricError, match="same name"):
        graph.add(graph.topics.root, ["Iced", "iced"])
    assert graph.planned == 9


def test_edits_of_loaded_topics_are_saved_where_they_came_from(place: Path) -> None:
    (place / "mine.jsonl").write_text('{"path": ["Tea", "Green"]}\n{"path": ["Tea", "Black"]}\n')
    run = deepfabric_nb.start(CONFIG, topics_load="mine.jsonl").wait()
    graph = TopicGraph(run)
    graph.add(graph.topics.root, "White")
    again = deepfabric_nb.start(CONFIG, topics_load="mine.jsonl").wait()
    assert graph.planned == len(again.df) == 3 and again.usage["calls"] == 1


def test_growing_deeper_while_a_run_works_keeps_the_count_right(place: Path) -> None:
    run = start(simulated={"latency": 0.1})
    graph = TopicGraph(run)
    drawn_until(graph, lambda: run.state.samples_done >= 3)
    graph.grow_deeper(graph.topics.leaves[0][0].id)
    drawn_until(graph, lambda: run.over)
    graph.draw()
    known_of = [known(graph, own) for own in graph.topics.by_id]
    assert sum(one.wanted for one in known_of) == sum(one.done for one in known_of) == len(run.df) == 8 + 3


@pytest.mark.parametrize("edit", ["undo", "redo"])
def test_nothing_to_take_back_is_one_sentence(place: Path, edit: str) -> None:
    with pytest.raises(DeepFabricError, match="There is no"):
        getattr(TopicGraph(start().wait()), edit)()


def test_a_name_that_is_none_is_one_sentence(place: Path) -> None:
    graph = TopicGraph(start().wait())
    with pytest.raises(DeepFabricError):
        graph.rename(branch(graph), " ")
