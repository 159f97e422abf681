"""What the model was told doesn't belong into a sample, unless it was told to write it."""

import pytest

from deepfabric_core.quality.checks.check import Settings
from tests.core.quality.checks.looking import reason
from tests.core.quality.labelled_bad import LEAKS, PROMPTS

SETTINGS = Settings("en", PROMPTS)


@pytest.mark.parametrize("answer", LEAKS)
def test_instructions_are_found_wherever_they_stand(answer: str) -> None:
    assert reason("prompt_leak", answer, settings=SETTINGS)
    assert reason("prompt_leak", "Oil it.", answer, settings=SETTINGS)


def test_what_a_prompt_quotes_is_meant_to_be_written() -> None:
    closing = "Ride safely, and come back whenever something rattles again!"
    assert closing in PROMPTS[1]
    assert not reason("prompt_leak", f"It is dry, so oil it. {closing}", settings=SETTINGS)


def test_a_few_words_in_common_are_no_leak() -> None:
    answer = "A patient mechanic explains each step and names the tools, so look for one who does."
    assert not reason("prompt_leak", answer, settings=SETTINGS)


def test_prompts_without_spaces_between_words_are_found_too() -> None:
    settings = Settings("ja", ("あなたは親切な自転車整備士で、必要な工具の名前を必ず挙げて説明します。",))
    assert reason(
        "prompt_leak", "はい。必要な工具の名前を必ず挙げて説明します。油をさしてください。", settings=settings
    )
    assert not reason("prompt_leak", "工具の名前はチェーンカッターです。油をさしてください。", settings=settings)
