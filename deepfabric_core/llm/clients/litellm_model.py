"""A client for every provider that litellm supports, as a `ChatModel`."""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import re
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary, WeakSet

from deepfabric_core.chat.messages import Reply, Request
from deepfabric_core.config.llm import Llm
from deepfabric_core.errors import ConfigError, FailureKind, ModelError
from deepfabric_core.llm.api_keys import api_key
from deepfabric_core.llm.chat_completions import (
    dollars,
    error_in,
    frequency_penalty,
    message_sent,
    part,
    reply_in,
    response_format,
    seed,
    sendable,
    temperature,
    tool_choice,
)
from deepfabric_core.llm.clients.cache_markers import fewest_marked_bytes, mark_shared
from deepfabric_core.llm.clients.litellm_http import watched
from deepfabric_core.llm.clients.response_checks import NOT_FOUND, V1, says_nothing_served, with_path_advice
from deepfabric_core.llm.error_mapping import complaint_in, model_error, no_completion
from deepfabric_core.llm.log_redaction import RedactingFormatter
from deepfabric_core.llm.prices import prices_of
from deepfabric_core.redaction import redact

if TYPE_CHECKING:
    from types import ModuleType

# Our provider names and litellm's, where they differ.
_PREFIXES = {"vllm": "hosted_vllm", "ollama": "ollama_chat"}

# Providers that litellm calls by OpenAI's protocol at exactly the address in base_url.
_OPENAI_LIKE = ("openai", "hosted_vllm", "openrouter")

_LOGGERS = ("LiteLLM", "LiteLLM Proxy", "LiteLLM Router")
_LOWEST_ERROR = 400
# Statuses that litellm gives to a failure that has none.
_INVENTED = (408, 500)
# litellm's messages for a response that it can't read. They repeat much of the response, whose words mean nothing.
_MISREAD = re.compile(
    r"(?:Invalid|Error in) response object|Error converting to valid response block"
    r"|Empty or invalid response from LLM endpoint|provider returned 'choices' that is not a list"
)
_NOT_CONNECTED = re.compile(r"cannot connect|connection refused|name resolution", re.IGNORECASE)
_TRACEBACK = "Traceback (most recent call last)"
# Exceptions that litellm may raise for a response of an unexpected shape.
_STUMBLES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)

# By default litellm opens at most 500 connections, fetches price lists, reads a .env file, and prints whatever it finds
# odd in a response.
_ENVIRONMENT = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_LOG": "CRITICAL",
    "AIOHTTP_CONNECTOR_LIMIT": "4096",
    "AIOHTTP_CONNECTOR_LIMIT_PER_HOST": "4096",
}


# The open models of each event loop: litellm keeps clients for every loop and never closes them.
_OPEN: WeakKeyDictionary[asyncio.AbstractEventLoop, WeakSet[LitellmModel]] = WeakKeyDictionary()


def import_litellm() -> ModuleType:
    """Import litellm without any network connection. It takes seconds, so it is imported when first used."""
    for variable, value in _ENVIRONMENT.items():
        os.environ.setdefault(variable, value)
    import litellm

    warnings.filterwarnings("ignore", "Pydantic serializer warnings", UserWarning)
    litellm.telemetry = False
    litellm.suppress_debug_info = True
    _keep_quiet()
    return litellm


def speaks_socks() -> bool:
    """Return whether litellm's calls can use a SOCKS proxy; its default client can't."""
    return any(os.environ.get(name, "").lower() == "true" for name in ("DISABLE_AIOHTTP_TRANSPORT", "LITELLM_HTTP2"))


