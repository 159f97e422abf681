"""Topics for reading only: a picture as HTML, which needs neither a kernel nor a script."""

from __future__ import annotations

import base64

from deepfabric_core.topics.model import Topics


def picture_page(topics: Topics) -> str:
    """Return a picture of topics as HTML."""
    from deepfabric_core.pictures.svg import svg

    source = "data:image/svg+xml;base64," + base64.b64encode(svg(topics).encode()).decode()
    return f'<img src="{source}" alt="The topics as a picture" style="max-width:100%">'
