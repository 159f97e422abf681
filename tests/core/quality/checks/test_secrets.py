"""Keys, cards, accounts and addresses that may be somebody's are found, and never told; stand-ins pass."""

import pytest

from deepfabric_core.quality.candidate import Candidate
from deepfabric_core.quality.checks.check import Settings
from deepfabric_core.quality.checks.choose import choose
from deepfabric_core.quality.checks.examine import examine
from tests.core.quality.checks.looking import reason
from tests.core.quality.labelled_bad import PAYMENT, SECRETS


@pytest.mark.parametrize("value", [*SECRETS, *PAYMENT])
def test_real_looking_values_are_found_and_not_told(value: str) -> None:
    found = examine(Candidate("Which one?", f"Take {value}."), choose("default", Settings()))
    assert found and found.name in {"secret", "payment_data"}
    assert all(value[7:] not in text for text in (found.reason, found.advice, found.evidence))


@pytest.mark.parametrize(
    "text",
    [
        "sk-your-key-here-xxxxxxxxxxxxxxxx",
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_" + "x" * 36,
        "sk-" + "a" * 40,
        "hf_...",
        "4242 4242 4242 4242",
        "4111111111111111",
        "DE89 3704 0044 0532 0130 00",
        "1234 5678 9012 3456",
        "3.14159265358979323846",
        "4539 5781 2846 7311",
        "the id 20261129144043112233",
        "task-force-on-the-longest-word-of-all",
        "",
    ],
)
def test_stand_ins_and_other_numbers_pass(text: str) -> None:
    assert not reason("secret", text) and not reason("payment_data", text)


@pytest.mark.parametrize(
    "text", ["anna.schmidt@gmx.de", "j_doe42@posteo.net", "+49 30 9018 2045", "(212) 736 5000", "020 7946 3182"]
)
def test_addresses_and_telephone_numbers_are_found_where_that_is_asked_for(text: str) -> None:
    assert reason("contact_data", f"Write to {text}.")


@pytest.mark.parametrize(
    "text",
    [
        "jane@example.com",
        "you@yourcompany.com",
        "(212) 555 0123",
        "x @ y",
        "@decorator",
        "2026-11-29",
        "192.168.100.200",
        "a@b",
    ],
)
def test_examples_and_other_signs_pass(text: str) -> None:
    assert not reason("contact_data", f"Write to {text}.")
