"""Every provider that litellm knows, behind our `ChatModel`."""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakSet

from deepfabric_core.chat.messages import Reply, Request, ToolCall, Usage
from deepfabric_core.config.schema import Llm
from deepfabric_core.errors import FailureKind, ModelError
from deepfabric_core.llm.clients.wire import finish_reason, message_sent, response_format, sendable
from deepfabric_core.llm.failures import complaint_in, model_error
from deepfabric_core.llm.keys import api_key, redact
from deepfabric_core.llm.log_redaction import RedactingFormatter

if TYPE_CHECKING:
    from types import ModuleType

# Ours to litellm's, where they differ.
_PREFIXES = {"vllm": "hosted_vllm", "ollama": "ollama_chat"}

_LOGGERS = ("LiteLLM", "LiteLLM Proxy", "LiteLLM Router")
_LOWEST_ERROR = 400
# What litellm gives as the status of a failure that has none.
_INVENTED = (408, 500)

# litellm connects to at most 500 at once otherwise, fetches price lists, and reads a .env file.
_ENVIRONMENT = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_MODE": "PRODUCTION",
    "AIOHTTP_CONNECTOR_LIMIT": "4096",
    "AIOHTTP_CONNECTOR_LIMIT_PER_HOST": "4096",
}


# The models in use on each event loop: litellm keeps clients of its own for every loop, and never closes them.
_OPEN: WeakKeyDictionary[asyncio.AbstractEventLoop, WeakSet[LitellmModel]] = WeakKeyDictionary()


def import_litellm() -> ModuleType:
    """litellm, imported without any network connection; it takes seconds, so it is imported when first used."""
    for variable, value in _ENVIRONMENT.items():
        os.environ.setdefault(variable, value)
    import litellm

    litellm.telemetry = False
    litellm.suppress_debug_info = True
    _keep_quiet()
    return litellm


def _keep_quiet() -> None:
    """What litellm logs goes where everything goes; where nobody said where that is, to its own place."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        for handler in tuple(logger.handlers):
            if logging.root.handlers:
                logger.removeHandler(handler)
            elif not isinstance(handler.formatter, RedactingFormatter):
                handler.setFormatter(RedactingFormatter(redact, handler.formatter))


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
        return self._settings.name

    async def complete(self, request: Request) -> Reply:
        """Answer one request; see `ChatModel`."""
        _OPEN.setdefault(asyncio.get_running_loop(), WeakSet()).add(self)
        try:
            async with asyncio.timeout(self._settings.timeout):
                response = await self._litellm.acompletion(**self._arguments(request))
        except TimeoutError as problem:
            raise self._timed_out() from problem
        except self._error as problem:
            raise self._translated(problem) from problem
        headers = getattr(response, "_response_headers", None) or {}
        if (error := _error_in(response)) is not None:
            said = complaint_in({"error": error})
            raise model_error(self.name, said, status=said.status, headers=headers)
        return _reply(response, self._settings.model, headers)

    async def close(self) -> None:
        """Close litellm's connections, once this is the last model that calls through them on this event loop."""
        loop = asyncio.get_running_loop()
        models = _OPEN.get(loop, WeakSet())
        models.discard(self)
        if not models:
            await _close_clients(self._litellm.in_memory_llm_clients_cache, loop)

    def _arguments(self, request: Request) -> dict[str, Any]:
        settings = self._settings
        arguments: dict[str, Any] = {
            **self._target,
            "messages": [_cleaned(message_sent(message)) for message in request.messages],
            "temperature": settings.temperature,
            "max_tokens": request.max_tokens,
            "timeout": settings.timeout,
            "num_retries": 0,
            "max_retries": 0,
            "drop_params": True,
        }
        if settings.seed is not None:
            arguments["seed"] = settings.seed
        if (wanted := response_format(request)) is not None:
            arguments["response_format"] = wanted
        if request.tools:
            arguments["tools"] = list(request.tools)
            arguments["_skip_mcp_handler"] = True  # litellm would import mcp for it, which isn't installed
        return arguments

    def _translated(self, problem: Exception) -> ModelError:
        """Our error for litellm's. Where no response stands behind it, its status is litellm's invention."""
        headers = getattr(problem, "litellm_response_headers", None) or {}
        said = complaint_in(_body_of(problem))
        status = getattr(problem, "status_code", None)
        if status is None or status < _LOWEST_ERROR or (not headers and status in _INVENTED):
            status = said.status
        kind = None
        if not headers and isinstance(problem, self._litellm.exceptions.Timeout):
            return self._timed_out()
        if not headers and _never_arrived(said.message):
            kind = FailureKind.CONNECTION
        return model_error(self.name, said, status=status, headers=headers, kind=kind)

    def _timed_out(self) -> ModelError:
        text = f"no answer within {self._settings.timeout:g} s"
        return model_error(self.name, text, status=None, kind=FailureKind.TIMEOUT)


async def _close_clients(kept: Any, loop: asyncio.AbstractEventLoop) -> None:
    """Close the clients that litellm keeps for a loop, and let it forget them, lest it uses a closed one."""
    for key in [key for key in list(kept.cache_dict) if key.endswith(f"-{id(loop)}")]:
        client = kept.cache_dict.pop(key, None)
        kept.ttl_dict.pop(key, None)
        close = getattr(client, "aclose", None) or getattr(client, "close", None)
        if inspect.iscoroutinefunction(close):
            await close()


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


def _cleaned(value: Any) -> Any:
    """The value with every text in it fit to be sent."""
    if isinstance(value, str):
        return sendable(value)
    if isinstance(value, dict):
        return {key: _cleaned(part) for key, part in value.items()}
    return [_cleaned(part) for part in value] if isinstance(value, list) else value


def _error_in(response: Any) -> Any:
    """The error that a router reports in place of an answer; else None."""
    choice = response.choices[0] if response.choices else None
    if choice is None or choice.message.content:
        return None
    return (getattr(choice, "provider_specific_fields", None) or {}).get("error")


def _never_arrived(text: str) -> bool:
    """Whether there was no answer at all, which litellm reports as a server error."""
    words = (
        "connection error",
        "cannot connect",
        "connection refused",
        "disconnected",
        "name resolution",
        "not completed",
    )
    return any(word in text.lower() for word in words)


def _body_of(problem: Exception) -> Any:
    """The body of the answer behind an error of litellm's, which is at times in the error behind it."""
    bodies = (getattr(one, "body", None) for one in (problem, problem.__context__))
    found = next((body for body in bodies if body), None)
    return found or getattr(problem, "message", None) or str(problem)


def _reply(response: Any, model: str, headers: Mapping[str, str]) -> Reply:
    choice = response.choices[0] if response.choices else None
    message = choice.message if choice else None
    calls = tuple(
        ToolCall(call.id or "", call.function.name or "", call.function.arguments or "{}")
        for call in (message.tool_calls if message else None) or ()
    )
    usage = getattr(response, "usage", None)
    return Reply(
        text=(message.content if message else None) or "",
        model=model,
        finish_reason=finish_reason(choice.finish_reason if choice else None, calls),
        usage=Usage(
            getattr(usage, "prompt_tokens", 0) or 0,
            getattr(usage, "completion_tokens", 0) or 0,
            getattr(response, "_hidden_params", {}).get("response_cost"),
        ),
        tool_calls=calls,
        headers=headers,
    )
