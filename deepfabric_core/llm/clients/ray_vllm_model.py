"""A client for models that run on the GPUs of a Ray cluster, reached by a handle of Ray Serve."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from deepfabric_core.chat.messages import Reply, Request
from deepfabric_core.config.llm import Llm
from deepfabric_core.errors import FailureKind, ModelError
from deepfabric_core.llm.chat_completions import reply_in
from deepfabric_core.llm.clients.request_body import RequestWriter
from deepfabric_core.llm.error_mapping import complaint_in, model_error, no_completion
from deepfabric_core.llm.ray_serving import application_of, ray_serve

_FINE = range(200, 300)
_SHOWN_CHARACTERS = 400


class RayVllmModel:
    """A chat model that `ray_serving.serving` has started. Calls are bound to no event loop.

    `handle` reaches its replicas: what its `answer.remote` returns can be awaited, for a status and a body, and
    cancelled.
    """

    def __init__(self, settings: Llm, handle: Any = None) -> None:
        self._settings = settings
        self._writer = RequestWriter(settings)
        self._handle = handle
        self._opening = asyncio.Lock()

    @property
    def name(self) -> str:
        """Provider and model."""
        return self._settings.name

    async def complete(self, request: Request) -> Reply:
        """Answer one request; see `ChatModel`."""
        body, seconds = self._writer.body(request), self._settings.timeout
        try:
            async with asyncio.timeout(seconds):
                status, text = await self._answered(body)
        except TimeoutError as problem:
            raise model_error(
                self.name, f"no answer within {seconds:g} s", status=None, kind=FailureKind.TIMEOUT
            ) from problem
        except Exception as problem:
            raise self._lost(problem) from problem
        if status not in _FINE:
            raise model_error(self.name, complaint_in(text), status=status)
        try:
            return reply_in(json.loads(text), self._settings.model, 0.0, {})
        except (ValueError, RecursionError) as problem:
            raise no_completion(self.name, text[:_SHOWN_CHARACTERS]) from problem

    async def close(self) -> None:
        """Let go of the handle; the model is served on."""
        handle, self._handle = self._handle, None
        if handle is not None:
            await asyncio.to_thread(handle.shutdown)

    async def _answered(self, body: bytes) -> tuple[int, str]:
        async with self._opening:
            if self._handle is None:
                self._handle = await asyncio.to_thread(ray_serve().get_app_handle, application_of(self._settings))
        response = self._handle.answer.remote(body)
        try:
            status, text = await response
        except asyncio.CancelledError:
            response.cancel()
            raise
        return status, text

    def _lost(self, problem: Exception) -> ModelError:
        """Return the error for a call that nothing came back of: a replica died, or failed. Another may answer it."""
        cause = getattr(problem, "cause", None) or problem
        said = next(filter(None, map(str.strip, str(cause).splitlines())), type(cause).__name__)
        return model_error(self.name, f"no replica answered: {said}", status=None, kind=FailureKind.SERVER_ERROR)
