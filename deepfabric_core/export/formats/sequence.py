"""Conversations for formats in which one thing follows the other: one call at a time, speakers that take turns."""

from __future__ import annotations

from collections.abc import Sequence

from deepfabric_core.export.conversation import Turn
from deepfabric_core.export.formats.format import Loss


def one_call_at_a_time(turns: Sequence[Turn]) -> tuple[list[Turn], tuple[str, ...]]:
    """Return the turns with each call before its own result, and what is lost by that."""
    found: list[Turn] = []
    lost: set[str] = set()
    place = 0
    while place < len(turns):
        turn = turns[place]
        place += 1
        if len(turn.calls) <= 1:
            found.append(turn)
            continue
        end = next((at for at in range(place, len(turns)) if turns[at].role != "tool"), len(turns))
        found += _apart(turn, turns[place:end])
        place = end
        lost.add(Loss.AT_ONCE)
    return found, tuple(lost)


def _apart(turn: Turn, results: Sequence[Turn]) -> list[Turn]:
    left = list(results)
    found: list[Turn] = []
    for number, call in enumerate(turn.calls):
        found.append(turn._replace(calls=(call,)) if number == 0 else Turn("assistant", "", calls=(call,)))
        own = next((one for one in left if one.call_id == call.id), left[0] if left else None)
        if own is not None:
            left.remove(own)
            found.append(own)
    return found + left


def in_turns(turns: Sequence[Turn]) -> tuple[list[Turn], tuple[str, ...]]:
    """Return the turns without later system messages and with neighbours of one speaker joined, and what is lost."""
    found: list[Turn] = []
    lost: list[str] = []
    for turn in turns:
        if turn.role == "system":
            lost.append(Loss.SYSTEM_LATER)
        elif found and _is_continued(found[-1], turn):
            found[-1] = _joined(found[-1], turn)
            lost.append(Loss.JOINED)
        else:
            found.append(turn)
    return found, tuple(dict.fromkeys(lost))


def _is_continued(turn: Turn, after: Turn) -> bool:
    return turn.role == after.role != "tool" and not turn.calls and not after.calls


def _joined(turn: Turn, after: Turn) -> Turn:
    reasoning = "\n".join(text for text in (turn.reasoning, after.reasoning) if text)
    return turn._replace(content=f"{turn.content}\n\n{after.content}", reasoning=reasoning)
