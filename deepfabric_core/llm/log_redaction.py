"""A log formatter that removes secrets from our own and from libraries' log lines."""

from __future__ import annotations

import logging
from collections.abc import Callable


class RedactingFormatter(logging.Formatter):
    """Passes another formatter's lines, tracebacks included, through `redact`."""

    def __init__(self, redact: Callable[[str], str], formatter: logging.Formatter | None = None) -> None:
        super().__init__()
        self._redact = redact
        self._formatter = formatter or logging.Formatter()

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record, without secrets."""
        return self._redact(self._formatter.format(record))
