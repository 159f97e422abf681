"""A model in the memory of this process, run by llama.cpp: one at a time, in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from deepfabric_core.llm.clients.gguf_header import read_header

T = TypeVar("T")

# Tokens of prompt and reply together, if the model was trained with as many.
_CONTEXT = 4096
# Tokens of a prompt that are read at once; between two pieces a call can be abandoned.
_PIECE = 16
# A small model otherwise repeats itself without end.
_REPEAT_PENALTY = 1.1


class LoadedModel:
    """A model that is in memory. It makes one call at a time."""

    def __init__(self, path: Path) -> None:
        self._llama = _load(path)
        self._read = self._llama.eval
        self._llama.eval = self._read_in_pieces
        self._check: Callable[[], None] = _do_nothing

    def answer(
        self,
        messages: Sequence[Mapping[str, Any]],
        parameters: Mapping[str, Any],
        grammar: str | None,
        check: Callable[[], None],
    ) -> Any:
        """Return the chat completion. `check` is called for every token and ends the call by an exception.

        Raises:
            ValueError: the prompt is longer than the context, or the model's template refuses the conversation.
        """
        self._check = check
        try:
            return self._llama.create_chat_completion(
                messages=list(messages),
                grammar=None if grammar is None else _grammar(grammar),
                repeat_penalty=_REPEAT_PENALTY,
                **parameters,
            )
        finally:
            self._check = _do_nothing

    def close(self) -> None:
        """Free the memory."""
        with contextlib.suppress(AttributeError):  # older versions free it when the object goes
            self._llama.close()
        del self._llama, self._read
        gc.collect()

    def _read_in_pieces(self, tokens: Sequence[int]) -> None:
        for start in range(0, len(tokens), _PIECE):
            self._check()
            self._read(tokens[start : start + _PIECE])


class ModelThread:
    """The thread in which models are loaded and answer, and the latest of them, which stays in memory."""

    def __init__(self, load: Callable[[Path], LoadedModel] = LoadedModel) -> None:
        self._load = load
        self._thread = ThreadPoolExecutor(1, "local-model")
        self._held: tuple[object, LoadedModel] | None = None

    @property
    def held(self) -> LoadedModel | None:
        """The model in memory, if there is one."""
        return self._held[1] if self._held else None

    async def run(self, path: Path, work: Callable[[LoadedModel, threading.Event], T]) -> T:
        """Do something with the model of a file; the event that it gets is set when nobody waits for it any more."""
        abandoned = threading.Event()
        try:
            return await asyncio.wrap_future(self._thread.submit(self._run, path, work, abandoned))
        finally:
            abandoned.set()

    def _run(self, path: Path, work: Callable[[LoadedModel, threading.Event], T], abandoned: threading.Event) -> T:
        return work(self._loaded(path), abandoned)

    def _loaded(self, path: Path) -> LoadedModel:
        stat = path.stat()
        key = (path.resolve(), stat.st_mtime_ns, stat.st_size)
        if self._held is not None and self._held[0] == key:
            return self._held[1]
        if self._held is not None:
            self._held[1].close()
            self._held = None
        self._held = (key, self._load(path))
        return self._held[1]


@cache
def model_thread() -> ModelThread:
    """Return the one of this process."""
    return ModelThread()


def _load(path: Path) -> Any:
    context = min(_CONTEXT, read_header(path).context_length or _CONTEXT)
    llama = _silent_llama_cpp().Llama(str(path), n_ctx=context, verbose=False)
    llama.scores = _one_row(llama.scores)
    return llama


def _one_row(scores: Any) -> Any:
    """Return a table of as many rows that are all the same one in memory.

    The latest row alone is read. Older versions fill one for each token, of up to a megabyte.
    """
    from numpy import zeros
    from numpy.lib.stride_tricks import as_strided

    row = zeros(scores.shape[1], scores.dtype)
    return as_strided(row, scores.shape, (0, row.itemsize))


@cache
def _silent_llama_cpp() -> Any:
    """Import llama.cpp; stop its log, and stop it from turning off the standard streams while it loads a model.

    The screen of a run is drawn meanwhile.
    """
    import llama_cpp
    from llama_cpp import _internals, llama

    for module in (llama, _internals):
        if hasattr(module, "suppress_stdout_stderr"):
            module.suppress_stdout_stderr = lambda **_: contextlib.nullcontext()
    llama_cpp.llama_log_set(_ignore_log(), None)
    return llama_cpp


@cache
def _ignore_log() -> Any:
    """Return the function that llama.cpp calls for each line of its log; it must never be freed."""
    from llama_cpp import llama_log_callback

    return llama_log_callback(_do_nothing)


def _grammar(text: str) -> Any:
    from llama_cpp import LlamaGrammar

    return LlamaGrammar.from_string(text, verbose=False)


def _do_nothing(*_: object) -> None:
    """Do nothing."""
