"""Topics to be read: an outline as text, a picture in a notebook. Neither needs a kernel or a script."""

from __future__ import annotations

import base64
from html import escape
from typing import Any

from deepfabric_core.text.outline import headline, outline
from deepfabric_core.topics.model import Topics


class StaticTopics:
    """Topics as they are shown without a kernel; `topics` holds them."""

    def __init__(self, topics: Topics) -> None:
        self.topics = topics

    def __repr__(self) -> str:
        return outline(self.topics)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"image/svg+xml": _picture(self.topics), "text/plain": repr(self)}


class FoldedTopics(StaticTopics):
    """The same on one line that opens, below the summary of a run."""

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        source = "data:image/svg+xml;base64," + base64.b64encode(_picture(self.topics).encode()).decode()
        line = f"Topics: {escape(headline(self.topics))} (<code>%deepfabric topics</code> to steer them)"
        image = f'<img src="{source}" alt="The topics as a picture" style="max-width:100%">'
        html = f'<details class="tex2jax_ignore mathjax_ignore"><summary>{line}</summary>{image}</details>'
        return {"text/html": html, "text/plain": headline(self.topics)}


def _picture(topics: Topics) -> str:
    from deepfabric_core.pictures.svg import svg

    return svg(topics)
