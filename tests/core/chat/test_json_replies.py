"""How a reply that can't be used is asked for again."""

from pathlib import Path

import pytest

from deepfabric_core.chat.json_replies import ask, usable_text
from deepfabric_core.chat.messages import Message, Reply, Request
from deepfabric_core.errors import ReplyError
from tests import ROOT

ASKED = Request((Message("user", "Describe a chain."),), 300)
CIRCLES = [
    "You can run it on a server using the command `run`, to run it on a server. " * 20,
    "[link] " * 200,
    ".5" * 500,
    "".join(f"step {number}, then " for number in range(200)),
    "\n\t" * 600,
]
PROSE = sorted(ROOT.glob("*.md")) + sorted((ROOT / "deepfabric_core").glob("*.py"))


def cut_off(text: str) -> Reply:
    return Reply(text, "m", finish_reason="length")


@pytest.mark.parametrize("text", CIRCLES)
def test_a_reply_that_ran_in_circles_is_told_from_one_that_was_too_long(text: str) -> None:
    with pytest.raises(ReplyError, match="repeated itself until it was cut off at max_tokens"):
        usable_text(cut_off(text))


@pytest.mark.parametrize("path", PROSE, ids=lambda path: path.name)
def test_prose_code_and_tables_do_not_run_in_circles(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for end in range(800, len(text), 400):
        with pytest.raises(ReplyError, match="the reply was cut off"):
            usable_text(cut_off(text[:end]))


def test_it_is_asked_for_afresh_with_another_draw_and_repetition_penalized_from_then_on() -> None:
    asking = ask(ASKED, lambda text: text, retries=3)
    replies = map(cut_off, (CIRCLES[0], "So it", CIRCLES[1]))
    requests = [next(asking), *map(asking.send, replies)]
    assert [request.penalized for request in requests] == [False, True, True, True]
    assert [request.redraw for request in requests] == [0, 1, 2, 3]
    assert all(len(request.messages) == 1 for request in requests), "nothing hopeless is shown to the model again"
    told = ["say each thing once" in request.messages[0].content for request in requests]
    assert told == [False, True, False, True]
