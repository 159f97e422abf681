"""What is logged, by us and by libraries, without the secrets in it."""

from __future__ import annotations

import logging
from collections.abc import Callable


class RedactingFormatter(logging.Formatter):
    """Another formatter's lines, tracebacks included, as `redact` leaves them."""

    def __init__(self, redact: Callable[[str], str], formatter: logging.Formatter | None = None) -> None:
        super().__init__()
        self._redact = redact
        self._formatter = formatter or logging.Formatter()

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        return self._redact(self._formatter.format(record))
