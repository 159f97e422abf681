"""Print how long the checks take for answers of 300 words: `python -m tests.core.quality.speed`."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from random import Random
from statistics import median

from deepfabric_core.quality.candidate import Candidate
from deepfabric_core.quality.checks.check import Check, Settings
from deepfabric_core.quality.checks.choose import choose
from deepfabric_core.quality.checks.examine import examine
from tests.core.quality.labelled_bad import PROMPTS
from tests.core.quality.labelled_good import ENGLISH, SENTENCES

_WORDS = 300
_ROUNDS = 5


def candidates(many: int = 200) -> Iterator[Candidate]:
    """Yield good samples of about 300 words, no two of them alike."""
    random = Random(3)
    plain = [answer for _, answer in ENGLISH if answer.isascii() and not set("`{[<0123456789").intersection(answer)]
    sentences = [*SENTENCES, *(f"{answer}." for answer in plain if 8 < len(answer.split()) < 20)]
    for number in range(many):
        text = ""
        for sentence in random.sample(sentences, len(sentences)):
            if len(text.split()) < _WORDS:
                text += f"{sentence} "
        yield Candidate(f"What did you learn in the workshop on day {number}?", text.strip())


def microseconds(checks: Sequence[Check], samples: Sequence[Candidate]) -> float:
    """Return the median of the processor time for one sample, of the best round for each."""

    def once(sample: Candidate) -> float:
        began = time.process_time_ns()
        examine(sample, checks)
        return (time.process_time_ns() - began) / 1000

    return median(min(once(sample) for _ in range(_ROUNDS)) for sample in samples)


def main() -> None:
    """Print the time of each check alone, which then prepares the texts for itself, and of all together."""
    samples = list(candidates())
    checks = choose("default", Settings("en", PROMPTS))
    for check in checks:
        sys.stdout.write(f"{check.name:<14} {microseconds([check], samples):6.0f} µs\n")
    words = sum(len(sample.answer.split()) for sample in samples) / len(samples)
    sys.stdout.write(f"{'all together':<14} {microseconds(checks, samples):6.0f} µs for answers of {words:.0f} words\n")


if __name__ == "__main__":
    main()
