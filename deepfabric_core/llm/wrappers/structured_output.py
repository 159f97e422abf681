"""A wrapper that asks for JSON: by the provider's structured output, by JSON mode, or by the prompt alone."""

from __future__ import annotations

import json
from dataclasses import replace

from deepfabric_core.chat.messages import Message, Reply, Request, SchemaMode
from deepfabric_core.errors import FailureKind, ModelError
from deepfabric_core.llm.model import ChatModel

_WEAKER: dict[SchemaMode, SchemaMode] = {"native": "json", "json": "prompt"}
_BLAMES_THE_FORMAT = ("response_format", "json_schema", "json_object", "structured output", "response schema")


class StructuredOutput:
    """A model that asks for JSON in the strongest mode that the provider accepts, and remembers the mode."""

    def __init__(self, model: ChatModel) -> None:
        self._model = model
        self._mode: SchemaMode = "native"

    @property
    def name(self) -> str:
        """Provider and model."""
        return self._model.name

    async def complete(self, request: Request) -> Reply:
        """Answer one request; see `ChatModel`."""
        while True:
            mode = self._mode
            try:
                return await self._model.complete(in_mode(request, mode))
            except ModelError as problem:
                if request.schema is None or mode not in _WEAKER or not _blames_the_format(problem):
                    raise
                if self._mode == mode:
                    self._mode = _WEAKER[mode]

    async def close(self) -> None:
        """Close the model."""
        await self._model.close()


def in_mode(request: Request, mode: SchemaMode) -> Request:
    """Return the request for a mode: with the schema in the prompt unless the provider is given it natively."""
    if request.schema is None or mode == "native":
        return request
    words = "Answer with one JSON object that satisfies this JSON Schema, and nothing else: "
    *earlier, last = request.messages
    spelt_out = Message(last.role, f"{last.content}\n\n{words}{json.dumps(request.schema.schema)}")
    return replace(request, messages=(*earlier, spelt_out), schema_mode=mode)


def _blames_the_format(problem: ModelError) -> bool:
    text = str(problem).lower()
    return problem.kind is FailureKind.BAD_REQUEST and any(words in text for words in _BLAMES_THE_FORMAT)
