"""Runs and files as DataFrames."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core import ConfigError, Job, __version__
from deepfabric_core.run.results import Results, results
from deepfabric_nb.display.frame_html import frame_html, shown_columns
from deepfabric_nb.runs.dataframes import failures_frame, frame_of, load
from tests import ROOT
from tests.bench.frames import big_run
from tests.core.run.test_results import checkpoint, dataset, job, mostly_failing, run

EMPTY = Results([], [], wanted=None)
SCHEMA = {
    "type": "object",
    "properties": {"title": {"type": "string"}, "level": {"enum": ["easy", "hard"]}},
    "required": ["title", "level"],
    "additionalProperties": False,
}
DTYPES = {
    "topic": "string",
    "topic_path": "object",
    "question": "string",
    "answer": "string",
    "reasoning": "string",
    "tool_calls": "object",
    "messages": "object",
    "prompt_tokens": "Int64",
    "completion_tokens": "Int64",
    "cost": "Float64",
    "model": "category",
    "attempts": "Int64",
    "status": "category",
    "simulated": "boolean",
    "made_at": "datetime64[ms, UTC]",
    "cycle": "Int64",
    "key": "string",
}
HOSTILE = "<img src=x onerror=alert(1)></script>\x1b[31m \u202eabc"


def dtypes(frame: pd.DataFrame) -> dict[str, str]:
    return {str(name): str(dtype) for name, dtype in frame.dtypes.items()}


def of(work: Job, **manifest: Any) -> pd.DataFrame:
    return frame_of(results(work), manifest)


def written(place: Path, *records: Any) -> Path:
    """A dataset of these records."""
    path = place / "some.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


# ---- runs


def test_a_run_is_a_row_a_sample_in_the_order_of_the_dataset(tmp_path: Path) -> None:
    work = job(tmp_path)
    run(work)
    records = dataset(work)
    frame = of(work)
    assert dtypes(frame) == DTYPES
    assert frame["messages"].tolist() == [record["messages"] for record in records]
    assert frame["question"].tolist() == [record["question"] for record in records]
    assert frame["answer"].tolist() == [record["final_answer"] for record in records]
    said = [record["metadata"] for record in records]
    assert frame["key"].tolist() == [f"{one['topic_id']}:{one['cycle']}" for one in said]
    assert frame["topic"].tolist() == [one["topic_path"][-1] for one in said]
    assert frame["topic_path"].tolist() == [tuple(one["topic_path"]) for one in said]
    assert frame["prompt_tokens"].tolist() == [one["usage"]["prompt_tokens"] for one in said]
    assert set(frame["status"]) == {"done"} and set(frame["model"]) == {"tiny"} and frame["simulated"].all()
    assert frame["reasoning"].isna().all() and frame["tool_calls"].isna().all()
    assert frame["cost"].sum() == 0 and frame["cycle"].sum() == 0 and set(frame["attempts"]) == {1}


def test_an_interrupted_run_is_what_is_there_with_the_time_it_was_made(tmp_path: Path) -> None:
    work = job(tmp_path, output={"num_samples": 30})
    began = time.time()
    run(work, until=12)
    frame = of(work, ending="stopped")
    assert 12 <= len(frame) < 30
    assert frame["made_at"].between(pd.Timestamp(began - 1, unit="s", tz="UTC"), pd.Timestamp.now(tz="UTC")).all()
    assert frame["cycle"].is_monotonic_increasing and frame["key"].is_unique
    assert frame.attrs == {"ending": "stopped"}
    assert dtypes(frame) == DTYPES


def test_free_reasoning_is_its_text(tmp_path: Path) -> None:
    work = job(tmp_path, generation={"conversation": {"type": "cot", "reasoning_style": "freetext"}})
    run(work)
    assert of(work)["reasoning"].tolist() == [record["reasoning"]["content"] for record in dataset(work)]


def test_an_agents_reasoning_has_a_line_a_step_and_its_calls_have_arguments_and_results(tmp_path: Path) -> None:
    tools = {"components": {"builtin": []}, "max_per_query": 3}
    work = job(tmp_path, generation={"tools": tools, "scenario_seed": {"files": {"a.txt": "hello"}}})
    run(work)
    frame = of(work)
    for record, reasoning, calls in zip(dataset(work), frame["reasoning"], frame["tool_calls"], strict=True):
        steps = record["reasoning"]["content"]
        assert len(reasoning.splitlines()) == len(steps)
        assert reasoning.splitlines()[-1] == f"{len(steps)}. I know enough to answer. → Ready to respond to user"
        done = record["tool_context"]["executions"]
        assert calls == [
            {"name": one["function_name"], "arguments": json.loads(one["arguments"]), "result": one["result"]}
            for one in done
        ]
    assert dtypes(frame) == DTYPES


@pytest.mark.parametrize("until", [None, 4])
def test_records_of_the_users_own_schema_stand_in_a_column_of_their_own(tmp_path: Path, until: int | None) -> None:
    work = job(tmp_path, generation={"output_schema": SCHEMA}, output={"format": "custom"})
    run(work, until=until)
    frame = of(work, simulated=True)
    assert dtypes(frame) == {**DTYPES, "record": "object", "title": "string", "level": "string"}
    assert frame["messages"].isna().all() and frame["simulated"].all()
    assert [{"title": one.title, "level": one.level} for one in frame.itertuples()] == frame["record"].tolist()
    assert all(set(record) == {"title", "level"} for record in frame["record"])
    assert frame["key"].notna().all() == (until is not None)  # a finished dataset doesn't say


def test_failures_are_a_frame_that_fits_below_the_samples(tmp_path: Path) -> None:
    work = mostly_failing(tmp_path)
    run(work)
    found = results(work)
    failed = failures_frame(found)
    assert list(failed.columns) == ["topic", "topic_path", "status", "kind", "error", "cycle", "key"]
    shared = [name for name in failed.columns if name in DTYPES]
    assert {name: str(failed[name].dtype) for name in shared} == {name: DTYPES[name] for name in shared}
    assert failed["kind"].dtype == "category" and failed["error"].notna().all()
    both = pd.concat([frame_of(found, {}), failed])
    assert len(both) == 20 and both["key"].is_unique
    assert {name: str(both[name].dtype) for name in shared} == {name: DTYPES[name] for name in shared}
    assert both["status"].value_counts().to_dict() == {"done": len(found.samples), "failed": len(failed)}


def test_nothing_has_all_columns_with_their_types_too(tmp_path: Path) -> None:
    frame, failed = frame_of(EMPTY, {"models": []}), failures_frame(EMPTY)
    assert len(frame) == len(failed) == 0
    assert dtypes(frame) == DTYPES and frame.attrs == {"models": []}
    run(job(tmp_path), until=1)
    some = of(job(tmp_path))
    assert dtypes(pd.concat([frame, some])) == {**DTYPES, "model": "string"}  # other models, other categories
    assert set(dtypes(pd.concat([some, failed]))) == {*DTYPES, "kind", "error"}
    assert load(written(tmp_path)).attrs["samples"] == {"done": 0}


def test_what_a_model_wrote_is_shown_as_text(tmp_path: Path) -> None:
    said = [{"role": "user", "content": HOSTILE}, {"role": "assistant", "content": HOSTILE}]
    names = [HOSTILE, f"{HOSTILE} 2"]
    record = {"messages": said, "metadata": {"topic_id": "a", "topic_path": names, "model": HOSTILE}}
    frame = load(written(tmp_path, record, {HOSTILE: HOSTILE}))
    with pd.option_context("display.max_colwidth", None, "display.max_columns", None):
        shown = frame._repr_html_()  # type: ignore[operator]
    for html in (shown, frame_html(frame, 8)):
        assert html.count("&lt;img") >= 8
        assert "<img" not in html and "</script" not in html
    assert "\x1b" not in frame_html(frame, 8) and "\u202e" not in frame_html(frame, 8)


def test_the_judges_score_is_a_column_where_there_is_one(tmp_path: Path) -> None:
    said = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]
    judged = {"messages": said, "metadata": {"judge": {"score": 4.5}}}
    frame = load(written(tmp_path, judged, {"messages": said, "metadata": {"judge": "none"}}))
    assert frame["score"].tolist() == [4.5, pd.NA]


def test_a_frame_is_shown_with_the_telling_columns_first_and_without_the_empty_ones(tmp_path: Path) -> None:
    run(job(tmp_path))
    frame = of(job(tmp_path), deepfabric="1", run="two words")
    names = shown_columns(frame)
    assert names[:3] == ["topic", "question", "answer"] and names.index("status") == 3
    assert "tool_calls" not in names and "tool_calls" in frame.columns
    html = frame_html(frame, 8)
    assert "not shown: reasoning, tool_calls" in html
    assert "%deepfabric samples &#x27;two words&#x27;" in html


def test_fields_of_an_own_schema_follow_the_topic_and_their_record_isnt_shown_again(tmp_path: Path) -> None:
    work = job(tmp_path, generation={"output_schema": SCHEMA}, output={"format": "custom"})
    run(work, until=4)
    frame = of(work)
    assert shown_columns(frame)[:4] == ["topic", "level", "title", "status"] and "record" in frame.columns
    assert "record" not in shown_columns(frame) and "not shown" in frame_html(frame, 8)


def test_long_texts_are_cut_in_what_is_shown_alone(tmp_path: Path) -> None:
    said = [{"role": "user", "content": "w" * 5000}, {"role": "assistant", "content": "So."}]
    frame = load(written(tmp_path, {"messages": said}))
    assert len(frame_html(frame, 8)) < 3000 and len(frame["question"][0]) == 5000


def test_half_a_character_breaks_neither_the_frame_nor_its_display(tmp_path: Path) -> None:
    frame = load(written(tmp_path, {"messages": [{"role": "user", "content": "a\ud83d"}], "question": "b\udc00"}))
    assert frame["question"].tolist() == ["b\ufffd"]
    assert frame._repr_html_().encode() and frame["messages"].to_json().encode()  # type: ignore[operator]


# ---- files


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"]))), max_size=8))
def test_a_dataset_keeps_its_order_and_every_character(conversations: list[list[str]]) -> None:
    records = [{"messages": [{"role": "user", "content": text} for text in texts]} for texts in conversations]
    with tempfile.TemporaryDirectory() as folder:
        frame = load(written(Path(folder), *records))
    assert frame["messages"].tolist() == [record["messages"] for record in records]
    asked = [texts[0] if texts else None for texts in conversations]
    assert [None if pd.isna(question) else question for question in frame["question"]] == asked
    assert dtypes(frame) == DTYPES


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
OURS = ["messages", "metadata", "question", "final_answer", "answer", "reasoning", "sample", "topic_id", "cycle", "at"]
SAID = ["topic_id", "topic_path", "cycle", "model", "attempts", "usage", "cost", "simulated"]
CALLS = st.fixed_dictionaries({"tool_calls": JSON | st.lists(st.fixed_dictionaries({"id": JSON, "function": JSON}))})


def some(names: list[str], *, metadata: bool = False) -> st.SearchStrategy[Any]:
    values = JSON | st.lists(CALLS, max_size=2) | (some(SAID) if metadata else JSON)
    return st.dictionaries(st.sampled_from(names), values, max_size=6)


@given(st.lists(some(OURS, metadata=True), max_size=4))
def test_whatever_objects_a_file_holds_each_is_a_row(records: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        frame = load(written(Path(folder), *records))
    assert len(frame) == len(records)
    assert dtypes(frame).items() >= DTYPES.items()
    assert frame_html(frame, 8).encode() and frame._repr_html_() and json.dumps(frame.attrs)  # type: ignore[operator]


def test_our_own_datasets_are_read_with_a_manifest(tmp_path: Path) -> None:
    work = job(tmp_path, output={"num_samples": 12})
    run(work)
    frame = load(work.dataset)
    pd.testing.assert_frame_equal(frame, of(work))
    assert frame.attrs == {
        "dataset": str(work.dataset),
        "models": ["tiny"],
        "samples": {"done": 12},
        "topics": 9,
        "usage": {name: int(frame[name].sum()) for name in ("prompt_tokens", "completion_tokens")},
        "cost": 0.0,
        "simulated": True,
        "deepfabric": __version__,
        "notices": [],
    }
    assert copy.deepcopy(frame.attrs) == json.loads(json.dumps(frame.attrs))


def test_a_journal_may_be_read_too(tmp_path: Path) -> None:
    work = job(tmp_path)
    run(work, until=4)
    frame = load(str(checkpoint(work, "jsonl")))
    pd.testing.assert_frame_equal(
        frame.sort_values("key", ignore_index=True), of(work).sort_values("key", ignore_index=True)
    )
    assert frame["made_at"].notna().all()


def test_deepfabrics_records_are_read_and_what_they_do_not_say_is_missing(tmp_path: Path) -> None:
    call = {"id": "5RhmnvqHm", "type": "function", "function": {"name": "read_file", "arguments": '{"file_path":"m"}'}}
    unanswered = {"id": "6RhmnvqHm", "type": "function", "function": {"name": "list_files", "arguments": "not JSON"}}
    agent = {
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": "q"},
            {"role": "assistant", "content": "", "tool_calls": [call, unanswered]},
            {"role": "tool", "content": "print()", "tool_call_id": "5RhmnvqHm"},
            {"role": "assistant", "content": "the end"},
        ],
        "metadata": {"conversation_type": "cot", "react_steps": 2, "topic_id": "90f0eaf3f13000f0"},
        "reasoning": {
            "style": "agent",
            "content": [{"step_number": 1, "thought": "t", "action": "a"}, {"thought": "u"}],
        },
        "agent_context": {"mode": "single_turn"},
        "question": "q?",
        "final_answer": "a!",
    }
    plain = {"messages": agent["messages"]}
    frame = load(written(tmp_path, agent, plain, {"anything": 1}))
    assert dtypes(frame) == {**DTYPES, "record": "object", "anything": "Int64"}
    assert frame["question"].tolist()[:2] == ["q?", "q"] and frame["answer"].tolist()[:2] == ["a!", "the end"]
    assert frame["reasoning"][0] == "1. t → a\nu"
    calls = [
        {"name": "read_file", "arguments": {"file_path": "m"}, "result": "print()"},
        {"name": "list_files", "arguments": "not JSON"},
    ]
    assert frame["tool_calls"].tolist() == [calls, calls, None]
    assert frame["record"].tolist() == [None, None, {"anything": 1}]
    unknown = ["key", "topic", "cycle", "prompt_tokens", "cost", "model", "attempts", "simulated", "made_at"]
    assert frame[unknown].isna().all(axis=None)
    assert frame.attrs["usage"] == {"prompt_tokens": None, "completion_tokens": None}
    assert frame.attrs["cost"] is frame.attrs["simulated"] is None


def test_a_torn_last_line_is_left_out_and_named(tmp_path: Path) -> None:
    path = tmp_path / "torn.jsonl"
    path.write_text('\ufeff{"messages": []}\r\n\n{"messages": []}\n{"messages": [{"rol', encoding="utf-8")
    frame = load(path)
    assert len(frame) == 2
    assert frame.attrs["notices"] == [f"{path}, line 4: the last line is torn and was left out."]


@pytest.mark.parametrize("line", ['{"a": 1', "[1]", "1", "\0\0", '{"messages": [}', "[" * 200_000])
def test_a_line_that_is_no_record_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(f'{{"messages": []}}\n{line}\n{{"messages": []}}\n', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"bad\.jsonl, line 2: this is no record"):
        load(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PAR1\0\x15", "line 1: this is no record"),
        (b"[\n", "record 1: it isn't JSON"),
        ("nicht JSON: ü".encode("utf-16"), "line 1: this is no record"),
    ],
)
def test_another_kind_of_file_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=f"other, {said}"):
        load(path)


def test_a_file_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no\.jsonl: the dataset can't be read: no such file"):
        load(tmp_path / "no.jsonl")
    with pytest.raises(ConfigError, match="the dataset can't be read: it is a folder without any"):
        load(tmp_path)


# ---- speed


def test_twenty_thousand_samples_take_only_seconds_of_processor_time(tmp_path: Path) -> None:
    work = big_run(tmp_path, 20_000)
    began = time.process_time()
    frame = of(work)
    taken = time.process_time() - began
    assert len(frame) == 20_000 and frame["key"].is_unique
    assert taken < 5


def test_the_engine_does_not_load_pandas() -> None:
    code = "import sys, deepfabric_core.run.results; assert 'pandas' not in sys.modules and 'numpy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
