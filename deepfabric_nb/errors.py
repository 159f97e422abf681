"""The notebook's own errors, and errors with a traceback."""

from __future__ import annotations

import traceback
from collections.abc import Callable

from deepfabric_core.errors import DeepFabricError
from deepfabric_core.printable import printable


class CellError(DeepFabricError):
    """A magic's line can't be understood, or the extension can't be loaded."""


class ErrorWithTraceback(DeepFabricError):
    """Another error with its traceback, which is shown without secrets; its `str` is that error's message."""

    def __init__(self, problem: DeepFabricError, redact: Callable[[str], str]) -> None:
        super().__init__(str(problem))
        self._trace = redact("".join(traceback.format_exception(problem)))

    def _render_traceback_(self) -> list[str]:
        return self._trace.splitlines()


class RunInterrupted(KeyboardInterrupt):
    """The cell was interrupted a second time; finished samples are kept."""

    def _render_traceback_(self) -> list[str]:
        return [printable(str(self))]
