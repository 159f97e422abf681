"""Responses that neither client accepts: redirects, bodies that are too large, addresses where nothing is served."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from deepfabric_core.errors import FailureKind, ModelError
from deepfabric_core.llm.error_mapping import Complaint, kind_of, model_error
from deepfabric_core.web.addresses import destination
from deepfabric_core.web.bodies import BodyError, DamagedBodyError

# A million tokens, more than any model writes at once, take about 10 MB at most.
LARGEST_REPLY_BYTES = 16 << 20
# An error message has a few kilobytes.
LARGEST_ERROR_BYTES = 1 << 20

REDIRECTS = range(300, 400)
NOT_FOUND = 404
# Most servers are reached below this path if base_url is given without one.
V1 = "/v1"

_LOWEST_ERROR = 400


def limit_for(status: int) -> int:
    """Return how many bytes a response of this status may have, decompressed."""
    return LARGEST_REPLY_BYTES if status < _LOWEST_ERROR else LARGEST_ERROR_BYTES


def redirected(name: str, status: int | None, headers: Mapping[str, str], asked: str) -> ModelError:
    """Return the error for a redirect, which isn't followed because that would send the key elsewhere."""
    place = destination(headers.get("Location"), asked)
    answers = "" if status is None else f"answers HTTP {status} and "
    text = f"it {answers}redirects to {place}, which is not followed"
    advice = "set base_url to the address that answers"
    return model_error(name, f"{text}; {advice}", status=status, headers=headers, kind=FailureKind.BAD_REQUEST)


def unusable(name: str, problem: BodyError, status: int, headers: Mapping[str, str]) -> ModelError:
    """Return the error for a response whose body couldn't be read to its end; its kind depends on the status."""
    if status < _LOWEST_ERROR:
        text = f"the answer {problem}"
        kind = FailureKind.CONNECTION if isinstance(problem, DamagedBodyError) else FailureKind.INVALID_REPLY
        return model_error(name, text, status=None, headers=headers, kind=kind)
    return model_error(name, f"the answer (HTTP {status}) {problem}", status=status, headers=headers)


def says_nothing_served(said: Complaint) -> bool:
    """Return whether a 404 says that nothing is served at the address, rather than that there is no such model."""
    return kind_of(None, f"{said.message} {said.codes}") is FailureKind.SERVER_ERROR


def with_path_advice(said: Complaint) -> Complaint:
    """Return the complaint for a server that serves nothing at the given address nor below /v1."""
    found = said.message or "nothing is there"
    return replace(said, message=f"{found}; base_url names no path, and {V1} serves nothing")
