"""The part of the calls in flight that is a worker's own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.cluster.share import Share


@given(st.integers(1, 10_000), st.integers(1, 300))
def test_all_shares_are_the_calls_that_are_allowed_as_evenly_as_can_be(calls: int, workers: int) -> None:
    shares = [Share(place, workers).of(calls) for place in range(workers)]
    assert max(shares) - min(shares) <= 1
    if Share(0, workers).is_enough(calls):
        assert sum(shares) == calls
    else:
        assert set(shares) == {1}  # its calls have to ask
