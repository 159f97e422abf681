"""How judges are written in a config, and what that comes to."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from deepfabric_core.config.fingerprint import fingerprint
from deepfabric_core.config.judge import Judge, JudgesConfig, with_shared_llm
from deepfabric_core.config.judge_criteria import KNOWN, Criterion
from deepfabric_core.config.schema import Config
from deepfabric_core.config.secret_keys import secrets_in

SHARED = {"provider": "anthropic", "model": "large", "temperature": 0.9, "base_url": "http://here/v1"}


def judged(**quality: Any) -> Config:
    topics, generation, output = {"prompt": "Tea"}, {"system_prompt": "You teach."}, {"save_as": "tea.jsonl"}
    return Config.model_validate({"topics": topics, "generation": generation, "output": output, "quality": quality})


def refused(model: type[Judge | JudgesConfig | Criterion], written: object) -> str:
    with pytest.raises(ValidationError) as told:
        model.model_validate(written)
    return str(told.value)


def test_an_empty_section_is_a_whole_judge() -> None:
    judge = JudgesConfig.model_validate({"judge": {}}).judge
    assert judge is not None
    assert (judge.low, judge.high, judge.least, judge.llm.temperature) == (1, 5, 4.0, 0.0)


@pytest.mark.parametrize("word", [True, "on", "default"])
def test_a_word_turns_the_judge_on(word: object) -> None:
    assert JudgesConfig.model_validate({"judge": word}).all_judges == (Judge(),)


@pytest.mark.parametrize("word", [False, None, "off", "none"])
def test_a_word_turns_the_judge_off(word: object) -> None:
    assert JudgesConfig.model_validate({"judge": word}).all_judges == ()


@pytest.mark.parametrize("key", ["judge", "judges"])
def test_several_judges_may_stand_under_either_key(key: str) -> None:
    written = [{"llm": {"model": "one"}}, {"llm": {"model": "two"}, "scale": "1-10"}]
    judges = JudgesConfig.model_validate({key: written, "vote": "all"}).all_judges
    assert [judge.llm.model for judge in judges] == ["one", "two"]
    assert [judge.least for judge in judges] == [4.0, 8.0]


def test_one_judge_and_several_at_once_are_refused() -> None:
    assert "write either judge or judges" in refused(JudgesConfig, {"judge": {}, "judges": [{}]})


@pytest.mark.parametrize(
    ("written", "bounds", "least"),
    [
        ("1-5", (1, 5), 4),
        ("1 to 10", (1, 10), 8),
        ([0, 1], (0, 1), 0.75),
        ("0-100", (0, 100), 75),
        ("1\u20133", (1, 3), 2),
    ],
)
def test_a_scale_is_two_whole_numbers(written: object, bounds: tuple[int, int], least: float) -> None:
    judge = Judge.model_validate({"scale": written})
    assert (judge.low, judge.high) == bounds and judge.least == least


@pytest.mark.parametrize("scale", ["5-1", "1-1", "5", 5, "a-b", "1-5-9", "0-1000", None, {}])
def test_other_scales_are_refused(scale: object) -> None:
    assert "two whole numbers" in refused(Judge, {"scale": scale})


@pytest.mark.parametrize(
    "keys",
    [{"min": 6}, {"min": 0}, {"scale": "1-10", "min": 11}, {"criteria": [{"clarity": {"min": 9}}]}],
)
def test_the_least_is_on_the_scale(keys: dict[str, Any]) -> None:
    assert "must be within the scale" in refused(Judge, keys)


def test_a_criterion_is_named_described_or_both() -> None:
    written = [
        "Correctness",
        {"style": "It is written in short sentences."},
        {"name": "Food safety", "description": "It names what is dangerous."},
        {"clarity": {"min": 3}},
        {"depth": {"description": "It goes deep.", "scores": {1: "shallow", 5: "deep"}}},
    ]
    criteria = Judge.model_validate({"criteria": written}).criteria
    assert [one.name for one in criteria] == ["correctness", "style", "food_safety", "clarity", "depth"]
    assert criteria[0].description == KNOWN["correctness"]
    assert (criteria[3].description, criteria[3].min) == (KNOWN["clarity"], 3)
    assert criteria[4].scores == {1: "shallow", 5: "deep"}


def test_one_criterion_needs_no_list() -> None:
    assert [one.name for one in Judge.model_validate({"criteria": "safety"}).criteria] == ["safety"]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("correctnes", "did you mean correctness?"),
        ("flavour", "write {flavour: what it asks for}"),
        ({"name": "flavour"}, "write {flavour: what it asks for}"),
        ({"name": "!!!", "description": "x"}, "name"),
        ({"name": 5, "description": "x"}, "name"),
        ({"name": "x" * 99, "description": "x"}, "name"),
        ({"": "x"}, "name"),
        (5, "Criterion"),
    ],
)
def test_a_criterion_that_cannot_be_understood_is_refused(written: object, said: str) -> None:
    assert said in refused(Criterion, written)


def test_two_criteria_of_one_name_are_refused() -> None:
    assert "a name of its own" in refused(Judge, {"criteria": ["clarity", {"Clarity": "something else"}]})


@pytest.mark.parametrize(("written", "count"), [("best_of 3", 3), ("best of 2", 2), ({"best_of": 4}, 4)])
def test_a_comparison_says_of_how_many(written: object, count: int) -> None:
    compare = JudgesConfig.model_validate({"judge": {}, "compare": written}).compare
    assert compare is not None and compare.best_of == count


@pytest.mark.parametrize("written", ["best_of", "best_of 1", "best_of 99", "three", {"best_of": 0}, 3])
def test_other_comparisons_are_refused(written: object) -> None:
    assert refused(JudgesConfig, {"judge": {}, "compare": written})


def test_a_comparison_needs_a_judge() -> None:
    assert "compare needs a judge" in refused(JudgesConfig, {"compare": "best_of 3"})
    assert JudgesConfig.model_validate({"compare": "off"}).compare is None


def test_a_judge_inherits_the_shared_model_key_by_key_but_stays_cool() -> None:
    quality = with_shared_llm({"judge": {"llm": {"model": "small"}}, "attempts": 3}, SHARED)
    llm = JudgesConfig.model_validate({"judge": quality["judge"]}).all_judges[0].llm
    assert (llm.provider, llm.model, llm.base_url, llm.temperature) == ("anthropic", "small", "http://here/v1", 0.0)
    assert quality["attempts"] == 3


@pytest.mark.parametrize("key", ["judge", "judges"])
def test_each_of_several_judges_inherits_the_shared_model(key: str) -> None:
    quality = with_shared_llm({key: [{"llm": {"temperature": 0.5}}, "on", {"llm": {"provider": "openai"}}]}, SHARED)
    assert [one["llm"]["provider"] for one in quality[key]] == ["anthropic", "anthropic", "openai"]
    assert [one["llm"].get("temperature") for one in quality[key]] == [0.5, None, None]


@pytest.mark.parametrize("written", [None, "off", False, 5, [5], {"llm": 5}])
def test_what_is_no_judge_is_left_for_the_schema_to_refuse(written: object) -> None:
    assert with_shared_llm({"judge": written}, SHARED) == {"judge": written}


def test_the_secrets_of_every_judge_are_known() -> None:
    addresses = [{"llm": {"base_url": f"https://me:secret-{number}-pw@host/v1"}} for number in (1, 2)]
    for config in (judged(judges=addresses), judged(judge=addresses[0])):
        found = secrets_in(config, {})
        assert all(f"secret-{number}-pw" in found for number in range(1, len(config.quality.all_judges) + 1))
        assert "secret-" not in repr(config)


def test_what_of_a_judge_decides_the_data_is_in_the_fingerprint_and_nothing_else_is() -> None:
    keys = {"llm": {"base_url": "https://me:pw-of-mine@host/v1"}, "max_retries": 1, "max_concurrent": 9, "min": 3}
    for quality, start in (({"judge": keys}, "quality.judge."), ({"judges": [{}, keys]}, "quality.judges.2.")):
        prints = fingerprint(judged(**quality), str)
        told = {key.removeprefix(start) for key in prints if key.startswith(start)}
        assert {"llm.provider", "llm.model", "llm.temperature", "criteria", "scale", "min"} <= told
        assert not told & {"llm.base_url", "llm.timeout", "max_retries", "reply_retries", "max_concurrent"}
        assert "pw-of-mine" not in repr(prints)
        assert "quality.vote" in prints
