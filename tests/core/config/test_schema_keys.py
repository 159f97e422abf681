"""What the schema says may be written where."""

from __future__ import annotations

from functools import reduce

import pytest
import yaml

from deepfabric_core.config.load import load
from deepfabric_core.config.schema import Config
from deepfabric_core.config.schema_keys import describe, known_keys, known_values, sections
from deepfabric_core.errors import ConfigError

Path = tuple[str | int, ...]
CONFIG = {
    "topics": {"prompt": "A"},
    "generation": {"system_prompt": "B", "tools": {}},
    "output": {"save_as": "c", "checkpoint": {"interval": 1}},
    "quality": {"judge": {}},
    "huggingface": {"repository": "me/d"},
    "kaggle": {"handle": "me/d"},
}
LEAVES = [(*place, key) for place in sections() for key in known_keys(place) if not known_keys((*place, key))]


def at(dotted: str) -> Path:
    return tuple(int(part) if part.isdigit() else part for part in dotted.split(".")) if dotted else ()


@pytest.mark.parametrize(
    ("path", "first"),
    [
        ("", "llm"),
        ("topics", "prompt"),
        ("topics.llm.simulated", "latency"),
        ("generation.tools.mcp.files", "command"),
        ("generation.tools.mock.search.fixtures.0", "match"),
        ("output.checkpoint", "interval"),
    ],
)
def test_a_section_knows_its_keys_also_below_names_and_in_lists(path: str, first: str) -> None:
    assert known_keys(at(path))[0] == first


@pytest.mark.parametrize("path", ["nowhere", "topics.prompt", "topics.prompt.more", "generation.tools.mcp", "llm.0"])
def test_what_is_no_section_has_no_keys(path: str) -> None:
    assert known_keys(at(path)) == []


def test_every_section_of_the_config_is_found_once() -> None:
    found = sections()
    assert found[0] == () and len(found) == len(set(found))
    assert {at("topics.llm.simulated"), at("output.checkpoint"), at("generation.tools.scenario_seed")} <= set(found)


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("topics.mode", ["tree", "graph"]),
        ("generation.conversation.reasoning_style", ["freetext", "agent"]),
        ("output.include_system_message", ["true", "false"]),
        ("output.num_samples", ["auto"]),
        ("topics.depth", []),
        ("nowhere", []),
    ],
)
def test_values_that_can_be_listed_are_known(path: str, values: list[str]) -> None:
    assert known_values(at(path)) == values


# What another key has to say for a value to make sense.
GOES_WITH = {"cot": {"reasoning_style": "agent"}, "freetext": {"type": "cot"}, "agent": {"type": "cot"}}
LISTED = [(path, value) for path in LEAVES for value in known_values(path)]


@pytest.mark.parametrize(("path", "value"), LISTED, ids=str)
def test_every_value_that_is_listed_is_one_that_the_schema_accepts(path: tuple[str, ...], value: str) -> None:
    *parents, key = path
    section = reduce(getattr, parents, Config.model_validate(CONFIG))
    written = section.model_dump() | GOES_WITH.get(value, {}) | {key: yaml.safe_load(value)}
    assert key in type(section).model_validate(written).model_fields_set


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("topics.depth", "integer, 1 to 10, default 2"),
        ("topics.mode", "tree or graph, default tree"),
        ("topics.prompt", "text, required"),
        ("topics.system_prompt", "text"),
        ("llm.timeout", "number, above 0, at most 3600, default 120"),
        ("output.include_system_message", "true or false, default true"),
        ("generation.output_schema", "mapping"),
        ("generation.tools.mcp.files.args", "list"),
        ("llm", "The model of a stage"),
        ("nowhere", ""),
    ],
)
def test_a_key_is_described_in_a_few_words(path: str, words: str) -> None:
    assert describe(at(path)) == words


@pytest.mark.parametrize("path", [*sections()[1:], *LEAVES], ids=".".join)
def test_every_key_of_the_config_has_a_description(path: Path) -> None:
    assert describe(path)


def test_an_unknown_key_of_a_server_is_told_with_the_nearest_one() -> None:
    tools = "{mcp: {fs: {comand: x}}}"
    text = f"topics: {{prompt: A}}\noutput: {{save_as: o}}\ngeneration:\n  system_prompt: B\n  tools: {tools}\n"
    with pytest.raises(ConfigError, match=r"did you mean generation\.tools\.mcp\.fs\.command\?"):
        load(text, source="c.yaml")
