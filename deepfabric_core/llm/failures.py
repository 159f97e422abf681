"""From a provider's failure, as status, text and headers, to one of our kinds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from time import time

from deepfabric_core.errors import FailureKind, ModelError
from deepfabric_core.llm.keys import redact

# Looked for in the provider's own words, in this order, before the status is asked: classes and statuses lie.
_BY_WORDS = (
    (FailureKind.QUOTA, r"insufficient_quota|exceeded your current quota|credit balance|billing|payment required"),
    (FailureKind.CONTEXT_WINDOW, r"context_length|context length|context window|maximum context|prompt is too long"),
    (FailureKind.CONTENT_FILTER, r"content_filter|content management policy|content policy"),
    (
        FailureKind.AUTHENTICATION,
        r"invalid_api_key|incorrect api key|api_key client option|api key not valid|x-api-key",
    ),
    (FailureKind.UNKNOWN_MODEL, r"model_not_found|model .{0,80}(?:does not exist|not found)|provider not provided"),
)
_BY_STATUS = {
    401: FailureKind.AUTHENTICATION,
    402: FailureKind.QUOTA,
    403: FailureKind.PERMISSION,
    404: FailureKind.UNKNOWN_MODEL,
    408: FailureKind.TIMEOUT,
    429: FailureKind.RATE_LIMITED,
}
_ADVICE = {
    FailureKind.AUTHENTICATION: "check the API key in the environment",
    FailureKind.PERMISSION: "check what this API key may use",
    FailureKind.UNKNOWN_MODEL: "check the model's name and base_url",
    FailureKind.QUOTA: "top up the account or use another key",
    FailureKind.CONNECTION: "check base_url and that the server is up",
    FailureKind.CONTEXT_WINDOW: "shorten the prompts or use a model with a longer context",
}
_SERVER_ERROR = 500
_SHOWN_CHARACTERS = 300


def model_error(
    name: str,
    text: str,
    *,
    status: int | None,
    headers: Mapping[str, str] | None = None,
    kind: FailureKind | None = None,
) -> ModelError:
    """The error for a failed call of the model `name`; `kind` is given where the client knows it better."""
    kind = kind or kind_of(status, text)
    said = redact(_shorten(text))
    advice = f"; {_ADVICE[kind]}" if kind in _ADVICE else ""
    headers = headers or {}
    return ModelError(
        f"{name}: {kind.value}: {said}{advice}.",
        kind=kind,
        status=status,
        retry_after=retry_after(headers),
        headers=headers,
    )


def kind_of(status: int | None, text: str) -> FailureKind:
    """The kind of a failure, by the provider's words first and its HTTP status second."""
    for kind, words in _BY_WORDS:
        if re.search(words, text, re.IGNORECASE):
            return kind
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return FailureKind.BAD_REQUEST if status is not None and status < _SERVER_ERROR else FailureKind.SERVER_ERROR


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The wait in seconds that a Retry-After header asks for, given in seconds or as a date."""
    value = next((value for key, value in headers.items() if key.lower() == "retry-after"), None)
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time())
    except ValueError:
        return None


def _shorten(text: str) -> str:
    """The provider's sentence without the client's class names in front."""
    text = re.sub(r"^(?:litellm\.)?(?:\w+(?:Error|Exception):? ?(?:- )?)+", "", " ".join(text.split()))
    text = text.split("Received Model Group")[0].strip().rstrip(".")
    return text[:_SHOWN_CHARACTERS] or "no reason given"
