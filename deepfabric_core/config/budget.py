"""`budget`: what a run may spend at most."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints

from deepfabric_core.amounts import Amounts
from deepfabric_core.config.section import Section

# Flags that limit what a run spends, by key.
FLAGS = {"cost": "--max-cost", "tokens": "--max-tokens-total", "calls": "--max-calls", "time": "--max-time"}
_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
_PART = r"(\d+(?:\.\d+)?)\s*(d|h|min|m|s)"
_DURATION = re.compile(rf"(?:{_PART}\s*)+")


def _seconds(value: object) -> object:
    """Return a duration such as 2h, 90m or 1h30m in seconds; a plain number is in seconds already.

    >>> _seconds("1h30m"), _seconds("90 min"), _seconds(90)
    (5400.0, 5400.0, 90)
    """
    if not isinstance(value, str):
        return _number(value)
    text = value.strip().casefold()
    if _DURATION.fullmatch(text):
        return sum(float(number) * _UNITS[unit] for number, unit in re.findall(_PART, text))
    try:
        return float(text)
    except ValueError:
        raise ValueError("it must be a time such as 2h, 90m, 1h30m or 45s") from None


def _number(value: object) -> object:
    """Return a value that is no truth value, which pydantic would take for 1 or 0."""
    if isinstance(value, bool):
        raise ValueError("it must be a number")  # noqa: TRY004 - what pydantic makes a sentence of
    return value


Duration = Annotated[float | None, BeforeValidator(_seconds)]


class Budget(Section):
    """What a run spends at most, all its sessions together: dollars, tokens (of prompts and replies), calls and time.

    Runs with a budget of the same `name` share it, on this machine. `time` is a number of seconds, or such as 2h.
    """

    name: Annotated[str | None, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)] = None
    cost: Annotated[float | None, BeforeValidator(_number)] = Field(default=None, gt=0)
    tokens: Annotated[int | None, BeforeValidator(_number)] = Field(default=None, ge=1)
    calls: Annotated[int | None, BeforeValidator(_number)] = Field(default=None, ge=1)
    time: Duration = Field(default=None, gt=0)

    @property
    def limits(self) -> Amounts:
        """The limits as amounts."""
        return Amounts(self.cost, self.tokens, self.calls, self.time)

    def with_flags(self, command: Sequence[str]) -> Budget:
        """Return it with the limits that the words of a command line give.

        >>> Budget(calls=5).with_flags(["generate", "tea.yaml", "--max-calls", "9", "--max-time", "2m"]).limits
        Amounts(cost=None, tokens=None, calls=9, seconds=120.0)
        """
        return Budget.model_validate({**self.model_dump(), **limits_in(command)})

    @property
    def is_unlimited(self) -> bool:
        """Whether there is no limit at all."""
        return self.limits == Amounts()


def limits_in(command: Sequence[str]) -> dict[str, str]:
    """Return the limits that the words of a command line give, by key.

    >>> limits_in(["generate", "tea.yaml", "--max-cost", "2"])
    {'cost': '2'}
    """
    given = dict(itertools.pairwise(command))
    return {key: given[flag] for key, flag in FLAGS.items() if flag in given}
