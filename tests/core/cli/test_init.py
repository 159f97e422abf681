"""`deepfabric init`: a config to start from, which runs as it is."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from deepfabric_core.cli.init import KINDS, starter
from deepfabric_core.config.load import load
from deepfabric_core.config.schema_keys import known_keys
from tests.core.conftest import Run

PROVIDERS = {kind: "simulated" if kind in ("graph", "agent") else "demo" for kind in KINDS}
_COMMENTED_OUT = re.compile(r"^( *)# ( *(?:- |[a-z_]+:).*)$", re.MULTILINE)


def with_all_keys(text: str) -> str:
    """The starter as it is once every key that is commented out has lost its mark."""
    return _COMMENTED_OUT.sub(r"\1\2", text)


def unknown(content: object, place: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The keys that the schema doesn't know, in sections and in what lies below them."""
    if not isinstance(content, Mapping):
        return []
    known = known_keys(place) or content
    below = [path for key, value in content.items() for path in unknown(value, (*place, key))]
    return [*((*place, key) for key in content if key not in known), *below]


@pytest.mark.parametrize("kind", KINDS)
def test_each_starter_validates_and_makes_its_dataset(place: Path, deepfabric: Run, kind: str) -> None:
    assert deepfabric("init", "mine.yaml", "--kind", kind).returncode == 0
    checked = deepfabric("validate", "mine.yaml")
    assert checked.returncode == 0 and not checked.stderr, checked.stderr
    made = deepfabric("generate", "mine.yaml")
    assert made.returncode == 0, made.stderr
    assert "success rate 100 %" in made.stdout
    dataset = place / load(starter(kind), source=kind).config.output.save_as
    records = [json.loads(line) for line in dataset.read_text(encoding="utf-8").splitlines()]
    mark = "demonstration" if PROVIDERS[kind] == "demo" else "simulated"
    assert records and all(record["metadata"][mark] for record in records)


def test_a_tree_of_questions_and_answers_in_config_yaml_is_what_init_alone_writes(place: Path, deepfabric: Run) -> None:
    done = deepfabric("init")
    assert done.returncode == 0, done.stderr
    assert (place / "config.yaml").read_text(encoding="utf-8") == starter("tree")
    assert list(place.iterdir()) == [place / "config.yaml"]


def test_the_starters_make_what_their_names_say() -> None:
    tree, graph, agent = (load(starter(kind), source=kind).config for kind in ("tree", "graph", "agent"))
    assert (tree.topics.mode, graph.topics.mode) == ("tree", "graph")
    assert graph.generation.conversation.type == "cot"
    assert agent.uses_tools and not tree.uses_tools
    bicycles, chemistry, on_call = (load(starter(kind), source=kind).config for kind in list(KINDS)[3:])
    assert (bicycles.topics.degree, bicycles.output.num_samples) == (6, 60)
    assert chemistry.generation.conversation.type == "cot" and chemistry.output.num_samples == 15
    assert on_call.uses_tools and on_call.output.num_samples == 15
    all_of_them = (tree, graph, agent, bicycles, chemistry, on_call)
    assert len({config.output.save_as for config in all_of_them}) == len(KINDS)


def test_the_agents_tools_stand_beside_its_config_wherever_that_is(place: Path, deepfabric: Run) -> None:
    done = deepfabric("init", 'a "first" try/mine.yaml', "--kind", "on-call")
    assert done.returncode == 0, done.stderr
    folder = place / 'a "first" try'
    assert {path.name for path in folder.iterdir()} == {"mine.yaml", "mine-tools.yaml", "mine-mock-data.json"}
    assert 'It uses a "first" try/mine-tools.yaml and a "first" try/mine-mock-data.json.\n' in done.stdout
    tools = load((folder / "mine.yaml").read_text(encoding="utf-8"), source="mine").config.generation.tools
    assert tools is not None and tools.file == 'a "first" try/mine-tools.yaml'
    assert deepfabric("validate", 'a "first" try/mine.yaml').returncode == 0


def test_none_of_its_files_is_replaced_without_force(place: Path, deepfabric: Run) -> None:
    mine = place / "mine-mock-data.json"
    mine.write_text("mine", encoding="utf-8")
    refused = deepfabric("init", "mine.yaml", "--kind", "on-call")
    assert refused.returncode == 2 and "mine-mock-data.json is there already" in refused.stderr
    assert list(place.iterdir()) == [mine] and mine.read_text(encoding="utf-8") == "mine"
    assert deepfabric("init", "mine.yaml", "--kind", "on-call", "--force").returncode == 0
    assert json.loads(mine.read_text(encoding="utf-8"))["fixtures"]


def test_it_says_what_to_do_next_and_the_command_may_be_pasted(place: Path, deepfabric: Run) -> None:
    done = deepfabric("init", "a first try.yaml")
    assert "deepfabric generate 'a first try.yaml'\n" in done.stdout
    assert "deepfabric generate 'a first try.yaml' --provider openai" in done.stdout


def test_a_file_that_is_there_is_replaced_only_by_force(place: Path, deepfabric: Run) -> None:
    mine = place / "config.yaml"
    mine.write_text("mine", encoding="utf-8")
    refused = deepfabric("init")
    assert refused.returncode == 2
    assert refused.stderr == "Error: config.yaml is there already; give another name, or --force to replace it.\n"
    assert mine.read_text(encoding="utf-8") == "mine"
    assert deepfabric("init", "--force").returncode == 0
    assert mine.read_text(encoding="utf-8") == starter("tree")


def test_missing_folders_are_made_and_a_folder_is_no_config(place: Path, deepfabric: Run) -> None:
    assert deepfabric("init", "deep/down/config.yaml").returncode == 0
    assert (place / "deep/down/config.yaml").is_file()
    refused = deepfabric("init", "deep", "--force")
    assert refused.returncode == 1 and "deep can't be written" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_that_is_commented_out_exists_and_may_stand_where_it_does(kind: str) -> None:
    text = starter(kind)
    assert len(_COMMENTED_OUT.findall(text)) >= 5
    assert unknown(load(with_all_keys(text), source=kind).written) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_starter_needs_no_key_and_says_how_to_use_a_model_that_does(kind: str) -> None:
    text = starter(kind)
    assert load(text, source=kind).config.llm.provider == PROVIDERS[kind]
    assert "--provider openai --model gpt-4o-mini" in text and "OPENAI_API_KEY" in text
    assert max(map(len, text.splitlines())) <= 120
