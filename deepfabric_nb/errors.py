"""Errors as a notebook shows them: the sentence, no traceback."""

from __future__ import annotations

import traceback
from collections.abc import Callable

from deepfabric_core.errors import DeepFabricError
from deepfabric_core.text.printable import printable


class CellError(DeepFabricError):
    """What went wrong in a cell, one sentence a line."""

    def _render_traceback_(self) -> list[str]:
        """What the shell shows in place of a traceback."""
        return [f"Error: {printable(line)}" for line in str(self).split("\n")]


class WholeError(CellError):
    """What went wrong in a cell with its traceback, which is shown without secrets: not with what the cell says."""

    def __init__(self, problem: DeepFabricError, redact: Callable[[str], str]) -> None:
        super().__init__(str(problem))
        self._trace = redact("".join(traceback.format_exception(problem)))

    def _render_traceback_(self) -> list[str]:
        return self._trace.splitlines()


class LeftAtOnce(KeyboardInterrupt):
    """The cell was interrupted a second time; what was finished is safe."""

    def _render_traceback_(self) -> list[str]:
        return [printable(str(self))]
