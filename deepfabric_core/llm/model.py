"""The `ChatModel` protocol: what every client and every wrapper around a model implements."""

from __future__ import annotations

from typing import Protocol

from deepfabric_core.chat.messages import Reply, Request


class ChatModel(Protocol):
    """Anything that answers a request. Wrappers around a model are models themselves."""

    @property
    def name(self) -> str:
        """Provider and model, as shown to users."""

    async def complete(self, request: Request) -> Reply:
        """Answer one request.

        Raises:
            ModelError: the call failed; its kind says whether the same call may succeed later.
        """

    async def close(self) -> None:
        """Close all connections."""
