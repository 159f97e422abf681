"""Search with untrusted regular expressions (from users or tool servers) under a time limit.

The patterns have the syntax of Python's `re`, but are searched by the `regex` package, which supports a timeout.
"""

from __future__ import annotations

import re
import time
from functools import lru_cache
from re import _parser  # type: ignore[attr-defined]
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import regex

# Processor time of all searches of one check together; ordinary patterns take a thousandth of it.
SECONDS = 0.2
# `regex` expands repetitions when it compiles a pattern, into about 300 bytes for each.
_MOST_REPEATED = 100_000
_SHOWN_CHARACTERS = 100


class PatternError(ValueError):
    """A pattern can't be used, or a search took too long; the message completes a sentence."""


class Searches:
    """The pattern searches of one check, which share a time limit of `seconds`."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._left = seconds

    def finds(self, pattern: str, text: str) -> bool:
        """Return whether the pattern occurs in the text.

        Raises:
            PatternError: the search takes longer than the time that is left, or the pattern can't be used.
        """
        began = time.process_time()
        try:
            if self._left > 0:
                return compiled(pattern).search(text, timeout=self._left) is not None
        except TimeoutError:
            pass
        finally:
            self._left -= time.process_time() - began
        raise PatternError(f"whether the pattern {_shown(pattern)} fits it takes too long to find out")


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> regex.Pattern[str]:
    """Compile a pattern.

    Raises:
        PatternError: it isn't a regular expression, or it is too large.
    """
    import regex  # late: 30 ms

    try:
        re.compile(pattern)
        if _parser.parse(pattern).getwidth()[0] > _MOST_REPEATED:
            raise PatternError(f"the pattern {_shown(pattern)} repeats more than {_MOST_REPEATED:,} times")
        return regex.compile(pattern, regex.VERSION0)
    except (re.error, regex.error, OverflowError) as problem:
        raise PatternError(f"the pattern {_shown(pattern)} is no regular expression ({problem})") from problem
    except RecursionError as problem:
        raise PatternError(f"the pattern {_shown(pattern)} is nested too deeply") from problem


def _shown(pattern: str) -> str:
    return repr(pattern if len(pattern) <= _SHOWN_CHARACTERS else f"{pattern[:_SHOWN_CHARACTERS]}…")
