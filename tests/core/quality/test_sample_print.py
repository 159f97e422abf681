"""The print of a sample says how much of two samples is the same."""

import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.quality.candidate import Candidate, candidate_of
from deepfabric_core.quality.sample_print import PLACES, PRINT_BYTES, is_pair, print_of, runs_of

LONG = " ".join(f"word{number}" for number in range(40))


def _hashes(candidate: Candidate) -> tuple[bytes, bytes, bytes, bytes]:
    found = print_of(candidate)
    assert found is not None and len(found) == PRINT_BYTES
    rest = found[PLACES:]
    return rest[:8], rest[8:16], rest[16:24], rest[24:]


def test_a_sample_without_words_has_no_print() -> None:
    for empty in (Candidate("", ""), Candidate(" \n", "\ud800"), candidate_of({"score": 3})):
        assert print_of(empty) is None


def test_question_answer_and_all_words_are_told_apart() -> None:
    one, other = _hashes(Candidate("Why?", LONG)), _hashes(Candidate("Why not?", LONG))
    assert one[0] != other[0] and one[1] != other[1] and one[2] == other[2]
    assert _hashes(Candidate("WHY!", LONG.upper())) == one


def test_short_answers_have_no_hash_of_their_own() -> None:
    assert _hashes(Candidate("Is it wet?", "Yes, very."))[2] == bytes(8)


def test_numbers_are_those_that_are_asked_about() -> None:
    assert _hashes(Candidate("12 + 7?", "19"))[3] == _hashes(Candidate("7 and 12?", "20"))[3]
    assert _hashes(Candidate("12 + 7?", "19"))[3] != _hashes(Candidate("13 + 8?", "19"))[3]
    assert _hashes(Candidate("How many?", "19"))[3] == bytes(4)


def test_a_record_of_question_and_answer_alone_is_like_a_conversation() -> None:
    talk, record = Candidate("Why?", LONG), candidate_of({"question": "Why?", "answer": LONG, "score": 3})
    assert is_pair(record) and print_of(record) == print_of(talk)
    assert not is_pair(candidate_of({"question": "Why?", "options": ["a", "b"], "answer": "a"}))
    assert not is_pair(candidate_of({"text": LONG}))


def test_what_lies_beyond_what_is_read_counts_for_equality() -> None:
    long = "many words " * 20_000
    assert print_of(Candidate("Q", long)) == print_of(Candidate("Q", long))
    assert print_of(Candidate("Q", long)) != print_of(Candidate("Q", long + "more"))
    steps = [f"step {number} of many" for number in range(10_000)]
    assert print_of(candidate_of({"steps": steps})) != print_of(candidate_of({"steps": [*steps[:-1], "other"]}))


@pytest.mark.parametrize(
    "huge",
    [
        Candidate("Q", " ".join(f"w{number}" for number in range(1_000_000))),
        Candidate("1." * 500_000, "\u3042" * 1_000_000),
        candidate_of({"steps": [f"step {number}" for number in range(100_000)]}),
    ],
    ids=["words", "one word", "texts"],
)
def test_the_time_for_a_huge_sample_is_bounded(huge: Candidate) -> None:
    begin = time.process_time()
    print_of(huge)
    assert time.process_time() - begin < 10


def test_prints_are_the_same_in_every_process() -> None:
    code = (
        "from deepfabric_core.quality.candidate import Candidate\n"
        "from deepfabric_core.quality.sample_print import print_of\n"
        "print(print_of(Candidate('Why so?', 'Because of 3 things that differ, of course.')).hex())"
    )
    made = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(made) == 1 and len(made.pop()) == 2 * PRINT_BYTES + 1


@given(st.text(st.characters(codec=None), max_size=80), st.text(st.characters(codec=None), max_size=80))
def test_any_texts_have_a_print_if_they_have_runs(question: str, answer: str) -> None:
    candidate = Candidate(question, answer)
    assert (print_of(candidate) is None) == (not runs_of(candidate))
