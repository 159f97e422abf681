"""Whole runs on the demo: its samples, each once, also where topics are steered; and where it ends, it says so."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from deepfabric_core import Job, RunState, Stop, Topics, generate, load
from deepfabric_core.chat.tools import text_of
from deepfabric_core.cli.init import command
from deepfabric_core.events import Event, Notice, SampleFinished
from deepfabric_core.llm.demo.dataset import dataset
from deepfabric_core.run.checkpoint.reuse import with_reuse
from deepfabric_core.run.live_edits import LiveEdits
from deepfabric_core.run.stages.regrow import regrow
from deepfabric_core.store.topics_file import load_topics
from deepfabric_core.topics.edit import add, rename
from tests.core.commands import start
from tests.core.conftest import Run

BICYCLES = dataset("bicycle_repair")


def config(**sections: Mapping[str, Any]) -> str:
    """A config on the demo as YAML, which JSON is too."""
    whole: dict[str, dict[str, Any]] = {
        "llm": {"provider": "demo"},
        "topics": {"prompt": "Repairing bicycles", "save_as": "topics.json"},
        "generation": {"system_prompt": "You teach."},
        "output": {"save_as": "made.jsonl", "num_samples": "auto"},
    }
    return json.dumps({name: {**keys, **sections.get(name, {})} for name, keys in whole.items()})


def run(text: str, watch: Callable[[Event], None] = lambda _: None, **job: Any) -> tuple[RunState, list[str]]:
    """Do a run; return its last state and the notices."""
    notices: list[str] = []

    def hear(event: Event) -> None:
        if isinstance(event, Notice):
            notices.append(event.message)
        watch(event)

    state = asyncio.run(generate(Job(load(text, source="here").config, **job), emit=hear, stop=Stop()))
    return state, notices


def records(name: str = "made.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(name).read_text(encoding="utf-8").splitlines()]


def marks(made: list[dict[str, Any]]) -> list[tuple[bool, bool]]:
    """Of each record, whether it is a demonstration, and whether it is simulated."""
    return [(record["metadata"]["demonstration"], record["metadata"]["simulated"]) for record in made]


def distinct(made: list[dict[str, Any]], key: str = "question") -> int:
    return len({record[key] for record in made})


def test_all_sixty_samples_come_once_each_and_the_same_at_any_batch_size(place: Path) -> None:
    datasets = []
    for size in (1, 7, 60):
        text = config(topics={"degree": 6}, output={"num_samples": 60, "batch_size": size})
        state, notices = run(text)
        assert (state.ending, notices) == ("complete", [])
        datasets.append(Path("made.jsonl").read_bytes())
    assert len(set(datasets)) == 1
    made = records()
    assert {record["question"] for record in made} == set(BICYCLES.by_question)
    assert marks(made) == [(True, False)] * 60
    for record in made:
        assert record["question"] in [sample.question for sample in leaf_of(record).samples]
        assert record["metadata"]["model"] == "demo" and record["metadata"]["cost_known"]


def leaf_of(record: dict[str, Any]) -> Any:
    return next(topic for topic in BICYCLES.topics if topic.name == record["metadata"]["topic_path"][-1])


def test_beyond_that_samples_are_made_up_and_a_notice_says_so(place: Path) -> None:
    state, notices = run(config(topics={"degree": 6}, output={"num_samples": 80}))
    assert state.ending == "complete"
    assert notices == ["The demo has 60 samples on bicycle repair, at most 2 for a topic: the others are made up."]
    assert sorted(marks(records())) == [(False, True)] * 20 + [(True, False)] * 60
    assert distinct(records()) == 80


def test_another_subject_is_simulated_and_one_notice_says_so_for_both_stages(place: Path) -> None:
    state, notices = run(config(topics={"prompt": "Sourdough baking"}))
    assert state.ending == "complete" and marks(records()) == [(False, True)] * 9
    assert len(notices) == 1 and "for “Sourdough baking” it gives made-up texts" in notices[0]


def test_levels_below_the_demos_leaves_are_made_up(place: Path) -> None:
    state, notices = run(config(topics={"depth": 3, "degree": 2}))
    assert state.ending == "complete" and len(records()) == 8 and len(notices) == 2
    assert marks(records()) == [(False, True)] * 8


def test_reasoning_stands_between_question_and_answer(place: Path) -> None:
    cot = {"conversation": {"type": "cot"}}
    state, notices = run(config(topics={"prompt": "Household chemistry"}, generation=cot, output={"num_samples": 15}))
    assert (state.ending, notices) == ("complete", [])
    by_question = dataset("household_chemistry").by_question
    assert {record["question"] for record in records()} == set(by_question)
    for record in records():
        assert record["reasoning"]["content"] == by_question[record["question"]].reasoning
        assert record["final_answer"] == by_question[record["question"]].answer
    assert marks(records()) == [(True, False)] * 15


@pytest.mark.parametrize("style", ["default", "anchored", "isolated"])
def test_a_graph_has_the_same_topics_and_samples(place: Path, style: str) -> None:
    state, notices = run(config(topics={"mode": "graph", "prompt_style": style}))
    assert (state.ending, notices) == ("complete", [])
    topics, _ = load_topics(Path("topics.json"))
    branches = BICYCLES.branches[:3]
    expected = [leaf.name for branch in branches for leaf in branch.children[:3]]
    assert [topic.name for topic, _ in topics.leaves] == expected
    assert marks(records()) == [(True, False)] * 9 and distinct(records()) == 9


def test_records_of_a_schema_of_ones_own_are_made_up(place: Path) -> None:
    schema = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}
    state, notices = run(config(generation={"output_schema": schema}, output={"format": "custom"}))
    assert state.ending == "complete" and len(notices) == 1
    assert all(set(record) == {"title"} for record in records())


@pytest.mark.parametrize("way", ["json_schema", "json_object_schema", "tool", "json_object", "prompt"])
def test_the_way_of_asking_for_json_changes_nothing(place: Path, way: str) -> None:
    llm = {"provider": "demo", "structured_output": way}
    state, _ = run(config(llm=llm, topics={"degree": 7, "depth": 1}))
    assert state.ending == "complete"
    assert sorted(marks(records())) == [(False, True)] + [(True, False)] * 6


# ---- topics that somebody steers


def branch_of(topics: Topics, name: str) -> str:
    return next(own for own in topics.by_id[topics.root].children if topics.by_id[own].name == name)


def renamed(topics: Topics) -> Topics:
    return rename(topics, branch_of(topics, "Tyres and tubes"), "Tires")


def with_more(topics: Topics) -> Topics:
    return add(topics, topics.root, ["Wheels and what holds them", "Electric bicycles"])


def test_topics_that_are_renamed_or_added_during_a_run_get_the_nearest_samples(place: Path) -> None:
    live_edits, asked = LiveEdits(), [renamed, with_more]

    def watch(event: Event) -> None:
        if isinstance(event, SampleFinished) and asked:
            for edit in asked:
                live_edits.ask(edit)
            asked.clear()

    llm = {"provider": "demo", "demo": {"latency": 0.01}}
    state, notices = run(config(llm=llm, output={"batch_size": 2}), watch, live_edits=live_edits)
    assert state.ending == "complete"
    made = records()
    assert len(made) == distinct(made) == 11
    by_topic = {tuple(record["metadata"]["topic_path"][1:]): record for record in made}
    tires = [record for path, record in by_topic.items() if path[0] == "Tires"]
    wheels = {sample.question for sample in BICYCLES.branches[3].samples}
    assert len(tires) == 3 and all(record["question"] in BICYCLES.by_question for record in tires)
    assert all(record["question"] in [sample.question for sample in leaf_of(record).samples] for record in tires)
    assert by_topic["Wheels and what holds them",]["question"] in wheels
    assert marks([by_topic["Electric bicycles",]]) == [(False, True)]
    assert sum(demonstration for demonstration, _ in marks(made)) == 10
    assert len(notices) == 1 and "nothing on some of these topics" in notices[0]


def test_a_topic_that_is_grown_again_gets_others_and_an_added_one_those_of_the_nearest(place: Path) -> None:
    job = with_reuse(Job(load(config(), source="here").config))
    asyncio.run(generate(job, emit=lambda _: None, stop=Stop()))
    topics, _ = load_topics(Path("topics.json"))
    topics = add(topics, topics.root, ["Wheels"])

    def children(name: str, *, again: bool) -> tuple[str, ...]:
        own = branch_of(topics, name) if name else topics.root
        grown = asyncio.run(regrow(job, topics, own, again=again, emit=lambda _: None, stop=Stop()))
        return next(iter(grown.children.values()))

    below = {leaf.name for leaf in BICYCLES.branches[3].children}
    assert set(children("Wheels", again=False)) <= below
    again = set(children("Tyres and tubes", again=True))
    assert again == {leaf.name for leaf in BICYCLES.branches[0].children[3:]}
    assert {"Cranks and bottom brackets", "Frame and cockpit"} < set(children("", again=True))


def test_topics_of_ones_own_get_the_nearest_samples(place: Path) -> None:
    paths = [["Fixing my bike", "Brakes", "Bleeding"], ["Fixing my bike", "Brakes", "Rubbing rotor"]]
    paths += [["Fixing my bike", "Gears", "Bent hanger"], ["Fixing my bike", "Stickers"]]
    Path("own.jsonl").write_text("\n".join(json.dumps({"path": path}) for path in paths), encoding="utf-8")
    text = config(output={"num_samples": "auto"})
    state, notices = run(text, topics_load=Path("own.jsonl"))
    assert state.ending == "complete" and len(notices) == 1
    made = records()
    assert marks(made) == [(True, False)] * 3 + [(False, True)]
    leaves = ["Bleeding hydraulic disc brakes", "Caliper alignment and rotor rub", "Derailleur hanger alignment"]
    for name, record in zip(leaves, made[:3], strict=True):
        leaf = next(topic for topic in BICYCLES.topics if topic.name == name)
        assert record["question"] in [sample.question for sample in leaf.samples]


# ---- the agent, and a run that was killed


def write_on_call() -> None:
    command.callback(config_file=Path("on-call.yaml"), kind="on-call", force=True)  # type: ignore[misc]


def check_on_call(made: list[dict[str, Any]]) -> None:
    """Check that the records are the samples written by hand, with the tools' results."""
    by_question = dataset("on_call").by_question
    assert {record["question"] for record in made} == set(by_question) and len(made) == 15
    for record in made:
        sample = by_question[record["question"]]
        done = record["tool_context"]["executions"]
        assert [(one["function_name"], one["reasoning"]) for one in done] == [
            (step.tool, step.thought) for step in sample.steps
        ]
        assert [json.loads(one["arguments"]) for one in done] == [step.arguments for step in sample.steps]
        assert [one["result"] for one in done] == [text_of(step.result) for step in sample.steps]
        assert record["final_answer"] == sample.answer
    assert marks(made) == [(True, False)] * 15


