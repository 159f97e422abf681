"""Mend JSON that a model wrote with small mistakes: raw line breaks, trailing commas, quotes, comments."""

from __future__ import annotations

import json
from typing import Any

from deepfabric_core.chat.strict_json import parsed

_LONGEST = 200_000
# A mended text must still say what was said; only some words may be keywords, such as True and None.
_SHARE_KEPT = 0.98


def object_text(text: str) -> str:
    """Return the JSON object in a reply, without the code fence or the sentences around it; else the text."""
    start, end = text.find("{"), text.rfind("}")
    return text[start : end + 1] if 0 <= start < end else text


def mended(text: str) -> dict[str, Any] | None:
    """Return the object that a reply was meant to be; None if it isn't near JSON, breaks off, or would lose words."""
    written = object_text(text)
    if not written.startswith("{") or not written.endswith("}") or len(written) > _LONGEST:
        return None
    value = _lenient(written)
    if value is None:
        value = _repaired(written)
    return value if isinstance(value, dict) else None


def _lenient(written: str) -> Any:
    """Return the value of a text whose only fault are raw line breaks or tabs in its strings; else None."""
    try:
        return parsed(written, strict=False)
    except ValueError:
        return None


def _repaired(written: str) -> Any:
    import json_repair

    try:
        value = json_repair.loads(written, skip_json_loads=True)
        checked = parsed(json.dumps(value))
    except (ValueError, RecursionError, TypeError):
        return None
    return checked if _letters(json.dumps(checked, ensure_ascii=False)) >= _SHARE_KEPT * _letters(written) else None


def _letters(text: str) -> int:
    return sum(map(str.isalnum, text))
