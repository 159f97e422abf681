"""Errors as a notebook shows them: the sentence, no traceback."""

from __future__ import annotations

from deepfabric_core.errors import DeepFabricError
from deepfabric_core.text.printable import printable


class CellError(DeepFabricError):
    """What went wrong in a cell, one sentence a line."""

    def _render_traceback_(self) -> list[str]:
        """What the shell shows in place of a traceback."""
        return [f"Error: {printable(line)}" for line in str(self).split("\n")]


class LeftAtOnce(KeyboardInterrupt):
    """The cell was interrupted a second time; what was finished is safe."""

    def _render_traceback_(self) -> list[str]:
        return [printable(str(self))]
