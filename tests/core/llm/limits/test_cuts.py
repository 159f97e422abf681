"""Whether cuts follow each other as if chance were the reason."""

from deepfabric_core.llm.limits.cuts import Cut, Cuts


def cuts(*rates: float, calls_between: int = 50) -> Cuts:
    chain = Cuts()
    for number, rate in enumerate(rates):
        chain.add(Cut(float(number), 100.0, rate, number * calls_between, number))
    return chain


def test_a_limit_that_is_lowered_again_and_again_is_suspicious() -> None:
    suspicious = cuts(100, 90, 80, 70).suspicious

    assert suspicious is not None
    assert suspicious.per_second == 100


def test_a_limit_that_is_found_by_few_cuts_is_not_suspicious() -> None:
    assert cuts(100, 55, 50).suspicious is None


def test_nor_is_one_that_is_tried_at_the_same_place_for_ever() -> None:
    assert cuts(*[100, 99, 98, 101] * 20).suspicious is None


def test_cuts_after_the_limit_rose_do_not_belong_to_those_before() -> None:
    assert cuts(100, 90, 80, 120, 110).suspicious is None


def test_cuts_with_many_calls_between_them_do_not_belong_together() -> None:
    assert cuts(100, 90, 80, 70, calls_between=300).suspicious is None


def test_slow_cuts_are_suspicious_once_they_have_lowered_the_limit_far() -> None:
    assert cuts(*[100 * 0.95**number for number in range(5)]).suspicious is None
    assert cuts(*[100 * 0.95**number for number in range(8)]).suspicious is not None


def test_the_share_that_was_refused_since_a_cut_is_that_of_the_calls_since() -> None:
    first, last = Cut(0.0, 10.0, 100.0, 1000, 80), Cut(9.0, 10.0, 50.0, 1200, 90)

    assert last.refused_since(first) == 0.05
