"""Runs of words that a sample shares with an evaluation set are found, wherever they stand, and nothing else is."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.errors import ConfigError
from deepfabric_core.quality.candidate import Candidate, candidate_of
from deepfabric_core.quality.contamination import ContaminationIndex, EvaluationItem
from deepfabric_core.quality.word_runs import hashes_of_runs, hashes_of_words
from tests import ROOT

NATALIA = (
    "Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May. "
    "How many clips did Natalia sell altogether in April and May?"
)
SHORT = "Which gas do plants take in for photosynthesis?"  # eight words
SHORTER = "What is the capital of France?"
CODE = (
    "def has_close_elements(numbers, threshold):\n    for i, a in enumerate(numbers):\n"
    "        for j, b in enumerate(numbers):\n            if i != j and abs(a - b) < threshold:\n"
    "                return True\n"
)
CHINESE = "娜塔莉亚在四月份向她的四十八位朋友出售了发夹。然后在五月份售出了一半数量的发夹。她一共卖了多少个发夹。"
FILLER = "Let us look at how a market stall may keep its books in order over a whole season of work."


def item(*texts: str, source: str = "gsm8k", place: str = "item 1") -> EvaluationItem:
    return EvaluationItem(source, place, texts)


def index(*texts: str, ngram: int = 13) -> ContaminationIndex:
    return ContaminationIndex([item(text, place=f"item {number}") for number, text in enumerate(texts, 1)], ngram)


def is_clean(text: str, *texts: str, ngram: int = 13) -> bool:
    return index(*texts, ngram=ngram).finding(Candidate("Why?", text)) is None


def test_a_copied_question_is_found_with_the_set_the_item_and_the_passage() -> None:
    finding = index(SHORT, NATALIA).finding(Candidate(f"{FILLER} {NATALIA}", "72"))
    assert finding is not None
    assert (finding.gate, finding.name) == ("contamination", "gsm8k")
    assert finding.reason == "31 words in a row of its question are those of gsm8k, item 2"
    assert finding.evidence == NATALIA.removesuffix("?")
    assert "Natalia" not in finding.advice and "gsm8k" not in finding.advice


@pytest.mark.parametrize("part", ["question", "answer", "reasoning"])
def test_every_text_of_a_conversation_is_looked_at(part: str) -> None:
    texts = {"question": "Why?", "answer": "So.", "reasoning": "Hm.", part: f"{FILLER} {NATALIA} {FILLER}"}
    finding = index(NATALIA).finding(Candidate(texts["question"], texts["answer"], texts["reasoning"]))
    assert finding is not None and f"of its {part} are" in finding.reason


def test_every_text_of_a_record_of_an_own_schema_is_looked_at() -> None:
    finding = index(NATALIA).finding(candidate_of({"title": "Clips", "steps": [{"text": NATALIA}]}))
    assert finding is not None and "of its steps/0/text are" in finding.reason


@pytest.mark.parametrize(
    "changed",
    [
        NATALIA.upper(),
        NATALIA.replace(" ", "\n"),
        NATALIA.replace(",", " --").replace(".", ";"),
        f"**{NATALIA}**".replace("clips", "_clips_").replace("_", "*"),
        NATALIA.replace("Natalia", "\uff2e\uff41\uff54\uff41\uff4c\uff49\uff41"),
        " ".join(NATALIA.split()[5:20]),
        NATALIA.replace("48", "84"),
    ],
)
def test_case_punctuation_markup_and_what_stands_around_make_no_difference(changed: str) -> None:
    assert not is_clean(changed, NATALIA)


@pytest.mark.parametrize(
    "own",
    [
        FILLER,
        "",
        "?!",
        " ".join(NATALIA.split()[:12]),  # one word less than a run
        NATALIA.replace("friends", "colleagues").replace("then", "afterwards").replace("many", "few"),
        "Natalia sold clips in April and May.",
    ],
)
def test_what_shares_no_whole_run_is_clean(own: str) -> None:
    assert is_clean(own, NATALIA)


def test_the_longest_run_is_told_to_its_ends() -> None:
    words = NATALIA.split()
    shared = " ".join(words[3:21])
    finding = index(NATALIA).finding(Candidate("Why?", f"{FILLER} {shared} {FILLER}"))
    assert finding is not None
    assert finding.reason.startswith("18 words in a row") and finding.evidence == shared


def test_a_short_question_counts_as_a_whole_and_a_shorter_one_does_not_count() -> None:
    assert not is_clean(f"{FILLER} {SHORT} {FILLER}", SHORT)
    assert is_clean("Which gas do plants take in for growth?", SHORT)
    assert is_clean(f"{SHORTER} Paris.", SHORTER)
    assert index(SHORTER, "", "B").size == 0


def test_a_run_may_be_shorter_or_longer() -> None:
    eight = " ".join(NATALIA.split()[:8])
    assert not is_clean(eight, NATALIA, ngram=8) and is_clean(eight, NATALIA, ngram=9)
    assert is_clean(" ".join(NATALIA.split()[:30]), NATALIA, ngram=31) and not is_clean(NATALIA, NATALIA, ngram=50)


def test_code_is_compared_by_its_words() -> None:
    assert not is_clean(f"```python\n{CODE.replace('    ', chr(9))}```", CODE)
    assert is_clean("for i, a in enumerate(numbers): print(i, a)", CODE)


def test_in_scripts_without_spaces_two_characters_count_as_a_word() -> None:
    assert not is_clean(f"問題。{CHINESE}", CHINESE)
    assert not is_clean(CHINESE[3:32], CHINESE)
    assert is_clean(CHINESE[:20], CHINESE) and is_clean("她一共卖了多少个发夹。", CHINESE)


def test_a_chinese_question_is_found_in_an_english_text() -> None:
    assert not is_clean(f"{FILLER} {CHINESE} {FILLER} {FILLER}", CHINESE)


@pytest.mark.parametrize(
    "text",
    [
        "ناتاليا باعت مشابك لثمانية وأربعين من أصدقائها في نيسان ثم باعت نصف هذا العدد في أيار",
        "🚲 " * 40,
        "\ud800 a" * 20,
    ],
)
def test_any_text_can_be_compared(text: str) -> None:
    assert index(text).finding(Candidate(text, f"{text}\ud800")) or not text.strip("🚲 ")


def test_a_manner_of_speaking_that_many_items_share_is_no_contamination() -> None:
    frame = "Read the following passage with care and then answer the question that is put after it: "
    texts = [f"{frame}what does traveller number {number} carry on the way to the market?" for number in range(40)]
    assert is_clean(f"{frame}why is the sky blue on some days and grey on others?", *texts)
    assert not is_clean(f"{frame}why is the sky blue on some days and grey on others?", *texts[:5])
    assert not is_clean(texts[7], *texts)


def test_a_passage_with_many_questions_counts_once() -> None:
    items = [item(f"What about {number}?", NATALIA, place=f"item {number}") for number in range(40)]
    found = ContaminationIndex(items)
    assert found.size == 1 and found.finding(Candidate(NATALIA, "72"))


def test_an_index_of_nothing_finds_nothing() -> None:
    assert ContaminationIndex([]).finding(Candidate(NATALIA, "72")) is None


def test_each_text_that_overlaps_is_told_once_for_a_report() -> None:
    found = list(index(NATALIA, CODE).overlaps(Candidate(NATALIA, f"{FILLER} {CODE} {CODE}")))
    assert [(one.part, one.place) for one in found] == [("question", "item 1"), ("answer", "item 2")]


def test_equal_hashes_of_other_words_are_no_overlap() -> None:
    """The words are compared: these two have the same checksum, so all hashes of their runs are equal."""
    one, other = "plumless", "buckeroo"
    assert np.array_equal(hashes_of_words([one]), hashes_of_words([other]))
    text = NATALIA.replace("clips", one).replace("she", one)
    assert is_clean(text.replace(one, other), text) and not is_clean(text, text)


def test_a_very_long_text_takes_little_time() -> None:
    found = index(NATALIA, SHORT, CODE)
    text = " ".join(NATALIA.split()[:12]) + " "
    began = time.process_time()
    assert found.finding(Candidate(text * 5000, NATALIA.replace(" ", "  ") * 500))
    assert time.process_time() - began < 5


def test_sets_that_would_take_too_much_memory_are_refused() -> None:
    items = [item(f"{NATALIA} {number}") for number in range(9)]
    assert ContaminationIndex(items, most_words=1000).size == 9
    with pytest.raises(ConfigError, match=r"more than 100 words.*gsm8k is the first too many"):
        ContaminationIndex(items, most_words=100)


def test_the_index_is_the_same_in_every_process() -> None:
    script = (
        "from deepfabric_core.quality.word_runs import *; "
        "print(hashes_of_runs(hashes_of_words(['a', 'b', 'c', 'd']), 2).tolist())"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert said == {f"{hashes_of_runs(hashes_of_words(['a', 'b', 'c', 'd']), 2).tolist()}\n"}


@given(st.lists(st.sampled_from("abcde"), max_size=60), st.integers(1, 9))
def test_runs_have_equal_hashes_exactly_where_their_words_are_equal(words: list[str], size: int) -> None:
    hashes = hashes_of_runs(hashes_of_words(words), size).tolist()
    runs = [tuple(words[at : at + size]) for at in range(len(words) - size + 1)]
    assert len(hashes) == len(runs)
    assert len(set(hashes)) == len(set(runs)) == len(set(zip(hashes, runs, strict=True)))


def sentences(count: int, seed: int) -> Iterator[str]:
    chance = random.Random(seed)
    words = [f"w{number}" for number in range(3000)]
    return (" ".join(chance.choices(words, k=chance.randint(9, 60))) for _ in range(count))


@given(st.integers(0, 10**6))
def test_it_finds_what_a_search_word_by_word_finds(seed: int) -> None:
    """Texts of few different words, so that runs are shared by chance."""
    chance = random.Random(seed)
    texts = [" ".join(chance.choices("ab", k=chance.randint(8, 16))) for _ in range(4)]
    own = " ".join(chance.choices("ab", k=40))
    shared = False
    for text in texts:
        words, size = text.split(), min(len(text.split()), 9)
        runs = [" ".join(words[at : at + size]) for at in range(len(words) - size + 1)]
        shared |= any(f" {run} " in f" {own} " for run in runs)
    assert is_clean(own, *texts, ngram=9) is not shared


def test_ten_thousand_items_are_indexed_and_each_is_found() -> None:
    texts = list(sentences(10_000, seed=1))
    found = index(*texts)
    for number in range(0, 10_000, 500):
        finding = found.finding(Candidate("Why?", f"{FILLER} {texts[number]}"))
        assert finding is not None and f"item {number + 1}" in finding.reason
    assert not [text for text in sentences(300, seed=2) if found.finding(Candidate("Why?", text))]
