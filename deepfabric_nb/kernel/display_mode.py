"""Find out how to display: as widgets on a page, or as plain text, and in which front end.

In Jupyter a widget takes the place of a static page in the output (`live_frame`). This needs a page on which every
widget's module is initialized, whether it is displayed or not, and outputs that are in the same document. VS Code shows
each output in a sandboxed page of its own, and Colab in a frame for each cell, and neither initializes what isn't
displayed: there a widget is displayed by its own mime type. marimo displays widgets itself, as results of cells; its
cells run within the event loop of its kernel, which is free between them, as in Jupyter.
"""

from __future__ import annotations

import os
import sys
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
    if is_marimo():
        return "widget"
    shell = current_shell()
    if not hasattr(shell, "kernel"):
        return "text"
    parent = shell.get_parent() if hasattr(shell, "get_parent") else {}
    return "widget" if parent.get("content", {}).get("allow_stdin", True) else "text"


def is_jupyter() -> bool:
    """Return whether the front end is JupyterLab or Notebook, as far as the kernel can tell: not VS Code or Colab."""
    shell = current_shell()
    if not hasattr(shell, "kernel") or "google.colab" in sys.modules:
        return False
    return "__vsc_ipynb_file__" not in shell.user_ns and "VSCODE_PID" not in os.environ


def is_marimo() -> bool:
    """Return whether this is a cell of a marimo notebook."""
    marimo = sys.modules.get("marimo")
    return marimo is not None and bool(marimo.running_in_notebook())


def current_shell() -> Any:
    """Return the IPython shell, or None in plain Python."""
    from IPython.core.getipython import get_ipython

    return get_ipython()
