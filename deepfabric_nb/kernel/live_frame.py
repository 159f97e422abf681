"""`LiveFrame`: a widget whose output in the notebook is a static page, which the page replaces by the live widget.

A widget's own kind of output says "model not found" when a notebook is opened without its kernel. So in Jupyter an
output of ours has only HTML: a static page within `<div data-deepfabric="...">`. anywidget calls `initialize` for each
widget of a kernel, also after the page was reloaded, and then `js/live_frame.js` puts the live widget in the place of
the static page; without a kernel, that stays. Other front ends show the widget itself.
"""

from __future__ import annotations

import uuid
from html import escape
from importlib import import_module
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from deepfabric_nb.kernel.comm_messages import hear_while_busy
from deepfabric_nb.kernel.display_mode import current_shell, default_display_mode, is_jupyter, is_marimo
from deepfabric_nb.kernel.quiet_call import QuietCall

STATIC = Path(__file__).parent.parent / "static"

Bundle = dict[str, Any]


class LiveFrame(anywidget.AnyWidget):
    """A widget with a static page. Subclasses have `_esm`, made by `liveFrame` of `js/live_frame.js`, and both methods.

    `frame` names the places in the page where the widget is shown; `changes` counts what the page has seen changing.
    """

    frame: Any = traitlets.Unicode().tag(sync=True)
    changes: Any = traitlets.Int().tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        super().__init__(frame=uuid.uuid4().hex, **traits)
        self._when_quiet = QuietCall(self.update_static_page)
        hear_while_busy(self.comm)

    def static_page(self) -> str:
        """Return what is shown without a kernel, as HTML that needs no styles and no scripts; every text is escaped."""
        raise NotImplementedError

    def static_text(self) -> str:
        """Return the same as plain text."""
        raise NotImplementedError

    def bundle(self) -> Bundle:
        """Return the static page in its place, and the text; for other front ends than Jupyter the widget as well."""
        page, text = self.static_page(), self.static_text()
        if default_display_mode() == "text":
            return {"text/html": page, "text/plain": text}
        if is_jupyter():
            place = f'<div data-deepfabric="{escape(self.frame)}">{page}</div>'
            return {"text/html": place, "text/plain": text}
        own, *_ = super()._repr_mimebundle_() or ({},)
        return {**own, "text/html": page, "text/plain": text}

    def display(self) -> None:
        """Display it below the cell that is running."""
        if is_marimo():
            _append_in_marimo(self)
            return
        from IPython.display import display

        display(self.bundle(), raw=True, display_id=self.frame)

    def update_static_page(self) -> None:
        """Replace the static page wherever the widget was displayed, so that the notebook is saved with this one."""
        from IPython.display import display

        if current_shell() is not None:
            display(self.bundle(), raw=True, display_id=self.frame, update=True)

    def update_static_page_soon(self) -> None:
        """Replace the static page when nothing more has changed for a while, or else every few seconds."""
        if default_display_mode() == "widget":
            self._when_quiet.ask()

    def _ipython_display_(self) -> None:
        self.display()

    def _repr_mimebundle_(self, **_: Any) -> tuple[Bundle, Bundle]:
        return self.bundle(), {}


def _append_in_marimo(widget: LiveFrame) -> None:
    import_module("marimo").output.append(widget)
