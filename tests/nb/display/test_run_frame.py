"""The frame of a run as Python sees it: what goes to the page, what its messages do, and what is saved."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ipykernel.comm.comm import BaseComm as KernelComm

import deepfabric_nb
from deepfabric_core.events import TopicExpanded
from deepfabric_nb.display.run_frame import RunFrame
from deepfabric_nb.graph.topic_graph import TopicGraph
from deepfabric_nb.kernel.live_frame import STATIC
from deepfabric_nb.runs.run import Run
from deepfabric_nb.runs.session import Session
from tests.nb.wire import Wire

TEA: dict[str, Any] = {
    "topics": {"prompt": "Tea", "depth": 2, "degree": 3},
    "generation": {"system_prompt": "You teach."},
    "output": {"save_as": "tea.jsonl", "num_samples": "auto", "batch_size": 2},
}


class Shown:
    """The frame of a run, and its wire."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.frame = RunFrame(run)
        self.frame.comm = self.wire = Wire()
        self.wire.sent.clear()


def started(*, flags: dict[str, Any] | None = None, **simulated: Any) -> Run:
    llm = {"provider": "simulated", "simulated": simulated}
    return deepfabric_nb.start({**TEA, "llm": llm}, **(flags or {}))


def test_stop_is_passed_on_and_acknowledged(place: Path) -> None:
    shown = Shown(started(latency=0.5))
    shown.wire.receive({"type": "stop", "run": shown.run.id})
    assert shown.run.stopping
    assert shown.wire.messages == [{"type": "stopping", "run": shown.run.id}]
    shown.run.wait()
    assert shown.frame.view["headline"].startswith("Stopped: ")


def test_a_page_that_was_loaded_while_the_run_ended_is_told_so(place: Path) -> None:
    shown = Shown(started())
    shown.run.wait()
    shown.wire.sent.clear()
    shown.wire.receive({"type": "resync"})
    assert shown.wire.messages == [{"type": "synced"}]
    assert shown.wire.views[-1]["phase"] == "over"


def test_a_topic_that_comes_while_the_frame_is_drawn_costs_nothing(place: Path) -> None:
    run = started()
    watchers: list[Any] = []
    run.watch = watchers.append  # type: ignore[assignment, method-assign]
    shown = Shown(run)

    class Names(tuple[str, ...]):  # noqa: SLOT001 - a name that is read makes another topic come
        def __getitem__(self, part: Any) -> Any:
            watchers[0](TopicExpanded(("Tea", "Late"), ("Oolong",)))
            return tuple(self)[part]

    for names in (("Black",), Names(["Green", "Late"])):
        watchers[0](TopicExpanded(("Tea",), names))
    shown.frame.draw()
    assert [one["names"] for one in shown.frame.view["growth"]] == [["Green", "Late"], ["Black"]]
    run.wait()


@pytest.mark.parametrize(
    "message", [None, "stop", {}, {"type": "stop"}, {"type": "stop", "run": 1}, {"type": "go", "run": "r"}]
)
def test_any_other_message_is_let_go(place: Path, message: Any) -> None:
    shown = Shown(started())
    shown.wire.receive(message)
    assert (shown.run.stopping, shown.wire.messages) == (False, [])
    shown.run.wait()


def test_the_frame_of_a_run_becomes_the_view_of_its_samples(place: Path) -> None:
    shown = Shown(started(latency=0.02))
    assert shown.frame.view["phase"] == "running" and shown.frame.view["has_samples"]
    assert "under way when this was saved" in shown.frame.static_page()
    shown.wire.receive({"type": "open"})
    shown.run.wait()
    kinds = [message["type"] for message in shown.wire.messages]
    assert kinds[0] == "index" and "rows" in kinds
    last = shown.wire.views[-1]
    assert (last["headline"], last["rows"], last["head"]["bar"]) == ("Complete: 9 samples", 9, None)
    assert last["growth"] and last["samples"] == [], "the samples are those of the list"
    assert not shown.run.screens, "nothing is drawn any more"


def test_what_is_saved_has_the_headline_the_summary_and_the_first_samples_in_full(place: Path) -> None:
    run = started().wait()
    page = RunFrame(run).static_page()
    assert page.index("Complete: 9 samples") < page.index("<summary>Summary</summary>") < page.index(_escaped(run))
    assert "<script" not in page and "style=" in page


def _escaped(run: Run) -> str:
    return str(run.df["answer"][0]).split("“")[0][:40]


def test_a_page_that_comes_back_gets_the_whole_state(place: Path) -> None:
    shown = Shown(started().wait())
    shown.wire.handle_msg({"content": {"data": {"method": "request_state"}}})
    assert shown.wire.views[-1]["headline"] == "Complete: 9 samples"


