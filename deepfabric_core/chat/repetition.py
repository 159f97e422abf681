"""Tell a text that runs in circles, as small models write until they are cut off, from one that is merely long."""

from __future__ import annotations

import zlib

# The end of a text that runs in circles is compressed to less than this part of it; prose, tables and code that say
# anything aren't. Nearly all that small models had cut off ran in circles.
_CIRCLING = 0.3
_END_CHARACTERS = 800


def runs_in_circles(text: str) -> bool:
    """Return whether the end of a text only repeats itself."""
    end = text[-_END_CHARACTERS:].encode()
    return len(text) >= _END_CHARACTERS and len(zlib.compress(end)) < _CIRCLING * len(end)
