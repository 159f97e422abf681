"""Topics for reading only: an outline as text and a picture, which need neither a kernel nor a script."""

from __future__ import annotations

import base64
from html import escape
from typing import Any

from deepfabric_core.text.outline import headline, outline
from deepfabric_core.topics.model import Topics


class StaticTopics:
    """The topics in `topics`, displayed without a kernel."""

    def __init__(self, topics: Topics) -> None:
        self.topics = topics

    def __repr__(self) -> str:
        return outline(self.topics)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"image/svg+xml": _picture(self.topics), "text/plain": repr(self)}


class FoldedTopics(StaticTopics):
    """Topics folded into one line that can be opened, shown below the summary of a run."""

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        source = "data:image/svg+xml;base64," + base64.b64encode(_picture(self.topics).encode()).decode()
        line = f"Topics: {escape(headline(self.topics))} (<code>%deepfabric topics</code> to steer them)"
        image = f'<img src="{source}" alt="The topics as a picture" style="max-width:100%">'
        html = f'<details class="tex2jax_ignore mathjax_ignore"><summary>{line}</summary>{image}</details>'
        return {"text/html": html, "text/plain": headline(self.topics)}


def _picture(topics: Topics) -> str:
    from deepfabric_core.pictures.svg import svg

    return svg(topics)
