"""Turn a provider's failure (status, body and headers) into a `ModelError` of one of our kinds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from time import time
from typing import Any

from deepfabric_core.chat.strict_json import parsed
from deepfabric_core.errors import FailureKind, ModelError
from deepfabric_core.redaction import redact

# Searched for in the provider's message, in this order, before the status is considered: statuses can be wrong.
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
# How providers name what they don't take, with whatever status: llama-cpp-python reports a server error.
_FORMAT = re.compile(
    r"response_?format|json_?schema|json_?object|structured.?outputs?|response.?schema|guided_|grammar|tool_choice"
    r"|output_config|no endpoints found that .{0,40}requested parameters",
    re.IGNORECASE,
)
# That a server knows no formats at all, rather than not this one.
_NO_FORMATS = re.compile(
    r"response_?format\W{0,2}(?: parameter)?(?::| is| are)? "
    r"(?:extra inputs|not (?:supported|permitted|allowed|available)|un)"
    r"|(?:un(?:known|recognized|supported|expected)[^.]{0,40}|does(?:n't| not) support )\W?response_?format\b"
    r"(?![.\[ ]*type)",
    re.IGNORECASE,
)
_OF_A_FORMAT = (400, 404, 405, 415, 422, 500, 501)
_LOWEST_ERROR = 400
_SERVER_ERROR = 500
_HIGHEST_ERROR = 599
_SHOWN_CHARACTERS = 300

# A message may have any length and shape: only this much of it is read.
_READ_CHARACTERS = 20_000
_READ_PARTS = 10
_LEVELS = 5
_LARGEST_NUMBER = 1e15
_A_YEAR = 366 * 86400.0

_PAGE = re.compile(r"<(?:!doctype|html|head|body)\b", re.IGNORECASE)
_TAG = re.compile(r"<(/?)(\w*+)[^<>]*+>")
_UNSEEN = ("script", "style")
_CLASSES = re.compile(r"^(?:litellm\.)?(?:\w+(?:Error|Exception):? ?(?:- )?)+")


@dataclass(frozen=True, slots=True)
class Complaint:
    """A provider's error message; `codes` are its code and type, `status` is the status stated in the body."""

    message: str
    codes: str = ""
    param: str = ""
    status: int | None = None


def complaint_in(body: Any) -> Complaint:
    """Return the error message in a body: in parsed JSON of any shape, or in a text (JSON, HTML or plain words)."""
    error = _error_in(body)
    said = _words(error)[:_READ_CHARACTERS]
    if not isinstance(error, Mapping):
        return Complaint(said)
    code = error.get("code")
    status = code if isinstance(code, int) and _LOWEST_ERROR <= code <= _HIGHEST_ERROR else None
    codes = [value[:_SHOWN_CHARACTERS] for value in (code, error.get("type")) if isinstance(value, str)]
    return Complaint(said, " ".join(codes), _words(error.get("param"))[:_SHOWN_CHARACTERS], status)


def model_error(
    name: str,
    said: Complaint | str,
    *,
    status: int | None,
    headers: Mapping[str, str] | None = None,
    kind: FailureKind | None = None,
) -> ModelError:
    """Return the error for a failed call of the model `name`. Pass `kind` where the client knows it."""
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


def no_completion(name: str, shown: str, headers: Mapping[str, str] | None = None) -> ModelError:
    """Return the error for a response that can't be read. The words in it don't influence the kind."""
    text = f"the answer isn't a chat completion: {shown or 'it is empty'}"
    return model_error(name, text, status=None, headers=headers, kind=FailureKind.SERVER_ERROR)


def refuses_format(text: str) -> bool:
    """Return whether a provider's message says that it doesn't take the way in which JSON was asked for."""
    return _FORMAT.search(text) is not None


def refuses_all_formats(text: str) -> bool:
    """Return whether a provider's message says that it takes no response format whatever, of any type."""
    return _NO_FORMATS.search(text) is not None and not re.search(r"json_?(?:schema|object)", text, re.IGNORECASE)


def kind_of(status: int | None, text: str) -> FailureKind:
    """Return the kind of a failure, by the provider's words first and its HTTP status second."""
    if status in _OF_A_FORMAT and refuses_format(text):
        return FailureKind.BAD_REQUEST
    for kind, words in _BY_WORDS:
        if re.search(words, text, re.IGNORECASE):
            return kind
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return FailureKind.BAD_REQUEST if status is not None and status < _SERVER_ERROR else FailureKind.SERVER_ERROR


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds to wait that a Retry-After header asks for, as a number or a date; None without a valid one.

    A date in the past is a wait of 0. More than a year is invalid.
    """
    value = next((value for key, value in headers.items() if key.lower() == "retry-after"), None)
    seconds = None if value is None else _seconds_in(value)
    return max(0.0, seconds) if seconds is not None and seconds <= _A_YEAR else None


def _seconds_in(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        pass
    try:
        return parsedate_to_datetime(value).timestamp() - time()
    except (ValueError, OverflowError):
        return None


def _error_in(body: Any) -> Any:
    """Return the error in a body: parse a text, take the first of a list, and look under the key `error`."""
    if isinstance(body, str):
        value = _parsed(body)
        body = _without_tags(body) if value is None else value
    while isinstance(body, list) and body:
        body = body[0]
    return (body.get("error") or body) if isinstance(body, Mapping) else body


def _parsed(text: str) -> Any:
    """Return the JSON object or list that a text is, or that it ends with after a client's own words; else None."""
    for start in (0, text.find("{")):
        try:
            value = parsed(text[start:])
        except ValueError:
            continue
        if isinstance(value, dict | list):
            return value
    return None


def _words(said: Any, levels: int = _LEVELS) -> str:
    """Return the words in a part of an error: a text, a number, or the sentences in a list or an object."""
    if isinstance(said, str):
        return said
    if isinstance(said, list) and levels:
        return "; ".join(filter(None, (_words(one, levels - 1) for one in said[:_READ_PARTS])))
    if isinstance(said, Mapping) and levels:
        return _sentence(said, levels - 1)
    return str(said) if isinstance(said, int | float) and abs(said) < _LARGEST_NUMBER else ""


def _sentence(error: Mapping[Any, Any], levels: int) -> str:
    """Return the sentence in an error, after the field it is about; for a router, also that of the provider behind."""
    message = next(filter(None, (_words(error.get(key), levels) for key in ("message", "detail", "msg"))), "")
    place = error.get("loc")  # FastAPI names the field
    if isinstance(place, list):
        message = f"{'.'.join(_words(one, 0) for one in place[:_READ_PARTS])} {message}".strip()
    metadata = error.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, Mapping) else None
    return ": ".join(filter(None, (message, _words(_error_in(raw), levels))))


def _without_tags(text: str) -> str:
    """Return the words of an HTML page, or any other text as it is. It takes time linear in the text's length."""
    if not _PAGE.search(text):
        return text
    words: list[str] = []
    end, hidden = 0, ""
    for tag in _TAG.finditer(text):
        closes, name = tag[1], tag[2].lower()
        if not hidden:
            words.append(text[end : tag.start()])
            hidden = name if name in _UNSEEN and not closes else ""
        elif closes and name == hidden:
            hidden = ""
        end = tag.end()
    return " ".join([*words, "" if hidden else text[end:]])


def _shorten(text: str) -> str:
    """Return the provider's sentence without the client's class names in front."""
    text = _CLASSES.sub("", " ".join(text.split()))
    text = text.split("Received Model Group")[0].strip().rstrip(".")
    return text[:_SHOWN_CHARACTERS] or "no reason given"
