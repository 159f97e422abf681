"""What goes on is drawn between cells, and once more at the end."""

from __future__ import annotations

import asyncio
from unittest.mock import Mock

from deepfabric_nb.kernel.drawing import SECONDS_BETWEEN_DRAWS, Drawing


def test_it_draws_while_something_goes_on_and_once_more_at_the_end() -> None:
    drawn: list[int] = []
    left = [True, True]

    async def cells() -> None:
        begun = Drawing(lambda: drawn.append(len(left)), lambda: bool(left and left.pop()))
        begun.begin()
        begun.begin()
        assert drawn == [], "nothing is drawn within the cell"
        await asyncio.sleep(3.5 * SECONDS_BETWEEN_DRAWS)

    asyncio.run(cells())
    assert drawn == [2, 1, 0, 0]


def test_it_can_be_begun_in_another_thread_and_again_when_it_was_over() -> None:
    draw = Mock()

    async def cells() -> None:
        again = Drawing(draw, lambda: False)
        for times in (1, 2):
            await asyncio.to_thread(again.begin)
            await asyncio.sleep(1.5 * SECONDS_BETWEEN_DRAWS)
            assert draw.call_count == 2 * times

    asyncio.run(cells())


def test_what_another_thread_begins_a_moment_later_is_drawn_to_its_end() -> None:
    draw = Mock()
    at_work: list[bool] = []

    async def cells() -> None:
        Drawing(draw, lambda: bool(at_work)).begin()
        await asyncio.sleep(0.2 * SECONDS_BETWEEN_DRAWS)
        at_work.append(True)
        await asyncio.sleep(2.3 * SECONDS_BETWEEN_DRAWS)
        at_work.clear()
        await asyncio.sleep(SECONDS_BETWEEN_DRAWS)

    asyncio.run(cells())
    assert draw.call_count >= 4


def test_without_an_event_loop_it_never_draws() -> None:
    draw = Mock()
    Drawing(draw, lambda: False).begin()
    assert not draw.called
