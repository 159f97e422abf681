"""Each defect that is planted in a clean dataset is told, with exactly its record, whatever the dataset's shape."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from deepfabric_core.errors import ConfigError
from deepfabric_core.export.check.defects import Defect
from deepfabric_core.export.check.target import open_target
from deepfabric_core.export.check.training_check import report_of
from deepfabric_core.export.summary import check_lines
from tests.core.export.check.test_training_check import SOUND, check, checked
from tests.core.export.samples import Record, answered, worked

Plant = Callable[[Record], None]
LATER = [{"role": "user", "content": "And now?"}, {"role": "assistant", "content": "Now as well."}]


def as_openai(record: Record) -> Record:
    """The record as other tools write it: messages and tools alone, and the arguments as an object."""
    bare = deepcopy({"messages": record["messages"], "tools": record["tools"]})
    for message in bare["messages"]:
        for call in message.get("tool_calls", ()):
            call["function"]["arguments"] = json.loads(call["function"]["arguments"])
    return bare


def with_more_turns(record: Record) -> Record:
    return {**deepcopy(record), "messages": [*deepcopy(record["messages"]), *LATER]}


SHAPES: dict[str, Record] = {
    "ours": worked(),
    "at once": worked(at_once=True, text="Let me look."),
    "longer": with_more_turns(worked()),
    "openai": as_openai(worked()),
}


def first(record: Record, role: str) -> Record:
    return next(
        one for one in record["messages"] if one["role"] == role and (role != "assistant" or "tool_calls" in one)
    )


def call(record: Record) -> Record:
    found: Record = first(record, "assistant")["tool_calls"][0]
    return found


def with_arguments(record: Record, arguments: Any) -> None:
    is_text = isinstance(call(record)["function"]["arguments"], str)
    call(record)["function"]["arguments"] = json.dumps(arguments) if is_text else arguments


def swap(record: Record) -> None:
    place = record["messages"].index(first(record, "tool"))
    record["messages"][place - 1], record["messages"][place] = record["messages"][place], record["messages"][place - 1]


PLANTED: dict[str, tuple[Plant, set[str]]] = {
    "no id": (lambda one: call(one).pop("id"), {Defect.IDS}),
    "an id twice": (lambda one: call(one).update(id="b2"), {Defect.IDS}),
    "a result of no call": (lambda one: first(one, "tool").update(tool_call_id="zz"), {Defect.IDS}),
    "a result without id": (lambda one: first(one, "tool").pop("tool_call_id"), {Defect.IDS}),
    "a result that is lost": (
        lambda one: one["messages"].remove(first(one, "tool")),
        {Defect.NO_RESULT},
    ),
    "a null": (lambda one: with_arguments(one, {"path": None}), {Defect.NULL}),
    "a deeper null": (
        lambda one: with_arguments(one, {"path": "a", "of": [{"by": None}]}),
        {Defect.NULL},
    ),
    "no object": (lambda one: call(one)["function"].update(arguments="tea.txt"), {Defect.NOT_AN_OBJECT}),
    "another type": (lambda one: with_arguments(one, {"path": ["tea.txt"]}), {f"{Defect.TYPES}: read_file.path"}),
    "another tool": (lambda one: call(one)["function"].update(name="write_file"), {Defect.NOT_OFFERED}),
    "no name": (lambda one: call(one)["function"].pop("name"), {Defect.NOT_OFFERED, Defect.NO_NAME}),
    "no answer": (
        lambda one: one["messages"][-1].update(content=""),
        {"left out of the export: it doesn't end with an answer"},
    ),
    "an empty answer": (lambda one: one["messages"][-1].update(content=" \n"), {Defect.EMPTY}),
    "an empty turn": (
        lambda one: one["messages"].extend(
            [{"role": "user", "content": "So?"}, {"role": "assistant", "content": None}, *LATER]
        ),
        {Defect.EMPTY},
    ),
    "a result before its call": (swap, {Defect.ORDER, Defect.IDS, Defect.NO_RESULT}),
    "a system prompt later": (
        lambda one: one["messages"].insert(-1, {"role": "system", "content": "Be brief."}),
        {Defect.ORDER},
    ),
    "two questions": (lambda one: one["messages"].insert(1, {"role": "user", "content": "Hm."}), {Defect.ORDER}),
    "an answer first": (lambda one: one["messages"].insert(1, {"role": "assistant", "content": "Hi."}), {Defect.ORDER}),
    "calls as a text": (
        lambda one: one["messages"][-1].update(tool_calls='[{"function": {"name": "read_file"}}]'),
        {Defect.UNREAD},
    ),
    "a picture": (
        lambda one: one["messages"][1].update(
            content=[{"type": "text", "text": "See."}, {"type": "image", "image": "a.png"}]
        ),
        {Defect.UNREAD},
    ),
    "a special token": (
        lambda one: one["messages"][-1].update(content="Green.<|im_end|>"),
        {Defect.MARKERS},
    ),
}


@pytest.mark.parametrize("planted", list(PLANTED))
def test_a_planted_defect_is_told_with_its_record_and_nothing_else_is(planted: str, tmp_path: Path) -> None:
    plant, expected = PLANTED[planted]
    template = SOUND + "{#- <|im_end|> #}"
    for shape, clean in SHAPES.items():
        assert checked(tmp_path, *[clean] * 3, template=template) == {}, shape
        defective = deepcopy(clean)
        plant(defective)
        found = checked(tmp_path, clean, clean, defective, clean, template=template)
        assert {what: numbers for what, numbers in found.items() if numbers != [3]} == {}, shape
        some = {Defect.ORDER, Defect.IDS, Defect.NO_RESULT, Defect.UNREAD}
        assert expected <= set(found) or (shape == "at once" and planted == "a result before its call"), (shape, found)
        assert set(found) - expected <= some, (shape, found)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(list(SHAPES)), st.sampled_from([None, *PLANTED])), min_size=3, max_size=8))
def test_any_mixture_tells_exactly_the_records_that_something_was_planted_in(
    tmp_path: Path, records: list[tuple[str, str | None]]
) -> None:
    made, wrong = [worked()] * 9, set()  # so that most parameters are texts
    for shape, planted in records:
        record = deepcopy(SHAPES[shape])
        if planted:
            PLANTED[planted][0](record)
            wrong.add(len(made) + 1)
        made.append(record)
    found = check(tmp_path, *made, template=SOUND + "{#- <|im_end|> #}", keeps_all=True)
    assert {number for number, _ in found.findings} == wrong


def test_a_template_that_renders_a_call_only_where_it_stands_elsewhere_is_seen_through(tmp_path: Path) -> None:
    record = worked()
    record["messages"][1]["content"] = "Read tea.txt and pot.txt: green and red; path. Green tea, a red pot."
    bare = SOUND.replace("{{ call.function.name }}({{ call.function.arguments | tojson }})", "")
    assert list(checked(tmp_path, record, template=bare)) == [Defect.CALLS]
    unread = SOUND.replace("{% else %}{{ m.content }}", "{% else %}{{ m.content if m.role != 'tool' }}")
    assert list(checked(tmp_path, record, template=unread)) == [Defect.RESULTS]


def test_results_that_are_marked_as_the_assistants_are_told(tmp_path: Path) -> None:
    wide = SOUND.replace("m.role == 'assistant' %}", "m.role != 'user' and m.role != 'system' %}")
    assert checked(tmp_path, answered(), worked(), template=wide) == {Defect.WIDE_MASK: [2]}


def test_templates_without_marks_are_only_a_defect_where_marks_are_needed(tmp_path: Path) -> None:
    bare = SOUND.replace("{% generation %}", "").replace("{% endgeneration %}", "")
    assert checked(tmp_path, answered(), worked(), template=bare) == {}
    found = checked(tmp_path, answered(), worked(), template=bare, assistant_only=True)
    assert found == {Defect.EMPTY_MASK: [1, 2]}
    with pytest.raises(ConfigError, match="--assistant-only is about conversations as trl has them, and not grpo"):
        check(tmp_path, answered(), template=bare, name="grpo", assistant_only=True)


def test_thousands_of_defects_are_a_few_lines_and_a_report_has_them_all(tmp_path: Path) -> None:
    empty = {**answered(), "id": "tea-7"}
    empty["messages"] = [*empty["messages"], *LATER[:1], {"role": "assistant", "content": " "}]
    found = check(tmp_path, answered(), *[empty] * 2_000, keeps_all=True)
    lines = list(check_lines(found))
    assert lines[1] == f"  2,000 records (2, 3, 4, 5, 6 and 1,995 more): {Defect.EMPTY}" and len(lines) == 2
    (told,) = report_of(found)["defects"]
    assert told["count"] == len(told["records"]) == 2_000
    assert told["records"][0] == {"record": 2, "name": "tea-7"}


def model(folder: Path, **facts: Any) -> Path:
    folder.mkdir()
    (folder / "tokenizer_config.json").write_text(json.dumps(facts))
    return folder


def test_folders_of_models_are_read_as_transformers_does(tmp_path: Path) -> None:
    for_tools = SOUND.replace("{{ tool | tojson }}", "")
    named = [{"name": "default", "template": SOUND}, {"name": "tool_use", "template": for_tools}]
    two = model(tmp_path / "two", chat_template=named, bos_token={"content": "<s>"}, eos_token="</s>")  # noqa: S106
    assert checked(tmp_path, answered(), worked(), template=two) == {Defect.TOOLS: [2]}
    assert (open_target(two).bos, open_target(two).eos, open_target(two).name) == ("<s>", "</s>", "two")
    (two / "chat_template.jinja").write_text(SOUND)
    assert checked(tmp_path, worked(), template=two / "tokenizer_config.json") == {}
    (two / "config.json").write_text(json.dumps({"max_position_embeddings": 4096}))
    assert open_target(two).context == 4096


def test_a_folder_without_a_tokenizer_file_says_that_tokens_cannot_be_counted(tmp_path: Path) -> None:
    old = model(tmp_path / "old", chat_template=SOUND)
    (old / "tokenizer.model").write_bytes(b"sentencepiece")
    found = check(tmp_path, answered(), template=old)
    assert list(check_lines(found))[1].startswith(
        f"  tokens can't be counted: {old} has tokenizer.model and no tokenizer.json; "
    )
    with pytest.raises(ConfigError, match=r"--context: .*old has tokenizer.model and no tokenizer.json"):
        check(tmp_path, answered(), template=old, context=100)
    Tokenizer(WordLevel({"a": 0, "<|im_end|>": 1}, "a")).save(str(old / "tokenizer.json"))
    assert check(tmp_path, answered(), template=old).tokens