def _keep_quiet() -> None:
    """Send litellm's log lines to the root logger if that is configured, else redact them."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        for handler in tuple(logger.handlers):
            if logging.root.handlers:
                logger.removeHandler(handler)
            elif not isinstance(handler.formatter, RedactingFormatter):
                handler.setFormatter(RedactingFormatter(redact, handler.formatter))


class LitellmModel:
    """A model called through litellm, without litellm's own retries."""

    def __init__(self, settings: Llm, litellm: Any = None) -> None:
        self._settings = settings
        self._litellm = litellm or import_litellm()
        from openai import OpenAIError  # the base class of all litellm errors

        self._error: type[Exception] = OpenAIError
        self._prices = prices_of(settings)
        self._fewest_marked = fewest_marked_bytes(settings, self._prices)
        self._target = _target(settings)
        self._other = _under_v1(settings, self._target)
        _check_verification()

    @property
    def name(self) -> str:
        """Provider and model."""
        return self._settings.name

    async def complete(self, request: Request) -> Reply:
        """Answer one request; see `ChatModel`."""
        _OPEN.setdefault(asyncio.get_running_loop(), WeakSet()).add(self)
        with watched(self.name) as call:
            try:
                async with asyncio.timeout(self._settings.timeout):
                    response = await self._response(request)
            except TimeoutError as problem:
                raise self._timed_out() from problem
            except (self._error, ModelError) as problem:
                raise call.refusal or self._translated(problem) from problem
            except _STUMBLES as problem:
                stumbled = no_completion(self.name, f"{type(problem).__name__} in litellm")
                raise call.refusal or stumbled from problem
        return self._read(response)

    def _read(self, response: Any) -> Reply:
        headers = _headers_in(response, "_response_headers")
        if (error := error_in(response)) is not None:
            said = complaint_in({"error": error})
            raise model_error(self.name, said, status=said.status, headers=headers)
        try:
            return reply_in(response, self._settings.model, self._cost(response), headers)
        except ValueError as problem:
            raise no_completion(self.name, str(problem), headers) from problem

    def _cost(self, response: Any) -> float | None:
        """Return what the call cost: by the config's prices, or as litellm says, which takes unknown prices as 0."""
        hidden = getattr(response, "_hidden_params", None)
        said = None if self._prices.are_own else dollars(part(hidden, "response_cost"))
        return said or self._prices.cost(part(response, "model"), part(response, "usage"))

    async def close(self) -> None:
        """Close litellm's connections if this is the last open model on this event loop."""
        loop = asyncio.get_running_loop()
        models = _OPEN.get(loop, WeakSet())
        models.discard(self)
        if not models:
            await _close_clients(self._litellm.in_memory_llm_clients_cache, loop)

    async def _response(self, request: Request) -> Any:
        """Return litellm's response; if base_url has no path and nothing is served there, try below /v1."""
        target, other = self._target, self._other
        try:
            return await self._litellm.acompletion(**target, **self._arguments(request))
        except self._error as problem:
            if other is None or not _serves_nothing(problem):
                raise
            first = problem
        try:
            response = await self._litellm.acompletion(**other, **self._arguments(request))
        except self._error as problem:
            if _serves_nothing(problem):
                raise first from problem
            self._target, self._other = other, None
            raise
        self._target, self._other = other, None
        return response

    def _messages(self, request: Request) -> list[dict[str, Any]]:
        sent = [message_sent(message) for message in request.messages]
        mark_shared(sent, request, self._fewest_marked)
        return [_cleaned(message) for message in sent]

    def _arguments(self, request: Request) -> dict[str, Any]:
        settings = self._settings
        arguments: dict[str, Any] = {
            "messages": self._messages(request),
            "temperature": temperature(settings, request),
            "max_tokens": request.max_tokens,
            "timeout": settings.timeout,
            "num_retries": 0,
            "max_retries": 0,
            "drop_params": True,
        }
        if (drawn := seed(settings, request)) is not None:
            arguments["seed"] = drawn
        if (penalty := frequency_penalty(request)) is not None:
            arguments["frequency_penalty"] = penalty
        if (wanted := response_format(request)) is not None:
            arguments["response_format"] = wanted
        if (chosen := tool_choice(request)) is not None:
            arguments["tool_choice"] = chosen
        if request.tools:
            arguments["tools"] = list(request.tools)
            arguments["_skip_mcp_handler"] = True  # otherwise litellm would import mcp, which may not be installed
        return arguments

    def _translated(self, problem: Exception) -> ModelError:
        """Return our error for litellm's. Without response headers behind it, its status may be made up by litellm."""
        headers = _headers_in(problem, "litellm_response_headers")
        said = complaint_in(_body_of(problem))
        if _MISREAD.search(said.message):
            return no_completion(self.name, said.message.split(_TRACEBACK)[0].strip(), headers)
        status = getattr(problem, "status_code", None)
        if not isinstance(status, int) or status < _LOWEST_ERROR or (not headers and status in _INVENTED):
            status = said.status
        kind = None
        if not headers and isinstance(problem, self._litellm.exceptions.Timeout):
            return self._timed_out()
        if not headers and _never_arrived(said.message):
            kind = FailureKind.CONNECTION
        if self._other is not None and _serves_nothing(problem):
            said = with_path_advice(said)
        failure = model_error(self.name, said, status=status, headers=headers, kind=kind)
        failure.never_sent = not headers and _NOT_CONNECTED.search(said.message) is not None
        return failure

    def _timed_out(self) -> ModelError:
        text = f"no answer within {self._settings.timeout:g} s"
        return model_error(self.name, text, status=None, kind=FailureKind.TIMEOUT)


