"""Any candidate at all is examined, in bounded time."""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deepfabric_core.quality.candidate import Candidate, candidate_of
from deepfabric_core.quality.checks.check import Settings
from deepfabric_core.quality.checks.choose import choose
from deepfabric_core.quality.checks.examine import examine, findings
from deepfabric_core.quality.checks.registry import catalogue
from tests.core.quality.labelled_bad import PROMPTS

SETTINGS = Settings("en", PROMPTS)
ALL = choose([name for name, _, _ in catalogue() if name != "sql_syntax"], SETTINGS)
DEFAULT = choose("default", SETTINGS)
PIECES = (
    *("`", "``", "```\n", "```python\n", "```yaml\n", "~~~a\n", "\n", "\n ", "\t", "\\", "\ud800", "\u200b", "😀", "中", "。", "あ", "ไ", "ا"),
    *("[", "{", "<", "{{", "“", "”", '"', "'", "‘", "«", "*", " *", "\n>", "-", "@", "a@b.", "[insert ", "(todo", "<think", "<s>", "todo:\n"),
    *("1", "1 ", "4111-", "DE89 3704 ", "+1 555 ", "a b c | ", "User:\n", "# ", "#\n", "x = (\n", "- a\n", "sk-", "eyJ", "topic path, "),
    *("a", " ", "is ", "1. a\n", "a: b\n", "as an ai ", "i'm sorry, but i can't "),
)  # fmt: skip
ODD = st.text(st.characters(), max_size=40)  # lone surrogates too
# Another test may use the processor meanwhile.
patiently = settings(suppress_health_check=[HealthCheck.too_slow])
MARKUP = st.lists(st.sampled_from([*PIECES, " ", "\n", "the ", "oil "]), max_size=40).map("".join)


@patiently
@given(ODD | MARKUP, ODD | MARKUP, ODD)
def test_any_text_is_examined_alike_each_time(question: str, answer: str, reasoning: str) -> None:
    candidate = Candidate(question, answer, reasoning)
    found = list(findings(candidate, ALL))
    assert found == list(findings(candidate, ALL))
    assert examine(candidate, ALL) == next(iter(found), None)
    assert all(one.gate == "checks" and one.reason and one.advice and len(one.evidence) <= 160 for one in found)


@patiently
@given(
    st.dictionaries(
        st.text(max_size=5), st.recursive(ODD | st.none(), lambda inner: st.lists(inner, max_size=3)), max_size=4
    )
)
def test_any_record_is_examined(record: dict[str, object]) -> None:
    assert all(one.reason for one in findings(candidate_of(record), ALL))


def test_the_fields_for_bad_examples_may_be_bad() -> None:
    refusal = "I'm sorry, but I can't help with that."
    assert examine(candidate_of({"prompt": "How?", "chosen": "Oil it.", "rejected": refusal}), DEFAULT) is None
    assert examine(candidate_of({"prompt": "How?", "chosen": refusal, "rejected": "Oil it."}), DEFAULT)


@pytest.mark.parametrize("piece", PIECES)
def test_a_long_text_takes_no_longer_than_it_may(piece: str) -> None:
    text = (piece * 100_000)[:100_000]
    candidate = Candidate("Why?", text)

    def seconds() -> float:
        began = time.process_time()
        list(findings(candidate, DEFAULT))
        return time.process_time() - began

    assert min(seconds() for _ in range(3)) < 0.25  # a tenth of it on a quiet machine
