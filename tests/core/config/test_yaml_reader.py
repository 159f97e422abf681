"""YAML that anybody may have written: aliases that multiply, depth past measure, and what surprises in YAML 1.1."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from deepfabric_core.config.load import Loaded, load
from deepfabric_core.errors import ConfigError
from deepfabric_core.tools.definitions import read_tools
from deepfabric_core.tools.mock import read_mock_data

MINIMAL = "topics: {prompt: Bicycles}\ngeneration: {system_prompt: You know bicycles.}\noutput: {save_as: out.jsonl}\n"


def loaded(text: str, **overrides: Any) -> Loaded:
    return load(text, source="c.yaml", overrides={key.replace("__", "."): value for key, value in overrides.items()})


def refused(text: str) -> str:
    with pytest.raises(ConfigError) as problem:
        loaded(text)
    return str(problem.value)


def _floors(last: int, width: int) -> str:
    """A text a line of which repeats the line above it so many times."""
    floors = [f"  f{n}: &f{n} [{', '.join([f'*f{n - 1}'] * width)}]\n" for n in range(1, last + 1)]
    return f"  f0: &f0 [x]\n{''.join(floors)}"


BOMBS = {
    "lists": _floors(11, 9),
    "merges": "  f0: &f0 {x: 1}\n"
    + "".join(f"  f{n}: &f{n} {{<<: [{', '.join([f'*f{n - 1}'] * 9)}]}}\n" for n in range(1, 12)),
    "a long text": f"  f0: &f0 {'x' * 50_000}\n  f1: [{', '.join(['*f0'] * 5000)}]\n",
}


@pytest.mark.parametrize("kind", BOMBS)
@pytest.mark.parametrize("section", ["evaluation:\n", "unknown:\n"])
def test_aliases_that_multiply_past_measure_are_refused_with_a_line_in_no_time(kind: str, section: str) -> None:
    assert re.fullmatch(
        r"c\.yaml, line \d+: its aliases \(\*name\) repeat so much that it holds more than 100,\d+ values; .*",
        refused(f"{MINIMAL}{section}{BOMBS[kind]}"),
    )


@pytest.mark.parametrize("key", ["output_schema", "tools: {mock: {a: {response: 1}}}, scenario_seed"])
def test_they_are_refused_wherever_the_schema_leaves_room_for_them(key: str) -> None:
    bomb = BOMBS["lists"].replace("\n", ",").strip(" ,")
    assert "repeat so much" in refused(MINIMAL.replace("bicycles.}", f"bicycles., {key}: {{{bomb}}}}}"))


def test_aliases_and_merges_of_an_honest_config_mean_what_they_say() -> None:
    text = (
        "llm: &llm {provider: simulated, model: a}\n"
        "topics: {prompt: Bicycles, llm: {<<: *llm, model: b}}\n"
        "generation: {system_prompt: &you You know bicycles., llm: *llm}\n"
        "output: {save_as: out.jsonl, system_prompt: *you}\n"
    )
    config = loaded(text).config
    assert (config.topics.llm.name, config.generation.llm.name) == ("simulated/b", "simulated/a")
    assert config.output.system_prompt == "You know bicycles."
    assert loaded(f"{MINIMAL}evaluation:\n{_floors(4, 9)}").config.evaluation is not None


def test_a_long_chain_of_aliases_is_nested_too_deeply() -> None:
    chain = "".join(f"  a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 3000))
    assert refused(f"{MINIMAL}evaluation:\n  a0: &a0 [x]\n{chain}") == "c.yaml: it is nested too deeply to be a config."


@pytest.mark.parametrize("written", ["[" * 100_000, "[" * 100_000 + "]" * 100_000, "{a: " * 5000, "- " * 100_000])
def test_what_is_nested_a_hundred_thousand_levels_deep_is_a_sentence(written: str) -> None:
    assert "nested too deeply" in refused(f"a: {written}") or "not valid YAML" in refused(f"a: {written}")


# ---- files of tools and of what mock tools answer


def _said_of_mocks(tmp_path: Path, text: str, name: str = "mocks.yaml") -> str:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as problem:
        read_mock_data(tmp_path / name)
    return str(problem.value).replace(str(tmp_path), "").lstrip("/")


@pytest.mark.parametrize("kind", BOMBS)
def test_a_file_of_mocks_or_tools_whose_aliases_multiply_is_refused(tmp_path: Path, kind: str) -> None:
    assert _said_of_mocks(tmp_path, f"mockResponses:\n{BOMBS[kind]}").startswith("mocks.yaml: not valid YAML, line ")
    (tmp_path / "tools.yaml").write_text(f"tools:\n- name: a\n  parameters:\n{BOMBS[kind]}", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"tools\.yaml: not valid YAML, line \d+: its aliases .* repeat so much"):
        read_tools(tmp_path / "tools.yaml")


def test_a_file_whose_alias_loops_or_that_has_no_bottom_is_refused(tmp_path: Path) -> None:
    assert "line 1: an alias (*name) in it stands for itself" in _said_of_mocks(tmp_path, "mockResponses: &a [*a]\n")
    for name, levels in (("a.json", 100_000), ("a.json", 300), ("a.yaml", 100_000)):
        said = _said_of_mocks(tmp_path, '{"mockResponses": ' + "[" * levels + "]" * levels + "}", name)
        assert said == f"{name}: not valid {name[2:].upper()}: it is nested too deeply."


def test_a_mock_answers_the_time_that_its_file_names(tmp_path: Path) -> None:
    (tmp_path / "mocks.yaml").write_text("mockResponses: {at: {defaultResponse: 12:30}}", encoding="utf-8")
    assert read_mock_data(tmp_path / "mocks.yaml")["at"].response == "12:30"


# ---- where YAML 1.1 surprises


@pytest.mark.parametrize("written", ["1:30", "-1:30", "190:20:30", "1:30.5"])
def test_a_number_to_the_base_of_sixty_is_the_text_that_it_looks_like(written: str) -> None:
    whole = MINIMAL.replace("Bicycles", written).replace(
        "bicycles.}", f"bicycles., tools: {{custom: [{{a: {written}}}]}}}}"
    )
    config = loaded(whole).config
    assert config.topics.prompt == written and config.generation.tools is not None
    assert config.generation.tools.custom == [{"a": written}]
    said = refused(MINIMAL.replace("out.jsonl", f"out.jsonl, num_samples: {written}"))
    assert (
        said == "c.yaml, line 3: output.num_samples: it must be a whole number from 1, auto, or a percentage like 50%."
    )


@pytest.mark.parametrize(("written", "old", "new"), [("010", 8, 10), ("-010", -8, -10), ("0_1_0", 8, 10)])
def test_a_number_that_is_octal_in_one_yaml_and_not_in_the_other_is_refused(written: str, old: int, new: int) -> None:
    assert refused(MINIMAL.replace("out.jsonl", f"out.jsonl, num_samples: {written}")) == (
        f"c.yaml, line 3: {written} is {old} in YAML 1.1 and {new} in YAML 1.2; "
        "write one of these, or put it in quotes if it is a text."
    )
    assert loaded(MINIMAL.replace("out.jsonl", "out.jsonl, num_samples: 007")).config.output.num_samples == 7


@pytest.mark.parametrize(("word", "meant"), [("yes", True), ("off", False), ("No", False), ("true", True)])
def test_a_word_stays_a_boolean_where_one_is_wanted(word: str, meant: bool) -> None:
    outcome = loaded(MINIMAL.replace("out.jsonl", f"out.jsonl, include_system_message: {word}"))
    assert outcome.config.output.include_system_message is meant and outcome.notices == ()


def test_where_it_may_be_a_word_it_is_told_how_it_is_read() -> None:
    schema = "{properties: {married: {enum: [yes, no]}}, additionalProperties: no, required: [married]}"
    text = MINIMAL.replace("bicycles.}", f"bicycles., output_schema: {schema}}}").replace(
        "out.jsonl", "out.jsonl, format: custom"
    )
    (notice,) = loaded(text).notices
    assert notice == (
        "c.yaml, line 2: generation.output_schema.properties.married.enum[0]: yes is read as true, and 1 more like it; "
        "put it in quotes if the word is meant."
    )
    assert loaded(text.replace("yes, no", "'yes', 'no'")).notices == ()


@pytest.mark.parametrize("written", ["2024-01-01", "2024", "1.5", "no", ".inf"])
def test_a_text_that_yaml_reads_as_something_else_is_to_be_put_in_quotes(written: str) -> None:
    assert refused(MINIMAL.replace("Bicycles", written)) == (
        "c.yaml, line 1: topics.prompt: must be a valid string, so put it in quotes."
    )
    assert loaded(MINIMAL.replace("Bicycles", f"'{written}'")).config.topics.prompt == written


@pytest.mark.parametrize("written", ["2024-01-01", ".nan", ".inf", "!!binary aGk=", "!!set {a}"])
def test_a_schema_that_json_cannot_hold_is_refused(written: str) -> None:
    schema = f"{{properties: {{a: {{const: {written}}}}}}}"
    said = refused(MINIMAL.replace("bicycles.}", f"bicycles., output_schema: {schema}}}"))
    assert said.startswith("c.yaml, line 2: generation.output_schema: it holds what JSON can't")


def test_keys_are_texts_as_they_are_written() -> None:
    keys = ["on", "1", "010", "1:30", "2024-01-01", "~", "true", "1.50"]
    listed = ", ".join(f"{key}: x" for key in keys)
    outcome = loaded(MINIMAL.replace("bicycles.}", f"bicycles., scenario_seed: {{files: {{{listed}}}}}}}"))
    assert list(outcome.config.scenario_files) == keys


@pytest.mark.parametrize("key", ["output[0]", "[red]", "[/]", "[", "]", "a[b].c", "1", "yes", "", "\\[bold]", "{}"])
@pytest.mark.parametrize("section", ["", "llm", "output"])
def test_an_unknown_key_is_named_whatever_it_looks_like(key: str, section: str) -> None:
    path = ".".join(filter(None, (section, key or '""')))
    quoted = json.dumps(key)
    text = MINIMAL + (f"{section}: {{{quoted}: 1}}\n" if section else f"{quoted}: 1\n")
    line = 4
    if section == "output":
        text, line = MINIMAL.replace("out.jsonl", f"out.jsonl, {quoted}: 1"), 3
    said = refused(text)
    assert said.startswith(f"c.yaml, line {line}: unknown key {path}; ") and len(said.splitlines()) == 1


@pytest.mark.parametrize(("tools", "style"), [("", "freetext"), (", tools: {}", "freetext")])
def test_reasoning_without_a_style_is_free_text_or_with_tools_an_agents(tools: str, style: str) -> None:
    config = loaded(MINIMAL.replace("bicycles.}", f"bicycles., conversation: {{type: cot}}{tools}}}")).config
    assert config.generation.conversation.reasoning_style == style
    assert config.uses_tools is bool(tools)


def test_the_flag_alone_means_free_text_and_keeps_a_style_of_the_file() -> None:
    flag: dict[str, Any] = {"generation__conversation__type": "cot"}
    assert loaded(MINIMAL, **flag).config.generation.conversation.reasoning_style == "freetext"
    agent = MINIMAL.replace("bicycles.}", "bicycles., conversation: {type: cot, reasoning_style: agent}}")
    assert loaded(agent, **flag).config.generation.conversation.reasoning_style == "agent"
