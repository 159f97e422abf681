"""A check of the user's own says what is wrong, and one that fails is told by name, with the sample."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.errors import ConfigError
from deepfabric_core.quality.candidate import Candidate, candidate_of
from deepfabric_core.quality.checks.check import Settings
from deepfabric_core.quality.checks.choose import choose
from deepfabric_core.quality.checks.examine import examine, findings

SAMPLE = Candidate("How?", "Oil it.", path=("Bicycles", "Chains"))


def reason(function: Any, sample: Candidate = SAMPLE) -> str | None:
    found = examine(sample, choose(None, Settings(), [function]))
    return found.reason if found else None


def numpy_like(value: bool) -> Any:
    return type("bool_", (), {"__bool__": lambda _: value})()


def test_a_text_or_false_is_a_reason_and_true_or_none_is_none() -> None:
    def shouting(sample: Candidate) -> str | None:
        return "it shouts" if "!" in sample.answer else None

    assert reason(shouting) is None
    assert reason(shouting, Candidate("Q?", "Oil it!")) == "it shouts"
    assert reason(lambda _: True) is reason(lambda _: numpy_like(True)) is reason(lambda _: "") is None
    assert reason(lambda _: False) == "the check <lambda> says no"
    assert reason(lambda _: numpy_like(False))


def test_it_may_read_the_record_as_well() -> None:
    record = {"title": "Bread", "minutes": 400}
    assert reason(lambda sample: sample.record["minutes"] < 60, candidate_of(record))


def test_a_failure_names_the_check_and_the_line_of_it() -> None:
    def broken(sample: Any) -> str:
        return str(sample["answer"])

    with pytest.raises(ConfigError) as told:
        reason(broken)
    assert "the check broken failed with TypeError: 'Candidate' object is not subscriptable" in str(told.value)
    assert "(test_own_checks.py, line " in str(told.value)


@pytest.mark.parametrize("value", [0, 1, 3.5, ["a"], {}, object()])
def test_any_other_value_is_no_verdict(value: object) -> None:
    with pytest.raises(ConfigError, match="returned a value of type"):
        reason(lambda _: value)


def test_what_cannot_be_called_or_waited_for_is_refused_at_once() -> None:
    async def later(_: Candidate) -> None: ...

    functions: list[Any] = [later, SimpleNamespace(__name__="thing")]
    for function in functions:
        with pytest.raises(ConfigError, match="isn't an ordinary function"):
            choose(None, Settings(), [function])


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ({"regex": "(?i)oil"}, True),
        ({"regex": "wax"}, False),
        ({"regex": "wax", "must": "match"}, True),
        ({"regex": "How", "in": "question"}, True),
        ({"regex": "How", "in": "answer"}, False),
        ({"regex": "How", "in": "any"}, True),
        ({"regex": "^$", "in": "reasoning", "must": "match"}, False),
    ],
)
def test_a_pattern_has_to_occur_or_not(pattern: dict[str, str], found: bool) -> None:
    assert (examine(SAMPLE, choose([pattern], Settings())) is not None) == found


def test_a_pattern_has_a_reason_and_a_name_of_its_own() -> None:
    checks = choose([{"regex": "Oil", "reason": "it speaks of oil", "name": "oil"}, {"regex": "it"}], Settings())
    assert [(one.name, one.reason) for one in findings(SAMPLE, checks)] == [
        ("oil", "it speaks of oil"),
        ("regex it", "the answer matches the pattern 'it'"),
    ]  # fmt: skip


def test_a_pattern_may_look_at_a_field_of_an_own_schema() -> None:
    checks = choose([{"regex": r"^[A-Z]", "in": "steps/0/text", "must": "match"}], Settings(own_schema=True))
    assert examine(candidate_of({"steps": [{"text": "Knead"}]}), checks) is None
    assert examine(candidate_of({"steps": [{"text": "knead"}]}), checks)


def test_a_misspelt_place_of_a_conversation_is_refused() -> None:
    with pytest.raises(ConfigError, match="'anwser' must be one of question, answer, reasoning, any"):
        choose([{"regex": "a", "in": "anwser"}], Settings())


def test_a_pattern_that_takes_too_long_refuses_the_sample_in_good_time() -> None:
    checks = choose([{"regex": r"(a|aa)+$"}], Settings())
    found = examine(Candidate("Q?", "a" * 5000 + "b"), checks)
    assert found and "takes too long" in found.reason


@given(st.text())
def test_any_text_may_be_a_reason(text: str) -> None:
    assert reason(lambda _: text) == (text or None)
