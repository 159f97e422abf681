"""What goes wrong with an upload: what is tried again after a wait, and the sentence that says the rest.

The hubs' libraries raise errors of several HTTP libraries, wrapped now and then, so they are told by what they hold.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from deepfabric_core.errors import ConfigError, DeepFabricError, OutputError
from deepfabric_core.printable import printable
from deepfabric_core.redaction import redact
from deepfabric_core.wording import duration

Sleep = Callable[[float], None]
Tell = Callable[[str], None]
_Result = TypeVar("_Result")

TRIES = 5
_FIRST_WAIT = 1.0
# A hub's rate limits end within minutes. Who has to wait longer is told so.
_LONGEST_WAIT = 300.0
_PASSING = frozenset((408, 425, 429, 500, 502, 503, 504))
_NETWORKS = frozenset(("httpx", "httpx2", "httpcore", "requests", "urllib3", "aiohttp"))
_LONGEST_SAID = 300
# How kagglehub tells of an answer.
_STATUS = re.compile(r"status code (\d{3})\b")
_AGAIN = "Run the command again: what has arrived isn't sent again."


@dataclass(frozen=True, slots=True)
class Place:
    """Where is uploaded to: the hub's name and address, the repository there, and the variables with the key."""

    hub: str
    address: str
    repository: str
    key: str
    advice: str


class UploadError(OutputError):
    """A dataset couldn't be uploaded, or only in part; it may work later."""


def patiently(
    call: Callable[[], _Result], place: Place, tell: Tell, *, tries: int = TRIES, sleep: Sleep = time.sleep
) -> _Result:
    """Return what a call returns; it is made again after faults that pass, so many times in all.

    Raises:
        ConfigError: the key, the right or the repository is wrong.
        UploadError: the hub can't be reached, or doesn't take it now.
    """
    for number in range(1, tries + 1):
        try:
            return call()
        except DeepFabricError:
            raise
        except Exception as problem:
            wait = _wait_after(problem, number)
            if wait is None or number == tries or wait > _LONGEST_WAIT:
                raise sentence(problem, place) from problem
            tell(f"{_fault(problem)}; next try in {duration(max(1.0, wait))}")
            sleep(wait)
    raise AssertionError


def _fault(problem: Exception) -> str:
    status, _ = _answer_in(problem)
    return _why(problem) if status is None else f"the server answered {status}"


def _wait_after(problem: Exception, number: int) -> float | None:
    """Return the seconds to wait before the next try; None if there is no use in trying again."""
    status, response = _answer_in(problem)
    if status is None:
        if _is_offline(problem):
            return None
        return _FIRST_WAIT * 2 ** (number - 1) if _is_of_network(problem) else None
    if status not in _PASSING:
        return None
    asked = _asked_wait(response)
    return _FIRST_WAIT * 2 ** (number - 1) if asked is None else asked


def _asked_wait(response: Any) -> float | None:
    """Return the seconds that an answer asks to wait."""
    return None if response is None else _seconds(response.headers.get("Retry-After", ""))


def _seconds(text: str) -> float | None:
    """Return the seconds that a Retry-After header asks for, in seconds or as a date."""
    try:
        seconds = float(text)
    except ValueError:
        pass
    else:
        return max(0.0, seconds) if math.isfinite(seconds) else None
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


def _chain(problem: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while problem is not None and id(problem) not in seen:
        seen.add(id(problem))
        yield problem
        problem = problem.__cause__ or problem.__context__


def _answer_in(problem: BaseException) -> tuple[int | None, Any]:
    """Return the status of the hub's answer that an error tells of, and the answer."""
    for one in _chain(problem):
        response = getattr(one, "response", None)
        status = getattr(response, "status_code", None)
        if isinstance(status, int):
            return status, response
        if type(one).__module__.startswith("kagglehub") and (told := _STATUS.search(str(one))):
            return int(told[1]), None
    return None, None


def _is_offline(problem: BaseException) -> bool:
    return any(type(one).__name__ == "OfflineModeIsEnabled" for one in _chain(problem))


def _is_of_network(problem: BaseException) -> bool:
    return any(
        type(one).__module__.partition(".")[0] in _NETWORKS or isinstance(one, ConnectionError | TimeoutError)
        for one in _chain(problem)
    )


def sentence(problem: Exception, place: Place) -> DeepFabricError:
    """Return the error that says in a sentence what is wrong, and what to do next."""
    status, response = _answer_in(problem)
    if status is not None:
        return _answered(status, response, problem, place)
    if _is_offline(problem):
        return ConfigError(f"{place.hub} isn't asked, since HF_HUB_OFFLINE is set; unset it to upload.")
    if _is_of_network(problem):
        why = _why(problem)
        return UploadError(f"{place.hub} can't be reached at {place.address}: {why}. {_AGAIN}")
    return UploadError(f"The upload to {place.repository} on {place.hub} failed: {_why(problem)}. {_AGAIN}")


def _why(problem: BaseException) -> str:
    """Return what an error says, or else what led to it."""
    said = [text for one in _chain(problem) if (text := _said(str(one)))]
    if _is_of_network(problem):
        said = said[-1:]
    return ": ".join(dict.fromkeys((*said[:1], *said[-1:]))) or type(problem).__name__


def _answered(status: int, response: Any, problem: Exception, place: Place) -> DeepFabricError:
    said = _server_said(response)
    because = f": {said}" if said else ""
    match status:
        case 401:
            return ConfigError(f"{place.hub} doesn't take the {place.key} (401); {place.advice}.")
        case 403:
            return ConfigError(
                f"{place.hub} doesn't let you write to {place.repository} (403{because}): take a {place.key} with the "
                "right to write there, or a repository of your own."
            )
        case 404:
            return ConfigError(f"{place.hub} knows no {place.repository} that you may see (404); check its name.")
        case 429:
            asked = _asked_wait(response)
            wait = f"in {duration(asked)}" if asked else "in some minutes"
            return UploadError(
                f"{place.hub} takes no more requests for now (429); run the command again {wait}: "
                "what has arrived isn't sent again."
            )
        case _ if status in _PASSING:
            return UploadError(f"{place.hub} has trouble of its own ({status}{because}). {_AGAIN}")
    return ConfigError(
        f"{place.hub} refuses the upload to {place.repository} ({status}): {said or _said(str(problem))}."
    )


def _server_said(response: Any) -> str:
    """Return the reason that an answer gives."""
    if response is None:
        return ""
    try:
        content = response.json()
    except Exception:  # noqa: BLE001 - whatever the body is
        content = None
    found = content.get("error") or content.get("message") if isinstance(content, dict) else None
    text = found or response.headers.get("X-Error-Message") or ""
    return _said(text) if isinstance(text, str) else ""


def _said(text: str) -> str:
    return printable(redact(" ".join(text.split())), _LONGEST_SAID).rstrip(". ")
