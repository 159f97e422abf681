"""Whether code is JSON, YAML or SQL, as it is shown in explanations: excerpts and comments count as well."""

from __future__ import annotations

import json
import logging
import re
from functools import cache
from typing import Any

import yaml

_STRING = r"\"(?:[^\"\\\n]|\\.)*\""
_COMMENT = re.compile(rf"({_STRING})|//[^\n]*|/\*.*?\*/|(?m:^[ \t]*#[^\n]*)", re.DOTALL)
_TRAILING_COMMA = re.compile(rf"({_STRING})|,(?=\s*[\]}}])")
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# The dialects that differ most; the first reads what is common to all.
_DIALECTS = ("", "postgres", "mysql", "sqlite", "tsql", "bigquery", "oracle", "snowflake")
_NOT_READ = re.compile(
    r"(?im)^\s*(?:delimiter|go|begin|declare|\\\w+|\.\w+|create\s+(?:or\s+replace\s+)?(?:function|procedure|trigger))\b|\$\$"
)


def is_json(code: str) -> bool:
    """Return whether code is JSON: a value or several, members of an object, or any of it with comments."""
    text = code.strip()
    if not text or _is_read(text) or _is_read(f"{{{text.rstrip(',')}}}") or _are_values(text):
        return True
    bare = _COMMENT.sub(lambda found: found[1] or "", text)
    if bare == text:
        return False
    # Who writes comments writes JSON for people, in which a comma too many is allowed as well.
    bare = _TRAILING_COMMA.sub(lambda found: found[1] or "", bare).strip()
    return not bare or _is_read(bare) or _is_read(f"{{{bare.rstrip(',')}}}") or _are_values(bare)


def _is_read(text: str) -> bool:
    try:
        json.loads(text)
    except RecursionError:
        return True  # it can't be told
    except ValueError:
        return False
    return True


def _are_values(text: str) -> bool:
    """Return whether a text is several values, one after the other."""
    decoder, position = json.JSONDecoder(), 0
    try:
        while position < len(text):
            _, position = decoder.raw_decode(text, position)
            while position < len(text) and text[position] in " \t\r\n,":
                position += 1
    except RecursionError:
        return True
    except ValueError:
        return False
    return True


def is_yaml(code: str) -> bool:
    """Return whether code is YAML, in one document or several; tags and names of any kind are allowed."""
    try:
        for _ in yaml.parse(code.expandtabs(2), Loader=_Loader):
            pass
    except RecursionError:
        return True
    except (yaml.YAMLError, ValueError):
        return False
    return True


def is_sql(code: str) -> bool:
    """Return whether code is SQL of any common dialect; True as well where that can't be told, as of procedures."""
    sqlglot = _sqlglot()
    if sqlglot is None or _NOT_READ.search(code):
        return True
    from sqlglot.errors import SqlglotError  # late: optional

    for dialect in _DIALECTS:
        try:
            sqlglot.parse(code, read=dialect or None)
        except SqlglotError:
            continue
        except RecursionError:
            pass
        return True
    return False


@cache
def _sqlglot() -> Any:
    """Return the package `sqlglot`, or None if it isn't installed."""
    try:
        import sqlglot  # late: optional, 100 ms
    except ImportError:
        return None
    # It warns of what it can't read, which isn't for the user.
    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)
    return sqlglot
