"""The exceptions of this package, with their exit codes, and the kinds of failure.

::

    DeepFabricError            base class; the message says what is wrong, where, and what to do next
    ├── ConfigError            the config, a flag or a file it names can't be used        (exit code 2)
    │   ├── MissingKeyError    the provider's API key isn't in the environment
    │   ├── TopicsFileError    a topics file can't be read as a tree or a graph
    │   └── CheckpointExistsError  a checkpoint exists, and the run wasn't told to resume it or to start over
    ├── ModelError             a call to a model failed; `kind` says how                  (exit code 1)
    │   └── ReplyError         the model replied, but the reply can't be used
    ├── OutputError            a result can't be written                                  (exit code 1)
    └── RunAborted             the run stopped early, since all further calls would fail   (exit code 1)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import Literal

from deepfabric_core.printable import printable


class FailureKind(StrEnum):
    """Why a call or a sample failed: the categories used in events, files and the summary."""

    RATE_LIMITED = "rate limited"
    SERVER_ERROR = "server error"
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    AUTHENTICATION = "authentication"
    PERMISSION = "permission"
    UNKNOWN_MODEL = "unknown model"
    QUOTA = "quota exhausted"
    CONTEXT_WINDOW = "context window"
    CONTENT_FILTER = "content filter"
    BAD_REQUEST = "bad request"
    TRUNCATED = "truncated reply"
    INVALID_JSON = "invalid JSON"
    INVALID_REPLY = "invalid reply"
    REJECTED = "rejected"
    TOOL = "tool failure"
    INTERNAL = "internal error"

    @property
    def transient(self) -> bool:
        """Whether the same call may succeed when it is retried later."""
        return self in _TRANSIENT

    @property
    def hopeless(self) -> bool:
        """Whether all other calls of the run will fail for the same reason."""
        return self in _HOPELESS


_TRANSIENT = frozenset(
    {FailureKind.RATE_LIMITED, FailureKind.SERVER_ERROR, FailureKind.TIMEOUT, FailureKind.CONNECTION}
)
_HOPELESS = frozenset(
    {FailureKind.AUTHENTICATION, FailureKind.PERMISSION, FailureKind.UNKNOWN_MODEL, FailureKind.QUOTA}
)


class DeepFabricError(Exception):
    """The base class of all errors raised on purpose; `str(error)` can be shown to users."""

    exit_code = 1

    def _render_traceback_(self) -> list[str]:
        """Return the lines that a notebook shows in place of a traceback."""
        return [f"Error: {printable(line)}" for line in str(self).split("\n")]


class ConfigError(DeepFabricError):
    """The config, a flag or a file named there can't be used as it is."""

    exit_code = 2


class MissingKeyError(ConfigError):
    """The provider's API key isn't in the environment."""


class TopicsFileError(ConfigError):
    """A topics file can't be read; the message names the file and the line."""


class CheckpointExistsError(ConfigError):
    """A checkpoint exists, and the run wasn't told whether to resume it or to start over."""


class ModelError(DeepFabricError):
    """A call to a model failed.

    `kind` is the category of the failure, `status` the HTTP status. `retry_after` is the wait in seconds that the
    provider asked for, or None; `headers` are the headers of the HTTP response. `never_sent` says that the request
    certainly didn't reach the provider.
    """

    never_sent: bool = False

    def __init__(
        self,
        message: str,
        *,
        kind: FailureKind,
        status: int | None = None,
        retry_after: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.status = status
        self.retry_after = retry_after
        self.headers = headers or {}


# What helps against a reply that can't be used: to have it corrected, to draw another, to draw one with repetition
# penalized, or to draw one without the examples that the model only repeated.
Remedy = Literal["correct", "redraw", "penalize", "omit_examples"]


class ReplyError(ModelError):
    """The model replied, but the reply can't be used; asking again with the reason may help.

    `for_model` is the reason as the model is told it, with what to do better, and `remedy` how it is asked again.
    `reply` is the refused reply if it was refused before the recipe received it, else None.
    """

    reply: object = None

    def __init__(
        self,
        message: str,
        *,
        kind: FailureKind,
        for_model: str = "",
        remedy: Remedy = "correct",
    ) -> None:
        super().__init__(message, kind=kind)
        self.for_model = for_model or message
        self.remedy = remedy


class OutputError(DeepFabricError):
    """A result can't be written; the message names the path and what has been saved."""


class RunAborted(DeepFabricError):
    """The run stopped early, because every further call would have failed in the same way."""


@contextmanager
def redacted_errors(redact: Callable[[str], str]) -> Iterator[None]:
    """Apply `redact` to the message of any `DeepFabricError` raised in this block."""
    try:
        yield
    except DeepFabricError as problem:
        problem.args = (redact(str(problem)),)
        raise
