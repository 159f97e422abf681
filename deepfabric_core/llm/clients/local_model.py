"""A client for models that run in this process, from a GGUF file, by llama.cpp."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from deepfabric_core.chat.messages import Message, Reply, Request
from deepfabric_core.config.llm import Llm
from deepfabric_core.errors import FailureKind, ModelError
from deepfabric_core.llm.chat_completions import frequency_penalty, reply_in, seed, sendable, temperature
from deepfabric_core.llm.clients.json_grammar import ANY_OBJECT, grammar_of
from deepfabric_core.llm.clients.loaded_model import LoadedModel, ModelThread, model_thread
from deepfabric_core.llm.clients.model_files import model_file
from deepfabric_core.llm.error_mapping import model_error

# The largest seed but one: llama.cpp takes that for none.
_SEEDS = 2**32 - 1
_GRAMMAR_MODES = ("json_schema", "json_object_schema")


class LocalModel:
    """A model in this process. It answers one call at a time, in a thread, and stays loaded for later runs."""

    def __init__(self, settings: Llm, thread: ModelThread | None = None) -> None:
        self._settings = settings
        self._path = model_file(settings)
        self._thread = thread or model_thread()

    @property
    def name(self) -> str:
        """The name of the model in messages."""
        return self._settings.name

    async def complete(self, request: Request) -> Reply:
        """Answer one request; see `ChatModel`. The grammar of its schema is enforced."""
        if request.tools or any(message.role == "tool" for message in request.messages):
            raise ModelError(f"{self.name}: tools aren't supported by a local model", kind=FailureKind.BAD_REQUEST)
        try:
            body = await self._thread.run(self._path, lambda model, gone: self._answer(model, request, gone))
        except (ModelError, _Abandoned):
            raise
        except Exception as problem:
            raise self._failure(problem) from problem
        return reply_in(body, self._path.stem, 0.0, {})

    async def close(self) -> None:
        """Leave the model in memory, for the next stage or run."""

    def _answer(self, model: LoadedModel, request: Request, gone: threading.Event) -> Any:
        check = self._check(gone)
        parameters, grammar = self._parameters(request), _grammar(request)
        try:
            return model.answer(_sent(request.messages), parameters, grammar, check)
        except ValueError as problem:
            if "system" not in str(problem).lower():
                raise
            return model.answer(_sent(without_system(request.messages)), parameters, grammar, check)

    def _parameters(self, request: Request) -> Mapping[str, Any]:
        drawn = seed(self._settings, request)
        return {
            "max_tokens": request.max_tokens,
            "temperature": temperature(self._settings, request),
            "frequency_penalty": frequency_penalty(request) or 0.0,
            "seed": (random.SystemRandom().randrange(_SEEDS) if drawn is None else drawn) % _SEEDS,
        }

    def _check(self, gone: threading.Event) -> Callable[[], None]:
        """Return what ends a call that takes too long, or that nobody waits for."""
        ends = time.monotonic() + self._settings.timeout

        def check() -> None:
            if gone.is_set():
                raise _Abandoned
            if time.monotonic() > ends:
                raise ModelError(
                    f"{self.name}: timeout: no answer within {self._settings.timeout:g} s; raise llm.timeout, or lower "
                    "max_tokens.",
                    kind=FailureKind.TIMEOUT,
                )

        return check

    def _failure(self, problem: Exception) -> ModelError:
        if isinstance(problem, ValueError) and "Failed to load model" in str(problem):
            said = "llama.cpp can't load the file, which is damaged or of a kind that this version doesn't know"
            return ModelError(f"{self.name}: {said}; use another one.", kind=FailureKind.UNKNOWN_MODEL)
        kind = FailureKind.BAD_REQUEST if isinstance(problem, ValueError) else FailureKind.SERVER_ERROR
        if "context window" in str(problem):
            kind = FailureKind.CONTEXT_WINDOW
        return model_error(self.name, str(problem) or type(problem).__name__, status=None, kind=kind)


class _Abandoned(Exception):
    """Nobody waits for the call any more."""


def _grammar(request: Request) -> str | None:
    """Return the grammar that the reply has to keep to."""
    schema = request.schema
    if schema is None or request.schema_mode == "prompt":
        return None
    return grammar_of(schema.limits or schema.schema) if request.schema_mode in _GRAMMAR_MODES else ANY_OBJECT


def _sent(messages: Sequence[Message]) -> list[dict[str, str]]:
    return [{"role": message.role, "content": sendable(message.content)} for message in messages]


def without_system(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Return a conversation for a model that knows no system message: it begins the user's first one."""
    told = [message.content for message in messages if message.role == "system"]
    rest = [message for message in messages if message.role != "system"]
    if not rest:
        return tuple(Message("user", text) for text in told)
    first = Message(rest[0].role, "\n\n".join([*told, rest[0].content]))
    return (first, *rest[1:])