def test_the_agents_work_is_what_was_written_by_hand(place: Path) -> None:
    write_on_call()
    state, notices = run(Path("on-call.yaml").read_text(encoding="utf-8"))
    assert (state.ending, notices) == ("complete", [])
    check_on_call(records("on-call.jsonl"))


def test_a_run_that_is_killed_and_resumed_keeps_the_marks(place: Path, deepfabric: Run) -> None:
    write_on_call()
    text = Path("on-call.yaml").read_text(encoding="utf-8")
    slow = text.replace("  # demo:\n  #   latency: 0.3 ", "  demo:\n    latency: 0.3 ")
    assert slow != text
    Path("on-call.yaml").write_text(slow, encoding="utf-8")
    begun = start(place, "--tui", "simple", config="on-call.yaml")
    assert begun.stderr is not None
    for line in begun.stderr:
        if line.startswith("samples 3/15"):
            break
    begun.kill()
    begun.communicate()
    steps = [line for path in place.rglob("*steps*") for line in path.read_text(encoding="utf-8").splitlines()]
    assert any(json.loads(line).get("reply", {}).get("demonstration") for line in steps)
    Path("on-call.yaml").write_text(text, encoding="utf-8")
    done = deepfabric("generate", "on-call.yaml", "--resume")
    assert done.returncode == 0, done.stderr
    check_on_call(records("on-call.jsonl"))
