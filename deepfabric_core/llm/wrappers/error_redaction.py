"""A model whose errors hold no secret: neither one of its own settings nor one of the environment."""

from __future__ import annotations

import os

from deepfabric_core.chat.messages import Reply, Request
from deepfabric_core.config.schema import Llm
from deepfabric_core.config.secret_keys import redactor
from deepfabric_core.errors import redacted_errors
from deepfabric_core.llm.model import ChatModel


class RedactedErrors:
    """Another model, whose errors are told without what the settings hold, such as a password in `base_url`."""

    def __init__(self, model: ChatModel, settings: Llm) -> None:
        self._model = model
        self._redact = redactor(settings, os.environ)

    @property
    def name(self) -> str:
        """Provider and model."""
        return self._model.name

    async def complete(self, request: Request) -> Reply:
        """Answer one request; see `ChatModel`."""
        with redacted_errors(self._redact.known):
            return await self._model.complete(request)

    async def close(self) -> None:
        """Let go of connections."""
        await self._model.close()
