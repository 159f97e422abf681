"""Lines of a label and a text, broken between words where they are too long."""

from __future__ import annotations

import textwrap


def labelled(label: str, text: str, indent: int, width: int | None = None) -> str:
    """Return a label and a text that begins at the column `indent`, as do further lines of it.

    It is one line without a `width`. A word that is too long isn't broken.

    >>> print(labelled("Cost", "unknown: no price is known of it", 6, 24))
    Cost  unknown: no price
          is known of it
    """
    if width is None:
        return f"{label:<{indent}}{text}"
    room = max(1, width - indent)
    lines = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) or [""]
    return f"{label:<{indent}}" + f"\n{'':<{indent}}".join(lines)
