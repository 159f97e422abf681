"""Find out how to display: as widgets on a page, or as plain text."""

from __future__ import annotations

import os
from typing import Any, Literal

DisplayMode = Literal["widget", "text"]

_VARIABLE = "DEEPFABRIC_PROGRESS"


def default_display_mode() -> DisplayMode:
    """Return "widget", or "text" if there is no kernel or no user at it.

    Programs that execute notebooks tell the kernel that no user can answer. The variable DEEPFABRIC_PROGRESS in the
    environment overrides the mode.
    """
    if (chosen := os.environ.get(_VARIABLE)) in ("widget", "text"):
        return chosen  # type: ignore[return-value]
    shell = current_shell()
    if not hasattr(shell, "kernel"):
        return "text"
    parent = shell.get_parent() if hasattr(shell, "get_parent") else {}
    return "widget" if parent.get("content", {}).get("allow_stdin", True) else "text"


def current_shell() -> Any:
    """Return the IPython shell, or None in plain Python."""
    from IPython.core.getipython import get_ipython

    return get_ipython()