async def _close_clients(kept: Any, loop: asyncio.AbstractEventLoop) -> None:
    """Close the clients that litellm caches for a loop, and remove them from its cache."""
    for key in [key for key in list(kept.cache_dict) if key.endswith(f"-{id(loop)}")]:
        client = kept.cache_dict.pop(key, None)
        kept.ttl_dict.pop(key, None)
        close = getattr(client, "aclose", None) or getattr(client, "close", None)
        if inspect.iscoroutinefunction(close):
            await close()


def _target(settings: Llm) -> dict[str, Any]:
    prefix = _PREFIXES.get(settings.provider, settings.provider)
    key = api_key(settings)
    if settings.provider == "ollama" and settings.address.rstrip("/").endswith("/v1"):
        prefix = "openai"  # ollama's OpenAI-compatible side
    if key is None and settings.base_url and prefix in ("openai", "hosted_vllm"):
        key = "none"
    target: dict[str, Any] = {"model": f"{prefix}/{settings.model}"}
    if settings.address:
        target["api_base"] = settings.address
    if key and settings.provider != "bedrock":
        target["api_key"] = key
    return target


def _under_v1(settings: Llm, target: dict[str, Any]) -> dict[str, Any] | None:
    """Return the target below /v1, for a server that speaks OpenAI's protocol and whose base_url has no path."""
    prefix = target["model"].partition("/")[0]
    base = settings.address.strip().rstrip("/")
    if not base or prefix not in _OPENAI_LIKE or urlsplit(base).path:
        return None
    return {**target, "api_base": f"{base}{V1}"}


def _check_verification() -> None:
    """Check that certificates are verified, so that nobody in between can read the key.

    Raises:
        ConfigError: certificates wouldn't be verified.
    """
    from litellm.llms.custom_httpx.http_handler import get_ssl_verify

    if get_ssl_verify() is False:
        raise ConfigError(
            "SSL_VERIFY in the environment, or litellm.ssl_verify, turns off the check of certificates, so that others "
            "could read the API key: leave it out, and name an authority of your own in SSL_CERT_FILE."
        )


def _cleaned(value: Any) -> Any:
    """Return the value with all texts in it made encodable as UTF-8."""
    if isinstance(value, str):
        return sendable(value)
    if isinstance(value, dict):
        return {key: _cleaned(part) for key, part in value.items()}
    return [_cleaned(part) for part in value] if isinstance(value, list) else value


def _serves_nothing(problem: Exception) -> bool:
    return getattr(problem, "status_code", None) == NOT_FOUND and says_nothing_served(complaint_in(_body_of(problem)))


def _never_arrived(text: str) -> bool:
    """Return whether there was no response at all, which litellm reports as a server error."""
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
    """Return the response body behind a litellm error, which may be in the error that caused it."""
    bodies = (getattr(one, "body", None) for one in (problem, problem.__context__))
    found = next((body for body in bodies if body), None)
    if found:
        return found
    text = str(getattr(problem, "message", None) or problem)
    return text.partition(_TRACEBACK)[0] or text


def _headers_in(holder: object, name: str) -> Mapping[str, str]:
    headers = getattr(holder, name, None)
    return headers if isinstance(headers, Mapping) else {}
