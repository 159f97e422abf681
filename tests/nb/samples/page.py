"""A page as the kernel sees it: it sends messages, and remembers what comes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deepfabric_core.redaction import Redactor
from deepfabric_core.store.review_log import reviews_path
from deepfabric_nb.samples.channel import SampleChannel
from deepfabric_nb.samples.sources import SampleSource, source_of

HOSTILE = "<img src=x onerror=alert(1)></script>\x1b[31m \u202eabc \ud800"


def said(question: str = "Why?", answer: str = "So.", **metadata: Any) -> dict[str, Any]:
    """A record of a question and its answer."""
    messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return {"messages": messages, "metadata": metadata, "question": question, "final_answer": answer}


def judged(number: int, *, passed: bool, **metadata: Any) -> dict[str, Any]:
    """A record that a judge has scored."""
    judge = {"judged": True, "passed": passed, "score": 4.5 if passed else 2.0, "scores": {"is_clear": 2.0}}
    return said(f"Question {number}?", judge={**judge, "reasons": {"is_clear": "It rambles."}}, **metadata)


def written(path: Path, *records: Any) -> Path:
    """A file of these records."""
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def copied(dataset: Path) -> Path:
    """A dataset and its reviews as another process reads them: nothing but the files is known of them."""
    folder = dataset.parent / "copied"
    folder.mkdir()
    for path in (dataset, reviews_path(dataset)):
        if path.exists():
            (folder / path.name).write_bytes(path.read_bytes())
    return folder / dataset.name


class Page:
    """A widget's stand-in, with the traits of `Samples`, and the channel that answers it."""

    def __init__(self, what: Any, *, secret: str = "", make_again: Callable[[], SampleSource] | None = None) -> None:
        self.sent: list[dict[str, Any]] = []
        self.selected = ""
        self.decisions: dict[str, str] = {}
        source = what if hasattr(what, "new_entries") else source_of(what)
        self.channel = SampleChannel(self, source, redact=Redactor({secret}), make_again=make_again)

    def has_trait(self, name: str) -> bool:
        return name in ("selected", "decisions")

    def send(self, message: dict[str, Any]) -> None:
        """What the channel sends has to be JSON that can be encoded."""
        self.sent.append(json.loads(json.dumps(message).encode()))
        json.dumps(message, ensure_ascii=False).encode()

    def on_msg(self, receive: Callable[..., None]) -> None:
        self._receive = receive

    def ask(self, kind: str, **message: Any) -> list[dict[str, Any]]:
        """Send a message, and return the replies."""
        before = len(self.sent)
        self._receive(self, {"type": kind, **message}, [])
        return self.sent[before:]

    def index(self) -> dict[str, Any]:
        """Open the view."""
        found: dict[str, Any] = self.ask("open")[0]["index"]
        return found

    def card(self, row: int) -> dict[str, Any]:
        """Read a card."""
        found: dict[str, Any] = self.ask("read", rows=[row])[0]["cards"][str(row)]
        return found

    def refusal(self, kind: str, **message: Any) -> str:
        """Send a message that is refused, and return why."""
        (reply,) = self.ask(kind, **message)
        assert reply["type"] == "refused"
        return str(reply["message"])

    def decide(self, row: int, action: str, **more: Any) -> dict[str, Any]:
        """Decide on a sample, and return the rows that changed."""
        replies = self.ask("decide", row=row, action=action, **more)
        assert [one["type"] for one in replies] == ["changed", "cards"], replies
        return replies[0]
