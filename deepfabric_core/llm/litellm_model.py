"""Every provider that litellm knows, behind our `ChatModel`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from deepfabric_core.chat.messages import Message, Reply, Request, ToolCall, Usage
from deepfabric_core.config.schema import Llm
from deepfabric_core.errors import FailureKind, ModelError
from deepfabric_core.llm.failures import model_error
from deepfabric_core.llm.keys import api_key

if TYPE_CHECKING:
    from types import ModuleType

# Ours to litellm's, where they differ.
_PREFIXES = {"vllm": "hosted_vllm", "ollama": "ollama_chat"}

# litellm connects to at most 500 at once otherwise, fetches price lists, and reads a .env file.
_ENVIRONMENT = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_MODE": "PRODUCTION",
    "AIOHTTP_CONNECTOR_LIMIT": "4096",
    "AIOHTTP_CONNECTOR_LIMIT_PER_HOST": "4096",
}


def import_litellm() -> ModuleType:
    """litellm, imported without any network connection; it takes seconds, so it is imported when first used."""
    for variable, value in _ENVIRONMENT.items():
        os.environ.setdefault(variable, value)
    import litellm

    litellm.telemetry = False
    litellm.suppress_debug_info = True
    return litellm


class LitellmModel:
    """A model called through litellm, without litellm's own retries."""

    def __init__(self, settings: Llm) -> None:
        self._settings = settings
        self._litellm = import_litellm()
        from openai import OpenAIError  # the base of all of litellm's errors

        self._error: type[Exception] = OpenAIError
        self._target = _target(settings)

    @property
    def name(self) -> str:
        """Provider and model."""
        return f"{self._settings.provider}/{self._settings.model}"

    async def complete(self, request: Request) -> Reply:
        """Answer one request; see `ChatModel`."""
        try:
            response = await self._litellm.acompletion(**self._arguments(request))
        except self._error as problem:
            raise self._translated(problem) from problem
        return _reply(response, self._settings.model)

    async def close(self) -> None:
        """Nothing to do: litellm shares its connections among all models, and lets go of them at exit."""

    def _arguments(self, request: Request) -> dict[str, Any]:
        settings = self._settings
        arguments: dict[str, Any] = {
            **self._target,
            "messages": [_as_sent(message) for message in request.messages],
            "temperature": settings.temperature,
            "max_tokens": request.max_tokens,
            "timeout": settings.timeout,
            "num_retries": 0,
            "max_retries": 0,
            "drop_params": True,
        }
        if settings.seed is not None:
            arguments["seed"] = settings.seed
        if request.schema is not None:
            arguments |= _response_format(request)
        if request.tools:
            arguments["tools"] = list(request.tools)
        return arguments

    def _translated(self, problem: Exception) -> ModelError:
        status = getattr(problem, "status_code", None)
        headers = getattr(problem, "litellm_response_headers", None) or {}
        text = getattr(problem, "message", None) or str(problem)
        kind = None
        if isinstance(problem, self._litellm.exceptions.Timeout):
            kind, text = FailureKind.TIMEOUT, f"no answer within {self._settings.timeout:g} s"
        elif _never_arrived(text, headers):
            kind = FailureKind.CONNECTION
        return model_error(self.name, text, status=status, headers=headers, kind=kind)


def _target(settings: Llm) -> dict[str, Any]:
    prefix = _PREFIXES.get(settings.provider, settings.provider)
    key = api_key(settings)
    if settings.provider == "ollama" and (settings.base_url or "").rstrip("/").endswith("/v1"):
        prefix = "openai"  # ollama's OpenAI-compatible side
    if key is None and settings.base_url and prefix in ("openai", "hosted_vllm"):
        key = "none"
    target: dict[str, Any] = {"model": f"{prefix}/{settings.model}"}
    if settings.base_url:
        target["api_base"] = settings.base_url
    if key and settings.provider != "bedrock":
        target["api_key"] = key
    return target


def _never_arrived(text: str, headers: Mapping[str, str]) -> bool:
    """Whether there was no answer at all: litellm reports that as a server error, but without any header."""
    words = ("connection error", "cannot connect", "connection refused", "disconnected", "name resolution")
    return not headers and any(word in text.lower() for word in words)


def _response_format(request: Request) -> dict[str, Any]:
    schema = request.schema
    if schema is None or request.schema_mode == "prompt":
        return {}
    if request.schema_mode == "json":
        return {"response_format": {"type": "json_object"}}
    described = {"name": schema.name, "schema": dict(schema.schema), "strict": schema.strict}
    return {"response_format": {"type": "json_schema", "json_schema": described}}


def _as_sent(message: Message) -> dict[str, Any]:
    sent: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        sent["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        sent["tool_call_id"] = message.tool_call_id
    return sent


def _reply(response: Any, model: str) -> Reply:
    if not response.choices:
        return Reply(text="", model=model)
    choice = response.choices[0]
    calls = tuple(
        ToolCall(call.id or "", call.function.name or "", call.function.arguments or "{}")
        for call in choice.message.tool_calls or ()
    )
    usage = getattr(response, "usage", None)
    return Reply(
        text=choice.message.content or "",
        model=model,
        finish_reason=choice.finish_reason or "stop",
        usage=Usage(
            getattr(usage, "prompt_tokens", 0) or 0,
            getattr(usage, "completion_tokens", 0) or 0,
            getattr(response, "_hidden_params", {}).get("response_cost"),
        ),
        tool_calls=calls,
    )
