"""Prints are read back after a crash, and whatever is torn, damaged or out of date is made again."""

import os
import random
import time
from pathlib import Path

import pytest

from deepfabric_core.quality.candidate import Candidate
from deepfabric_core.quality.sample_print import SamplePrint, print_of
from deepfabric_core.store.print_file import PrintFile, restored

Numbered = tuple[int, tuple[str, int], Candidate]


def _samples(count: int) -> list[Numbered]:
    dice = random.Random(1)
    words = [f"word{number}" for number in range(500)]
    texts = (Candidate(f"What is {number}?", " ".join(dice.choices(words, k=40))) for number in range(count))
    return [(number, (f"topic{number % 7}", number // 7), text) for number, text in enumerate(texts)]


SAMPLES = _samples(50)
PRINTS = [(number, print_of(text)) for number, _, text in SAMPLES]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with the prints of all samples."""
    file = PrintFile(tmp_path / "new folder" / "prints")
    assert list(restored(file, SAMPLES)) == PRINTS
    file.lines.close()
    return file.lines.path


def _known(path: Path) -> int:
    file = PrintFile(path)
    try:
        return sum(file.known().of(key, text) is not None for _, key, text in SAMPLES)
    finally:
        file.lines.close()


def _size_after_restoring(path: Path) -> int:
    file = PrintFile(path)
    assert list(restored(file, SAMPLES)) == PRINTS
    file.lines.close()
    assert _known(path) == len(SAMPLES)
    return path.stat().st_size


def test_prints_are_read_back_and_not_written_twice(path: Path) -> None:
    before = path.read_bytes()
    assert len(before) == 64 + 172 * len(SAMPLES)
    _size_after_restoring(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("lost", [1, 100, 171, 172, 173, 1_000])
def test_a_torn_end_is_cut_off_and_made_again(path: Path, lost: int) -> None:
    before = path.stat().st_size
    os.truncate(path, before - lost)
    assert _known(path) == len(SAMPLES) - -(-lost // 172)
    assert _size_after_restoring(path) == before


def test_a_damaged_entry_is_left_out_and_made_again(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[64 + 172 * 3 + 20] ^= 1
    path.write_bytes(content)
    assert _known(path) == len(SAMPLES) - 1
    _size_after_restoring(path)


@pytest.mark.parametrize("end", [0, 1, 63, 64])
def test_a_file_of_another_version_or_without_header_is_begun_anew(path: Path, end: int) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:end] if end < 64 else b"deepfabric prints 0" + content[19:])
    assert _known(path) == 0
    assert _size_after_restoring(path) == len(content)


def test_prints_of_samples_that_the_journal_lacks_do_no_harm(path: Path) -> None:
    file = PrintFile(path)
    assert list(restored(file, SAMPLES[10:20])) == PRINTS[10:20]
    file.lines.close()


def test_a_sample_whose_texts_were_edited_gets_another_print(path: Path) -> None:
    number, key, _ = SAMPLES[4]
    edited = Candidate("Why?", "Because of what was edited by hand.")
    file = PrintFile(path)
    assert file.known().of(key, edited) is None
    for _ in range(2):
        assert list(restored(file, [(number, key, edited)])) == [(number, print_of(edited))]
    assert path.stat().st_size == 64 + 172 * (len(SAMPLES) + 1), "it is kept beside the older one"
    file.lines.close()


def test_samples_without_words_have_no_print(tmp_path: Path) -> None:
    file = PrintFile(tmp_path / "prints")
    assert list(restored(file, [(1, ("t", 0), Candidate("", " "))])) == []
    assert len(file.known()) == 0
    file.lines.close()


def test_lone_surrogates_are_kept_apart(tmp_path: Path) -> None:
    file = PrintFile(tmp_path / "prints")
    odd: list[Numbered] = [
        (1, ("\ud800", 0), Candidate("Why \ud800?", "So.")),
        (2, ("t", 0), Candidate("\udfff?", "a")),
    ]
    first = list(restored(file, odd))
    assert list(restored(file, odd)) == first and len(first) == 2
    file.lines.close()


def test_twenty_thousand_prints_are_read_back_in_less_than_a_second(tmp_path: Path) -> None:
    samples = _samples(2_000) * 10
    file = PrintFile(tmp_path / "prints")
    for _, key, text in samples:
        file.append(key, text, SamplePrint(bytes(156)))
    begin = time.process_time()
    known = file.known()
    assert all(known.of(key, text) is not None for _, key, text in samples)
    assert time.process_time() - begin < 5
    file.lines.close()
