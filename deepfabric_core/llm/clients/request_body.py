"""Write requests as the JSON of OpenAI's chat completions, for the clients that send it themselves."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from deepfabric_core.chat.messages import Request
from deepfabric_core.config.llm import Llm
from deepfabric_core.llm.chat_completions import (
    frequency_penalty,
    has_response_format,
    message_sent,
    response_format,
    seed,
    sendable,
    temperature,
    tool_choice,
)
from deepfabric_core.llm.clients.cache_markers import mark_shared
from deepfabric_core.llm.error_mapping import Complaint

_REMEMBERED = 64
_REFUSALS = re.compile(
    r"unsupported[_ ](?:parameter|value)|not (?:supported|permitted)|unrecognized|does not support", re.IGNORECASE
)

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class RequestShape:
    """The parameters that a model takes. Which ones it refuses is learned from its errors."""

    limit: str = "max_tokens"
    temperature: bool = True
    seed: bool = True
    penalty: bool = True
    unreasoned: bool = False

    def after(self, said: Complaint) -> RequestShape:
        """Return the shape without the parameter that an error blames; the same shape if it blames something else."""
        text = f"{said.message} {said.codes}"
        if not _REFUSALS.search(text):
            return self
        if re.search(r"tools with reasoning_effort", text):
            return replace(self, unreasoned=True)
        if self.limit in (said.param or text):
            other = "max_tokens" if self.limit == "max_completion_tokens" else "max_completion_tokens"
            return replace(self, limit=other)
        blamed = said.param or text
        return replace(
            self,
            temperature=self.temperature and "temperature" not in blamed,
            seed=self.seed and "seed" not in blamed,
            penalty=self.penalty and "penalty" not in blamed.lower(),
        )


_ALL = RequestShape()


class RequestWriter:
    """Writes the requests to one model. A beginning of `fewest_marked` bytes and more is marked, to be cached."""

    def __init__(self, settings: Llm, fewest_marked: int | None = None) -> None:
        self._settings = settings
        self._fewest_marked = fewest_marked
        self._texts: dict[tuple[Any, ...], tuple[object, str]] = {}

    def body(self, request: Request, shape: RequestShape = _ALL) -> bytes:
        """Return the request as JSON: what requests have in common stands first. Parts that recur are encoded once."""
        text = f'{{"model":{_encode(self._settings.model)}'
        if has_response_format(request):
            asked = (id(request.schema), request.schema_mode)
            text += f',"response_format":{self._written(asked, request.schema, lambda: response_format(request))}'
        if request.tools:
            offered = tuple(map(id, request.tools))
            text += f',"tools":{self._written(offered, request.tools, lambda: list(request.tools))}'
            text += ',"reasoning_effort":"none"' if shape.unreasoned else ""
        if (chosen := tool_choice(request)) is not None:
            text += f',"tool_choice":{_encode(chosen)}'
        messages = [message_sent(message) for message in request.messages]
        mark_shared(messages, request, self._fewest_marked)
        text += f',"messages":{_encode(messages)}'
        key = (shape, request.redraw, request.penalized, request.max_tokens)
        text += f",{self._written(key, shape, lambda: self._parameters(shape, request))[1:]}"
        return sendable(text).encode()

    def _parameters(self, shape: RequestShape, request: Request) -> dict[str, Any]:
        settings = self._settings
        parameters: dict[str, Any] = {shape.limit: request.max_tokens}
        if shape.temperature:
            parameters["temperature"] = temperature(settings, request)
        if shape.seed and (drawn := seed(settings, request)) is not None:
            parameters["seed"] = drawn
        if shape.penalty and (penalty := frequency_penalty(request)) is not None:
            parameters["frequency_penalty"] = penalty
        if settings.provider == "openrouter":
            parameters["usage"] = {"include": True}  # makes the reply state its cost
        return parameters

    def _written(self, key: tuple[Any, ...], kept: object, value: Callable[[], Any]) -> str:
        """Return the JSON of a value, cached by `key`. `kept` is kept alive so that the ids in the key stay valid."""
        if key not in self._texts:
            if len(self._texts) >= _REMEMBERED:
                self._texts.clear()
            self._texts[key] = (kept, _encode(value()))
        return self._texts[key][1]
