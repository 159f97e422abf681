"""A wrapper that removes secrets (from the settings and the environment) from a model's errors."""

from __future__ import annotations

import os

from deepfabric_core.chat.messages import Reply, Request
from deepfabric_core.config.llm import Llm
from deepfabric_core.config.secret_keys import redactor
from deepfabric_core.errors import redacted_errors
from deepfabric_core.llm.model import ChatModel


class RedactedErrors:
    """A model whose errors don't show secrets of the settings, such as a password in `base_url`."""

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
        """Close the model."""
        await self._model.close()
