"""A widget's comm without a page."""

from __future__ import annotations

from typing import Any

import ipykernel.ipkernel  # noqa: F401 - from here on, widgets have the comms of a real kernel
from comm.base_comm import BaseComm


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
