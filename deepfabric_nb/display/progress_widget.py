"""The live widget of a run. Python sets `view`; the page only sends requests to stop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from deepfabric_nb.kernel.comm_messages import hear_while_busy

_STATIC = Path(__file__).parent.parent / "static"


class ProgressWidget(anywidget.AnyWidget):
    """Draws the `RunView` in `view`. `on_stop` gets a run's id, maybe in another thread: it may only set a flag."""

    _esm = _STATIC / "progress.js"
    _css = _STATIC / "progress.css"
    view: Any = traitlets.Dict().tag(sync=True)

    def __init__(self, on_stop: Callable[[str], None]) -> None:
        super().__init__()
        self._on_stop = on_stop
        self.on_msg(self._received)
        hear_while_busy(self.comm)

    def _received(self, _: Any, message: Any, __: Any) -> None:
        match message:
            case {"type": "stop", "run": str(run)}:
                self._on_stop(run)
                self.send({"type": "stopping", "run": run})
