"""What providers say in their headers about how much more they take."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.llm.limits.quota_headers import RemainingQuota, quotas_in, seconds_until

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
    "anthropic-ratelimit-input-tokens-remaining": "6000",
    "anthropic-ratelimit-input-tokens-reset": "2025-10-09T08:53:40Z",
    "anthropic-ratelimit-output-tokens-remaining": "2000",
    "anthropic-ratelimit-output-tokens-reset": "2025-10-09T08:53:50Z",
}


def test_openais_headers_are_counts_and_spans() -> None:
    assert quotas_in(OPENAI, NOW) == {
        "requests": RemainingQuota(59, 1),
        "tokens": RemainingQuota(149984, 360, "tokens"),
    }


def test_anthropics_headers_are_counts_and_moments_of_rfc_3339() -> None:
    assert quotas_in(ANTHROPIC, NOW) == {
        "requests": RemainingQuota(49, 60),
        "tokens": RemainingQuota(8000, 10, "tokens"),
        "input-tokens": RemainingQuota(6000, 20, "input"),
        "output-tokens": RemainingQuota(2000, 30, "output"),
    }


def test_quotas_of_a_minute_and_of_a_day_are_told_apart() -> None:
    headers = {
        "x-ratelimit-remaining-requests-day": "999",
        "x-ratelimit-reset-requests-day": "33011.3",
        "x-ratelimit-remaining-tokens-minute": "5000",
        "x-ratelimit-reset-tokens-minute": "11.3",
    }
    assert quotas_in(headers, NOW) == {
        "requests-day": RemainingQuota(999, 33011.3),
        "tokens-minute": RemainingQuota(5000, 11.3, "tokens"),
    }


@pytest.mark.parametrize("text", ['"default";r=50;t=30', "limit=100, remaining=50, reset=30", "r = 50; t = 30"])
def test_the_draft_standard_says_all_in_one_header(text: str) -> None:
    assert quotas_in({"RateLimit": text, "RateLimit-Policy": '"default";q=100;w=60'}, NOW) == {
        "": RemainingQuota(50, 30)
    }


def test_names_are_read_in_any_case() -> None:
    headers = {"X-RateLimit-Remaining": "3", "x-ratelimit-RESET": "4"}
    assert quotas_in(headers, NOW) == {"": RemainingQuota(3, 4)}


@pytest.mark.parametrize("name", ["anthropic-priority-input-tokens", "x-ratelimit-images", "x-ratelimit-limit"])
def test_quotas_of_other_things_say_nothing(name: str) -> None:
    assert quotas_in({f"{name}-remaining": "3", f"{name}-reset": "4"}, NOW) == {}


def test_openrouters_reset_is_an_epoch_in_milliseconds() -> None:
    headers = {"x-ratelimit-remaining": "3", "x-ratelimit-reset": str(int((NOW + 30) * 1000))}
    assert quotas_in(headers, NOW) == {"": RemainingQuota(3, 30)}


def test_the_draft_standards_reset_is_seconds_from_now() -> None:
    assert quotas_in({"ratelimit-remaining": "0", "ratelimit-reset": "50"}, NOW) == {"": RemainingQuota(0, 50)}


def test_an_epoch_in_seconds_is_told_from_seconds_from_now() -> None:
    headers = {"x-ratelimit-remaining": "1", "x-ratelimit-reset": f"{NOW + 5:.0f}"}
    assert quotas_in(headers, NOW) == {"": RemainingQuota(1, 5)}


def test_a_reset_that_is_past_is_now() -> None:
    headers = {**ANTHROPIC, "anthropic-ratelimit-requests-reset": "2025-10-09T08:00:00Z"}
    assert quotas_in(headers, NOW)["requests"] == RemainingQuota(49, 0)


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
    assert quotas_in(headers, NOW) == {}


def test_what_remains_without_a_time_when_it_is_back_says_nothing() -> None:
    assert quotas_in({"x-ratelimit-remaining-requests": "5"}, NOW) == {}


def test_other_headers_say_nothing() -> None:
    assert quotas_in({"content-type": "application/json", "x-ratelimit-limit-requests": "60"}, NOW) == {}
    assert quotas_in({}, NOW) == {}


@given(remaining=st.text(max_size=12), reset=st.text(max_size=30))
def test_no_header_breaks_anything_or_makes_a_negative_allowance(remaining: str, reset: str) -> None:
    headers = {"ratelimit-remaining": remaining, "ratelimit-reset": reset}
    assert all(left.remaining >= 0 and left.reset >= 0 for left in quotas_in(headers, NOW).values())


@given(name=st.text(max_size=30), text=st.text(max_size=30))
def test_no_name_breaks_anything(name: str, text: str) -> None:
    for header in (name, f"ratelimit-{name}", f"x-ratelimit-remaining-{name}"):
        quotas_in({header: text, "x-ratelimit-reset": "1", "ratelimit": text}, NOW)


@given(reset=st.from_regex(r"\A[-+]?[0-9]{1,400}(\.[0-9]+)?(ms|s|m|h|d|T00:00:00Z?|e[0-9]{1,3})?\Z"))
def test_no_number_or_date_is_too_large_to_be_read(reset: str) -> None:
    quotas = quotas_in({"ratelimit-remaining": "1", "ratelimit-reset": reset}, NOW)
    assert all(left.reset >= 0 for left in quotas.values())


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
