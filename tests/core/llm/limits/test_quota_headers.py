"""What providers say in their headers about how much more they take."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.llm.limits.quota_headers import RemainingQuota, requests_left, seconds_until, tokens_left

NOW = 1_760_000_000.0

OPENAI = {
    "x-ratelimit-limit-requests": "60",
    "x-ratelimit-remaining-requests": "59",
    "x-ratelimit-reset-requests": "1s",
    "x-ratelimit-remaining-tokens": "149984",
    "x-ratelimit-reset-tokens": "6m0s",
}
ANTHROPIC = {
    "anthropic-ratelimit-requests-remaining": "49",
    "anthropic-ratelimit-requests-reset": "2025-10-09T08:54:20Z",
    "anthropic-ratelimit-tokens-remaining": "8000",
    "anthropic-ratelimit-tokens-reset": "2025-10-09T10:53:30+02:00",
}


def test_openais_headers_are_counts_and_spans() -> None:
    assert requests_left(OPENAI, NOW) == RemainingQuota(59, 1)
    assert tokens_left(OPENAI, NOW) == RemainingQuota(149984, 360)


def test_anthropics_headers_are_counts_and_moments_of_rfc_3339() -> None:
    assert requests_left(ANTHROPIC, NOW) == RemainingQuota(49, 60)
    assert tokens_left(ANTHROPIC, NOW) == RemainingQuota(8000, 10)


def test_openrouters_reset_is_an_epoch_in_milliseconds() -> None:
    headers = {"x-ratelimit-remaining": "3", "x-ratelimit-reset": str(int((NOW + 30) * 1000))}
    assert requests_left(headers, NOW) == RemainingQuota(3, 30)
    assert tokens_left(headers, NOW) is None


def test_the_draft_standards_reset_is_seconds_from_now() -> None:
    assert requests_left({"ratelimit-remaining": "0", "ratelimit-reset": "50"}, NOW) == RemainingQuota(0, 50)


def test_an_epoch_in_seconds_is_told_from_seconds_from_now() -> None:
    assert requests_left({"x-ratelimit-remaining": "1", "x-ratelimit-reset": f"{NOW + 5:.0f}"}, NOW) == RemainingQuota(
        1, 5
    )


def test_a_reset_that_is_past_is_now() -> None:
    headers = {**ANTHROPIC, "anthropic-ratelimit-requests-reset": "2025-10-09T08:00:00Z"}
    assert requests_left(headers, NOW) == RemainingQuota(49, 0)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("6m0s", 360),
        ("250ms", 0.25),
        ("1.5", 1.5),
        ("7.66s", 7.66),
        ("1h2m3s", 3723),
        ("2m59.56s", 179.56),
        ("1d", 86400),
        (" 17ms ", 0.017),
        ("0", 0),
    ],
)
def test_a_span_is_read_in_every_unit(text: str, seconds: float) -> None:
    assert seconds_until(text, NOW) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("remaining", "reset"),
    [("many", "1s"), ("", "1s"), ("-1", "1s"), ("nan", "1s"), ("5", "soon"), ("5", ""), ("5", "1x"), ("5", "2025-T")],
)
def test_nonsense_says_nothing(remaining: str, reset: str) -> None:
    headers = {"x-ratelimit-remaining-requests": remaining, "x-ratelimit-reset-requests": reset}
    assert requests_left(headers, NOW) is None


def test_what_remains_without_a_time_when_it_is_back_says_nothing() -> None:
    assert requests_left({"x-ratelimit-remaining-requests": "5"}, NOW) is None


def test_other_headers_say_nothing() -> None:
    assert requests_left({"content-type": "application/json", "x-ratelimit-limit-requests": "60"}, NOW) is None
    assert tokens_left({}, NOW) is None


@given(remaining=st.text(max_size=12), reset=st.text(max_size=30))
def test_no_header_breaks_anything_or_makes_a_negative_allowance(remaining: str, reset: str) -> None:
    headers = {"ratelimit-remaining": remaining, "ratelimit-reset": reset}
    left = requests_left(headers, NOW)
    assert left is None or (left.remaining >= 0 and left.reset >= 0)


@given(reset=st.from_regex(r"\A[-+]?[0-9]{1,400}(\.[0-9]+)?(ms|s|m|h|d|T00:00:00Z?|e[0-9]{1,3})?\Z"))
def test_no_number_or_date_is_too_large_to_be_read(reset: str) -> None:
    left = requests_left({"ratelimit-remaining": "1", "ratelimit-reset": reset}, NOW)
    assert left is None or left.reset >= 0


@given(st.tuples(st.integers(0, 99), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999)))
def test_a_span_is_the_sum_of_its_parts(parts: tuple[int, ...]) -> None:
    text = "".join(f"{number}{unit}" for number, unit in zip(parts, ("d", "h", "m", "s", "ms"), strict=True))
    days, hours, minutes, seconds, thousandths = parts
    expected = ((days * 24 + hours) * 60 + minutes) * 60 + seconds + thousandths / 1000
    assert seconds_until(text, NOW) == pytest.approx(expected)


@given(ahead=st.integers(0, 10**7))
def test_all_ways_to_name_a_moment_name_the_same(ahead: int) -> None:
    at = NOW + ahead
    texts = (f"{at:.0f}", f"{at * 1000:.0f}", datetime.fromtimestamp(at, UTC).isoformat(), f"{ahead}s")
    assert {seconds_until(text, NOW) for text in texts} == {float(ahead)}
