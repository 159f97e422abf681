"""Make texts of samples fit to be shown: without keys, and with control codes made visible."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from deepfabric_core.printable import printable, printable_text
from deepfabric_core.redaction import Redactor

_TITLE = 100
# What is read of a text for its title: more than is shown, since a key may be hidden in it.
_READ_FOR_TITLE = 400


@dataclass(frozen=True, slots=True)
class ShownText:
    r"""Shows texts without these secrets and without anything that has the format of a key.

    >>> ShownText(Redactor({"my-secret"})).text("my-secret\x1b")
    '[hidden]\\x1b'
    """

    redact: Redactor

    def text(self, text: str) -> str:
        """Return a text with its line breaks."""
        return printable_text(self.redact.known(text))

    def line(self, text: str, width: int | None = None) -> str:
        """Return a text on one line, cut to a width if given."""
        return printable(self.redact.known(text), width)

    def titles(self, texts: Iterable[str]) -> list[str]:
        """Return the beginnings of texts, a line each; at once, since a key is looked for faster in one long text."""
        beginnings = [on_one_line(text[:_READ_FOR_TITLE]).strip() for text in texts]
        hidden = self.redact.known("\n".join(beginnings)).split("\n") if beginnings else []
        return [title if len(title) <= _TITLE else f"{title[: _TITLE - 1].rstrip()}…" for title in hidden]


def on_one_line(text: str) -> str:
    """Return a text on one line with control characters made visible; most texts are so already."""
    return text if text.isprintable() else printable(text)
