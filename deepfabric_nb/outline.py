"""Topics to be read: an outline as text, a picture in a notebook."""

from __future__ import annotations

from typing import Any

from deepfabric_core.text.outline import outline
from deepfabric_core.topics.model import Topics


class Outline:
    """Shows topics; `topics` are they themselves."""

    def __init__(self, topics: Topics) -> None:
        self.topics = topics

    def __repr__(self) -> str:
        return outline(self.topics)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """A picture needs neither a kernel nor a script."""
        from deepfabric_core.pictures.svg import svg

        return {"image/svg+xml": svg(self.topics), "text/plain": repr(self)}
