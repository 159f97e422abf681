"""A check tells everything that a trainer would lose, names the records, and tells nothing of what is sound."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

from deepfabric_core.errors import ConfigError
from deepfabric_core.export.check.defects import Defect
from deepfabric_core.export.check.target import open_target
from deepfabric_core.export.check.training_check import TrainingCheck
from deepfabric_core.export.export import ExportRequest, export
from deepfabric_core.export.find_format import find_format, reasoning_for
from deepfabric_core.export.summary import check_lines
from tests.core.export.samples import Record, answered, worked, write

# A template that renders and marks everything.
SOUND = """\
{% if tools %}{% for tool in tools %}{{ tool | tojson }}
{% endfor %}{% endif %}
{% for m in messages %}
[{{ m.role }}] {% if m.role == 'assistant' %}{% generation %}
{% if m.reasoning_content %}({{ m.reasoning_content }}){% endif %}{{ m.content }}
{% for call in m.tool_calls or [] %}{{ call.function.name }}({{ call.function.arguments | tojson }}){% endfor %}
{% endgeneration %}{% else %}{{ m.content }}{% endif %}
{% endfor %}"""


def checked(
    place: Path, *records: Record, template: str | Path = SOUND, name: str = "trl", **more: Any
) -> dict[str, list[Any]]:
    """Which defects are found, with the numbers of the records."""
    return {
        str(what): tally.first
        for what, tally in check(place, *records, template=template, name=name, **more).defects.items()
    }


def check(
    place: Path,
    *records: Record,
    template: str | Path = SOUND,
    name: str = "trl",
    reasoning: str | None = None,
    **more: Any,
) -> TrainingCheck:
    if isinstance(template, str):
        (place / "template.jinja").write_text(template)
        template = place / "template.jinja"
    chosen = find_format(name)
    where = reasoning_for(chosen, reasoning)
    found = TrainingCheck(open_target(template), chosen, where, **more)
    export(ExportRequest(write(place / "tea.jsonl", *records), chosen, place / "out.jsonl", where), found)
    return found


def with_arguments(arguments: Any) -> Record:
    record = worked()
    record["messages"][2]["tool_calls"][0]["function"]["arguments"] = json.dumps(arguments)
    return record


def test_nothing_is_told_of_what_is_sound(tmp_path: Path) -> None:
    records = [answered(reasoning="Hm."), worked(), worked(at_once=True, text="Let me look.")]
    for name in ("trl", "trl-prompt-completion", "trl-kto", "grpo", "axolotl", "chatml", "harmony"):
        assert checked(tmp_path, *records, name=name) == {}
    found = check(tmp_path, *records)
    assert list(check_lines(found)) == ["3 records checked against template.jinja: nothing is lost."]


def test_planted_defects_are_all_told_with_their_records(tmp_path: Path) -> None:
    no_id, strange_result, empty = worked(), worked(), answered()
    del no_id["messages"][2]["tool_calls"][0]["id"]
    strange_result["messages"][3]["tool_call_id"] = "zz"
    empty["messages"][1:1] = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": " "}]
    text = worked()
    text["messages"][2]["tool_calls"][0]["function"]["arguments"] = "tea.txt"
    found = checked(
        tmp_path,
        worked(),
        no_id,
        strange_result,
        empty,
        text,
        with_arguments({"path": None}),
        with_arguments({"path": 3}),
    )
    assert found == {
        Defect.IDS: [2, 3],
        Defect.EMPTY: [4],
        Defect.NOT_AN_OBJECT: [5],
        Defect.NULL: [6],
        f"{Defect.TYPES}: read_file.path": [7],
    }


def test_types_and_nulls_that_a_schema_allows_are_sound(tmp_path: Path) -> None:
    records = [with_arguments({"path": value}) for value in ("a", 3, None, 2.5)]
    for record in records:
        function = {"name": "read_file", "parameters": {"properties": {"path": {"anyOf": [{"type": "null"}, {}]}}}}
        record["tools"] = [{"type": "function", "function": function}]
    assert checked(tmp_path, *records) == {}


@pytest.mark.parametrize(
    ("removed", "defects"),
    [
        ("{% if m.reasoning_content %}({{ m.reasoning_content }}){% endif %}", [Defect.REASONING]),
        ("({{ call.function.arguments | tojson }})", [Defect.CALLS]),
        ("{% for tool in tools %}{{ tool | tojson }}\n{% endfor %}", [Defect.TOOLS]),
        ("{% else %}{{ m.content }}", [Defect.TEXT, Defect.RESULTS]),
    ],
)
def test_what_a_template_drops_is_told(removed: str, defects: list[str], tmp_path: Path) -> None:
    assert removed in SOUND
    template = SOUND.replace(removed, "{{ 'read_file' if false }}")
    other = {"type": "function", "function": {"name": "list_files", "parameters": {}}}
    found = checked(tmp_path, {**worked(), "tools": [other, *worked()["tools"]]}, template=template)
    assert sorted(found) == sorted(defects)


def test_a_template_that_refuses_is_told_in_its_words(tmp_path: Path) -> None:
    template = "{% if tools %}{{ raise_exception('No tools, please') }}{% endif %}" + SOUND
    assert checked(tmp_path, answered(), worked(), template=template) == {
        "the template can't render it: No tools, please": [2]
    }


def test_masks_that_learn_nothing_or_a_part_are_told(tmp_path: Path) -> None:
    empty = SOUND.replace("{% generation %}", "{% generation %}{% endgeneration %}").replace(
        "{% endgeneration %}\n{% else", "{% else", 1
    )
    empty = empty.replace("{% endgeneration %}{% else", "{% else")
    assert list(checked(tmp_path, answered(), template=empty)) == [Defect.EMPTY_MASK]
    partial = SOUND.replace(
        "{% generation %}", "{% if not m.tool_calls %}{% generation %}X{% endgeneration %}{% endif %}"
    )
    partial = partial.replace("{% endgeneration %}{% else", "{% else")
    assert list(checked(tmp_path, answered(), template=partial)) == [Defect.PARTIAL_MASK]
    assert checked(tmp_path, answered(), template=partial, name="trl-prompt-completion") == {}
    thought = "{% if m.reasoning_content %}({{ m.reasoning_content }}){% endif %}"
    outside = SOUND.replace(thought, f"{{% endgeneration %}}{thought}{{% generation %}}")
    assert list(checked(tmp_path, answered(reasoning="Hm."), template=outside)) == [Defect.PARTIAL_MASK]
    bare = SOUND.replace("{% generation %}", "").replace("{% endgeneration %}", "")
    found = check(tmp_path, answered(), template=bare)
    assert not found.defects and "assistant_only_loss would learn nothing" in list(check_lines(found))[-1]


def test_thoughts_that_a_template_keeps_at_the_end_alone_are_learned_step_by_step(tmp_path: Path) -> None:
    last = SOUND.replace("{% if m.reasoning_content %}", "{% if m.reasoning_content and loop.last %}")
    assert list(checked(tmp_path, worked(), template=last)) == [Defect.REASONING]
    assert checked(tmp_path, worked(), template=last, name="trl-prompt-completion") == {}
    assert checked(tmp_path, worked(), template=last, name="grpo") == {}


def test_a_prompt_that_is_rendered_otherwise_than_the_whole_is_told(tmp_path: Path) -> None:
    template = "{{ messages | length }}" + SOUND
    for name in ("trl-prompt-completion", "trl-kto"):
        assert list(checked(tmp_path, answered(), template=template, name=name)) == [Defect.BEGINNING]
    template = SOUND + "{% if add_generation_prompt %}[assistant] {% endif %}"
    assert checked(tmp_path, answered(), template=template, name="trl-prompt-completion") == {}


def test_templates_may_write_json_as_they_like(tmp_path: Path) -> None:
    template = SOUND.replace("tool | tojson", "tool | tojson(ensure_ascii=False, separators=(',', ':'))")
    assert checked(tmp_path, worked(), template=template) == {}


def test_reasoning_between_tags_is_looked_for_too_and_dropped_reasoning_is_not(tmp_path: Path) -> None:
    record = answered(reasoning="It is green.")
    assert checked(tmp_path, record, reasoning="think-tags") == {}
    bare = SOUND.replace("{{ m.reasoning_content }}", "")
    assert list(checked(tmp_path, record, template=bare)) == [Defect.REASONING]
    assert checked(tmp_path, record, template=bare, reasoning="drop") == {}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder with a tokenizer of words, which puts a BOS before a text, and a template that writes one too."""
    folder = tmp_path / "model"
    folder.mkdir()
    tokenizer = Tokenizer(WordLevel({"<s>": 0, "</s>": 1, "<unk>": 2}, "<unk>"))
    tokenizer.add_special_tokens(["<s>", "</s>"])
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing("<s> $A", special_tokens=[("<s>", 0)])
    tokenizer.save(str(folder / "tokenizer.json"))
    facts = {
        "bos_token": {"content": "<s>"},
        "eos_token": "</s>",
        "model_max_length": 20,
        "chat_template": [{"name": "default", "template": f"{{{{ bos_token }}}}{SOUND}{{{{ eos_token }}}}"}],
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(facts))
    return folder


