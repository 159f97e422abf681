"""Save a picture of a topic graph: the page draws it; without a page, the static picture is taken."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from deepfabric_core.errors import ConfigError
from deepfabric_core.store.files import reason
from deepfabric_core.topics.model import Topics
from deepfabric_nb.kernel.comm_messages import listening
from deepfabric_nb.kernel.display_mode import current_shell

# A page that shows the graph answers within this time, in seconds; one that is drawing ten thousand topics as well.
ANSWERED_WITHIN = 3.0
_LOOKED = 0.02

Kind = Literal["png", "svg"]
Send = Callable[[Mapping[str, Any]], object]


class PagePictures:
    """Asks the page for pictures of what it shows; `send` sends a message to it."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._asked = 0
        self._answers: dict[int, bytes] = {}

    def answer(self, number: int, _: Mapping[str, Any], buffers: Sequence[Any]) -> None:
        """Take an answer of the page, unless it isn't waited for any more."""
        if number == self._asked and buffers:
            self._answers[number] = bytes(buffers[0])

    def ask(self, kind: Kind, within: float) -> bytes | None:
        """Return the picture, or None if no page answers in time, in seconds. Must be called in the cells' thread."""
        self._asked += 1
        with listening(current_shell()) as listener:
            if listener is None:
                return None
            self._send({"type": "picture", "kind": kind, "number": self._asked})
            end = time.monotonic() + within
            while self._asked not in self._answers and time.monotonic() < end:
                time.sleep(_LOOKED)
                listener.hear()
        return self._answers.pop(self._asked, None)


def save_picture(topics: Topics, path: Path, pictures: PagePictures, within: float = ANSWERED_WITHIN) -> None:
    """Save a picture as `.png`, `.svg` or `.html`, by the path's ending.

    Raises:
        ConfigError: the ending is another one, the file can't be written, or no page draws the PNG.
    """
    try:
        path.write_bytes(_drawn(topics, path, pictures, within))
    except OSError as problem:
        raise ConfigError(f"{path}: the picture can't be saved: {reason(problem)}.") from problem


def _drawn(topics: Topics, path: Path, pictures: PagePictures, within: float) -> bytes:
    from deepfabric_core.pictures.html_page import page
    from deepfabric_core.pictures.svg import svg

    match path.suffix.lower():
        case ".html":
            return page(topics).encode()
        case ".svg":
            return pictures.ask("svg", within) or svg(topics).encode()
        case ".png":
            if (drawn := pictures.ask("png", within)) is None:
                raise ConfigError(f"{path}: only a page can draw a PNG, and none shows this graph; save it as .svg.")
            return drawn
    raise ConfigError(f"{path}: a picture of topics ends in .png, .svg or .html.")
