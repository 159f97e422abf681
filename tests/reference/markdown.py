"""Tables, lists and docstrings as Markdown. Each block ends its last line."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows under a head."""
    lines = (head, ("---",) * len(head), *rows)
    return "".join(f"| {' | '.join(map(_cell, line))} |\n" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def listed(entries: Iterable[tuple[str, str | None]]) -> str:
    """Names with the first paragraph of what is said of each."""
    said = ((name, inspect.cleandoc(text or "").split("\n\n")[0]) for name, text in entries)
    return "".join(f"- {name}: {' '.join(text.split())}\n" for name, text in said)


def code(text: str, language: str = "") -> str:
    """A fenced block."""
    return f"```{language}\n{text}\n```\n"


def prose(docstring: str | None) -> str:
    """A docstring: its examples as code, its errors as a list."""
    return "\n".join(map(_block, inspect.cleandoc(docstring or "").split("\n\n")))


def _block(block: str) -> str:
    if block.startswith("Raises:"):
        errors = re.findall(r"^ {4}(\w+): (.*(?:\n {5,}.*)*)", block, re.MULTILINE)
        return "".join(f"- raises `{name}`: {' '.join(text.split())}\n" for name, text in errors)
    if block.startswith(">>>") or all(line.startswith("    ") for line in block.splitlines()):
        return code(inspect.cleandoc(block), "python")
    return re.sub("::$", ":", block) + "\n"
