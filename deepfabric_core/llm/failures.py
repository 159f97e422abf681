"""From a provider's failure, as status, body and headers, to one of our kinds."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from time import time
from typing import Any

from deepfabric_core.errors import FailureKind, ModelError
from deepfabric_core.llm.keys import redact

# Looked for in the provider's own words, in this order, before the status is asked: classes and statuses lie.
_BY_WORDS = (
    (FailureKind.QUOTA, r"insufficient_quota|exceeded your current quota|credit balance|billing|payment required"),
    (FailureKind.CONTEXT_WINDOW, r"context_length|context length|context window|maximum context|prompt is too long"),
    (FailureKind.CONTENT_FILTER, r"content_filter|content management policy|content[_ ]policy"),
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
_LOWEST_ERROR = 400
_SERVER_ERROR = 500
_HIGHEST_ERROR = 599
_SHOWN_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class Complaint:
    """What a provider says about a failure; `codes` are its code and type, `status` the one inside its body."""

    message: str
    codes: str = ""
    param: str = ""
    status: int | None = None


def complaint_in(body: Any) -> Complaint:
    """What an error's body says, be it parsed or a text: in JSON of any provider's shape, HTML or plain words."""
    if isinstance(body, str):
        parsed = _parsed(body)
        return Complaint(_without_tags(body)) if parsed is None else complaint_in(parsed)
    if isinstance(body, list) and body:
        return complaint_in(body[0])
    if not isinstance(body, Mapping):
        return Complaint("" if body is None else str(body))
    error = body.get("error") or body
    if not isinstance(error, Mapping):
        return Complaint(str(error))
    code = error.get("code")
    status = code if isinstance(code, int) and _LOWEST_ERROR <= code <= _HIGHEST_ERROR else None
    codes = " ".join(str(value) for value in (code, error.get("type")) if isinstance(value, str))
    return Complaint(_message_in(error), codes, str(error.get("param") or ""), status)


def model_error(
    name: str,
    said: Complaint | str,
    *,
    status: int | None,
    headers: Mapping[str, str] | None = None,
    kind: FailureKind | None = None,
) -> ModelError:
    """The error for a failed call of the model `name`; `kind` is given where the client knows it better."""
    complaint = Complaint(said) if isinstance(said, str) else said
    kind = kind or kind_of(status, f"{complaint.message} {complaint.codes}")
    blamed = f" ({complaint.param})" if complaint.param not in complaint.message else ""
    said = _shorten(redact(complaint.message or complaint.codes)) + redact(blamed)
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


def _parsed(text: str) -> Any:
    """The JSON object or list that a text is, or ends with after a client's own words; else None."""
    for start in (0, text.find("{")):
        try:
            value = json.loads(text[start:])
        except ValueError:
            continue
        if isinstance(value, dict | list):
            return value
    return None


def _message_in(error: Mapping[str, Any]) -> str:
    """The sentence in an error; behind a router also that of the provider behind it."""
    message = error.get("message") or error.get("detail") or error.get("msg") or ""
    if isinstance(message, list):  # FastAPI names each field
        parts = [one if isinstance(one, Mapping) else {"msg": str(one)} for one in message]
        message = "; ".join(f"{'.'.join(map(str, one.get('loc', ())))} {one.get('msg', '')}".strip() for one in parts)
    metadata = error.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, Mapping) else None
    return f"{message}: {complaint_in(raw).message}" if raw else str(message)


def _without_tags(text: str) -> str:
    """The words of an HTML page, or the text as it is."""
    if not re.search(r"<(?:!doctype|html|head|body)\b", text, re.IGNORECASE):
        return text
    return re.sub(r"(?is)<(script|style)\b.*?</\1>|<[^>]*>", " ", text)


def _shorten(text: str) -> str:
    """The provider's sentence without the client's class names in front."""
    text = re.sub(r"^(?:litellm\.)?(?:\w+(?:Error|Exception):? ?(?:- )?)+", "", " ".join(text.split()))
    text = text.split("Received Model Group")[0].strip().rstrip(".")
    return text[:_SHOWN_CHARACTERS] or "no reason given"