def test_tokens_are_counted_and_compared_with_the_context(model: Path, tmp_path: Path) -> None:
    long = answered(answer="word " * 40)
    found = check(tmp_path, answered(), long, template=model)
    assert {what: tally.first for what, tally in found.defects.items()} == {Defect.TOO_LONG: [1, 2]}
    assert list(check_lines(found))[-2] == (
        "  tokens: 23 at least, 23 in the middle, 60 at 95 %, 60 at most of a context of 20"
    )
    assert checked(tmp_path, answered(), long, template=model, context=30) == {Defect.TOO_LONG: [2]}
    assert checked(tmp_path, answered(), long, template=model, context=100) == {}


def test_two_beginnings_and_ends_are_told(model: Path, tmp_path: Path) -> None:
    facts = json.loads((model / "tokenizer_config.json").read_text())
    (model / "chat_template.jinja").write_text(f"{{{{ bos_token }}}}{{{{ bos_token }}}}{SOUND}</s></s>")
    (model / "tokenizer_config.json").write_text(json.dumps({**facts, "model_max_length": 10**30}))
    assert set(checked(tmp_path, answered(), template=model)) == {Defect.TWO_BEGINNINGS, Defect.TWO_ENDS}
    (tmp_path / "text.jinja").write_text("<s>{% for m in messages %}{{ m.content }} {% endfor %}")
    assert list(checked(tmp_path, answered(), template=model, name=str(tmp_path / "text.jinja"))) == [
        Defect.TWO_BEGINNINGS
    ]


@pytest.mark.parametrize(
    ("name", "template", "said"),
    [
        ("sharegpt", SOUND, "no chat template renders sharegpt"),
        ("trl", "{% if %}", "line 1: it isn't a Jinja template"),
        ("trl", Path("missing.jinja"), "the template can't be read"),
        ("trl", Path(), "has no chat template"),
    ],
)
def test_what_cannot_be_checked_is_one_sentence(name: str, template: str | Path, said: str, tmp_path: Path) -> None:
    where = tmp_path / template if isinstance(template, Path) else template
    with pytest.raises(ConfigError, match=said):
        check(tmp_path, answered(), template=where, name=name)
    assert not (tmp_path / "out.jsonl").exists()


def test_a_context_wants_a_tokenizer(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"template.jinja has no tokenizer; check a folder with tokenizer.json"):
        check(tmp_path, answered(), context=100)


def test_a_template_reaches_nothing_outside(tmp_path: Path) -> None:
    template = "{{ messages.__class__.__mro__[1].__subclasses__() }}"
    (what,) = checked(tmp_path, answered(), template=template)
    assert what.startswith("the template can't render it: access to attribute '__class__'")
