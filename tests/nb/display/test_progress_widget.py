"""The progress widget as Python sees it: what goes to the browser, and what a press of Stop does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import ipykernel.ipkernel  # noqa: F401 - from here on, widgets have the comms of a real kernel
import pytest
from comm.base_comm import BaseComm
from ipykernel.comm.comm import BaseComm as KernelComm

import deepfabric_nb.display.progress_widget
from deepfabric_nb.display.progress_widget import ProgressWidget
from tests.nb.display.test_run_view import run_of, view_of

STATIC = Path(deepfabric_nb.display.progress_widget.__file__).parent.parent / "static"


class Wire(BaseComm):
    """A comm that remembers what it was given to send."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        super().__init__(target_name="jupyter.widget")

    def publish_msg(self, msg_type: str, data: Any = None, *_: Any, **__: Any) -> None:
        self.sent.append({"type": msg_type, **(data or {})})

    def receive(self, message: Any) -> None:
        self.handle_msg({"content": {"data": {"method": "custom", "content": message}}, "buffers": []})

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [sent["content"] for sent in self.sent if sent.get("method") == "custom"]

    @property
    def views(self) -> list[dict[str, Any]]:
        return [sent["state"]["view"] for sent in self.sent if "view" in sent.get("state", {})]


class Shown:
    """A widget, its wire, and the runs that it was asked to stop."""

    def __init__(self) -> None:
        self.stopped: list[str] = []
        self.widget = ProgressWidget(self.stopped.append)
        self.widget.comm = self.wire = Wire()
        self.wire.sent.clear()


@pytest.fixture
def shown() -> Shown:
    return Shown()


def test_stop_is_passed_on_and_acknowledged(shown: Shown) -> None:
    shown.wire.receive({"type": "stop", "run": "run-1"})
    assert shown.stopped == ["run-1"]
    assert shown.wire.messages == [{"type": "stopping", "run": "run-1"}]


@pytest.mark.parametrize(
    "message", [None, "stop", {}, {"type": "stop"}, {"type": "stop", "run": 1}, {"type": "go", "run": "r"}]
)
def test_any_other_message_is_let_go(shown: Shown, message: Any) -> None:
    shown.wire.receive(message)
    assert (shown.stopped, shown.wire.messages) == ([], [])


def test_a_view_goes_to_the_browser_once(shown: Shown) -> None:
    for _ in range(3):
        shown.widget.view = view_of(*run_of(10, made_of_them=4))
    assert shown.wire.views == [view_of(*run_of(10, made_of_them=4))]


def test_a_page_that_comes_back_gets_the_whole_state(shown: Shown) -> None:
    shown.widget.view = view_of(*run_of(3))
    shown.wire.sent.clear()
    shown.wire.handle_msg({"content": {"data": {"method": "request_state"}}})
    assert shown.wire.views == [view_of(*run_of(3))]


def test_messages_are_heard_while_a_cell_runs() -> None:
    comm = ProgressWidget(print).comm
    assert isinstance(comm, KernelComm)
    assert getattr(comm, "_reply_subshell_for", None) is None


def test_the_bundle_is_shipped_and_loads_nothing_from_elsewhere() -> None:
    for name in ("progress.js", "progress.css"):
        text = (STATIC / name).read_text(encoding="utf-8")
        assert len(text) < 40_000
        assert not re.search(r"https?:|\bimport\b|@import|url\(", text)


def test_the_bundle_never_writes_html() -> None:
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b", (STATIC / "progress.js").read_text()
    )