def test_the_graph_of_the_run_filters_its_samples_and_a_sample_selects_its_topic(place: Path) -> None:
    shown = Shown(started().wait())
    graph = TopicGraph(shown.run)
    shown.frame.link(graph)
    leaf, path = graph.topics.leaves[0]
    graph.comm = wire = Wire()
    wire.receive({"type": "select", "ids": [leaf.id]})
    assert shown.wire.messages[-1] == {"type": "within", "path": list(path)}
    shown.wire.receive({"type": "select", "row": 5})
    assert graph.selected == (graph.topics.leaves[5][0].id,)
    assert shown.wire.messages[-1]["type"] == "within", "what a sample selects filters nothing"


def test_failed_samples_are_tried_again_in_the_same_frame(place: Path) -> None:
    (place / "topics.jsonl").write_text('{"path": ["Tea", "Green"]}\n{"path": ["Tea", "Black"]}\n')
    run = started(flags={"num_samples": 30, "topics_load": "topics.jsonl"}, malformed=0.7).wait()
    shown = Shown(run)
    before = shown.frame.view
    assert before["headline"] == "11 of 30 samples failed: invalid JSON" and before["can_try_again"]
    shown.wire.receive({"type": "try_again"})
    again = shown.frame.following
    assert again is not run
    again.wait()
    after = shown.frame.view
    assert (after["phase"], after["rows"]) == ("over", 30) and after["run"] == again.id


def test_samples_made_again_are_told_of_and_the_graph_below_follows(place: Path) -> None:
    shown = Shown(started().wait())
    graph = TopicGraph(shown.run)
    shown.frame.link(graph)
    leaf = graph.topics.leaves[3][0].id
    shown.wire.receive({"type": "decide", "row": 3, "action": "reject", "reason": "dull"})
    before = graph._columns.of(leaf).samples[:]  # noqa: SLF001 - what the page gets
    shown.wire.receive({"type": "make_again"})
    shown.frame.following.wait()
    assert [chip["text"] for chip in shown.frame.view["head"]["chips"]][-1] == "1 made again"
    assert graph[graph.topics.root].done == 9
    assert graph._columns.of(leaf).samples != before  # noqa: SLF001


def watched(run: Run) -> Run:
    job = replace(run.job, live_edits=None)
    return Session().prepare_following(job, "tea")


def test_headline_list_and_graph_of_a_run_that_is_watched_no_longer_agree(place: Path) -> None:
    run = started(flags={"num_samples": 60}, latency=0.05)
    run.wait(0.6)
    shown = Shown(watched(run))
    graph = TopicGraph(shown.run)
    shown.run.start()
    while shown.run.state.samples_done < 8:
        shown.run.wait(0.1)
        counts = shown.run.state.samples_done, graph[graph.topics.root].done
    shown.run.stop()
    shown.run.wait()
    seen = shown.run.state.samples_done
    assert shown.frame.view["headline"] == f"No longer watched: {seen} of 60 samples"
    assert (shown.frame.view["rows"], graph[graph.topics.root].done) == (seen, seen)
    assert counts[1] >= counts[0] - 8, "the graph followed meanwhile"
    run.stop()
    run.wait()


def test_the_page_gets_the_report_when_it_asks(place: Path) -> None:
    shown = Shown(started().wait())
    shown.wire.receive({"type": "report"})
    assert shown.wire.messages[-1]["html"] == shown.run.report().html


def test_the_frame_tells_commands_with_the_names_of_its_run(place: Path) -> None:
    run = started(flags={"output_save_as": str(place / "my tea.jsonl")}).wait()
    assert RunFrame(run).view["commands"] == {
        "samples": "%deepfabric samples 'my tea'",
        "report": "%deepfabric report 'my tea'",
        "accepted": "%deepfabric export 'my tea' accepted.jsonl",
        "export": "deepfabric export 'my tea.jsonl' --to trl",
    }


def test_growing_topics_alone_has_no_samples_to_show(place: Path) -> None:
    shown = Shown(started(flags={"topic_only": True}).wait())
    assert not shown.frame.view["has_samples"]
    shown.wire.receive({"type": "open"})
    assert shown.wire.messages == []
    assert "Complete: 12 topics" in shown.frame.static_page()


def test_a_handle_is_displayed_by_a_frame_where_there_is_no_ipython(place: Path) -> None:
    run = started()
    frame = run._display_()
    run.wait()
    assert isinstance(frame, RunFrame) and frame.view["headline"] == "Complete: 9 samples"


def test_messages_are_heard_while_a_cell_runs(place: Path) -> None:
    comm = RunFrame(started().wait()).comm
    assert isinstance(comm, KernelComm)
    assert getattr(comm, "_reply_subshell_for", None) is None


def test_the_bundle_is_shipped_and_loads_nothing_from_elsewhere() -> None:
    for name, most in (("run_frame.js", 260_000), ("run_frame.css", 40_000)):
        text = (STATIC / name).read_text(encoding="utf-8")
        assert len(text) < most
        assert not re.search(r"@import|url\(|\bimport\s*\(|\bfrom\s*\"http|fetch\(", text)
