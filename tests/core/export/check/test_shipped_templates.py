"""Templates that are shipped render what their families hold, mark what the assistant says, and lose what is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deepfabric_core.errors import ConfigError
from deepfabric_core.export.check.defects import Defect
from deepfabric_core.export.check.shipped_templates import shipped_template, shipped_templates
from deepfabric_core.export.check.target import open_target
from tests.core.export.check.test_training_check import checked
from tests.core.export.samples import Record, answered, conversations, worked

NO_TOOLS: set[str] = {Defect.CALLS, Defect.TOOLS}
# What each family loses of an agent's work without thoughts; the others hold all.
LOST: dict[str, set[str]] = {
    "chatml": NO_TOOLS,
    "phi3": {*NO_TOOLS, Defect.RESULTS},
    "phi4": NO_TOOLS,
    "zephyr": NO_TOOLS,
    "phi4-mini": {Defect.CALLS},
    "deepseek-v3": {"the template can't render it: the arguments of a call have to be a JSON text"},
    "deepseek-r1": NO_TOOLS,
    "gemma3": {"the template can't render it: user and assistant have to take turns, and the user begins"},
    "mistral-v3": {"the template can't render it: the id of a tool call must have nine letters or digits"},
}
# They begin an answer with <think> when they ask for one, and drop that once it is there.
PREFILLED = ("deepseek-v3", "deepseek-r1")
# Where each family wants reasoning; the others have no place for it but the text.
PLACES = {"qwen3": "reasoning_content", "glm4.5": "reasoning_content", "gpt-oss": "thinking"}


def several_questions() -> Record:
    record = answered("Green tea?", "Two minutes.")
    record["messages"] += [{"role": "user", "content": "Black tea?"}, {"role": "assistant", "content": "Four."}]
    return record


def without_thoughts(record: Record) -> Record:
    return {name: value for name, value in record.items() if name != "reasoning"}


@pytest.mark.parametrize("name", list(shipped_templates()))
def test_each_family_holds_conversations_and_what_it_loses_is_told(name: str, tmp_path: Path) -> None:
    told = shipped_templates()[name]
    template = open_target(name)
    assert template.name == name and template.markers and template.template.has_marks
    place = PLACES.get(name, "think-tags")
    assert told.reasoning.startswith(place if name in PLACES else "none")
    talks = [answered(), several_questions()] + ([] if name in PREFILLED else [answered(reasoning="It is green.")])
    agent = without_thoughts(worked())
    for chosen in ("trl", "trl-prompt-completion", "trl-kto"):
        begun = {Defect.BEGINNING} if name in PREFILLED and chosen != "trl" else set()
        assert set(checked(tmp_path, *talks, template=Path(name), name=chosen, reasoning=place)) == begun
        lost = set(checked(tmp_path, agent, template=Path(name), name=chosen))
        assert LOST.get(name, set()) <= lost and bool(lost) == (name in LOST)
    assert (told.tools == "definitions, calls, results") == (name not in LOST and name not in ("llama3.1", "gpt-oss"))


@pytest.mark.parametrize("name", ["qwen3", "glm4.5", "gpt-oss"])
def test_thoughts_of_an_agent_are_held_where_a_family_wants_them(name: str, tmp_path: Path) -> None:
    whole = checked(tmp_path, worked(), template=Path(name), reasoning=PLACES[name])
    assert list(whole) == ([Defect.REASONING] if name == "gpt-oss" else [])
    steps = checked(tmp_path, worked(), template=Path(name), name="trl-prompt-completion", reasoning=PLACES[name])
    assert list(steps) == ([Defect.BEGINNING] if name == "gpt-oss" else [])  # where thoughts go once there is an answer
    elsewhere = "thinking" if name != "gpt-oss" else "reasoning_content"
    assert list(checked(tmp_path, worked(), template=Path(name), reasoning=elsewhere)) == [Defect.REASONING]


def test_a_family_is_found_by_any_of_its_names_and_a_file_of_that_name_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [one.name for name in ("Llama3.3", "harmony", "qwen2") if (one := shipped_template(name))] == [
        "llama3.1",
        "gpt-oss",
        "qwen2.5",
    ]
    with pytest.raises(
        ConfigError, match=r"no template quen3 \(did you mean qwen3\?\); templates of chatml, deepseek-r1"
    ):
        open_target("quen3")
    monkeypatch.chdir(tmp_path)
    Path("qwen3").write_text("{{ messages }}")
    assert not open_target("qwen3").template.has_marks


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(conversations(), st.sampled_from(["qwen3", "glm4.5", "qwen2.5", "mistral", "llama3.1"]), st.booleans())
def test_any_sound_conversation_is_whole_in_what_holds_it(
    tmp_path: Path, record: Record, family: str, by_steps: bool
) -> None:
    name, place = ("trl-prompt-completion" if by_steps else "trl"), PLACES.get(family, "drop")
    found = checked(tmp_path, record, template=Path(family), name=name, reasoning=place)
    # Nulls and several types are what drawn arguments may have.
    assert not [what for what in found if not what.startswith((Defect.NULL, Defect.TYPES))]
