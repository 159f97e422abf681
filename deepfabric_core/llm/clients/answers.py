"""Answers that neither client takes: redirects, bodies that are too large, and servers that serve nothing there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from deepfabric_core.errors import FailureKind, ModelError
from deepfabric_core.llm.error_mapping import Complaint, kind_of, model_error
from deepfabric_core.web.addresses import destination
from deepfabric_core.web.bodies import BodyError, DamagedBodyError

# No honest reply is as large: a million tokens, more than any model writes at once, take some 10 MB at most.
LARGEST_REPLY_BYTES = 16 << 20
# What says why a call failed is some kilobytes.
LARGEST_ERROR_BYTES = 1 << 20

REDIRECTS = range(300, 400)
NOT_FOUND = 404
# Where most servers answer whose base_url is given without a path.
V1 = "/v1"

_LOWEST_ERROR = 400


def limit_for(status: int) -> int:
    """How many bytes an answer of this status may have, decompressed."""
    return LARGEST_REPLY_BYTES if status < _LOWEST_ERROR else LARGEST_ERROR_BYTES


def redirected(name: str, status: int | None, headers: Mapping[str, str], asked: str) -> ModelError:
    """The error for a redirect: whoever followed it would take the key along."""
    place = destination(headers.get("Location"), asked)
    answers = "" if status is None else f"answers HTTP {status} and "
    text = f"it {answers}redirects to {place}, which is not followed"
    advice = "set base_url to the address that answers"
    return model_error(name, f"{text}; {advice}", status=status, headers=headers, kind=FailureKind.BAD_REQUEST)


def unusable(name: str, problem: BodyError, status: int, headers: Mapping[str, str]) -> ModelError:
    """The error for an answer whose body isn't read to its end; it is of the kind that its status says."""
    if status < _LOWEST_ERROR:
        text = f"the answer {problem}"
        kind = FailureKind.CONNECTION if isinstance(problem, DamagedBodyError) else FailureKind.INVALID_REPLY
        return model_error(name, text, status=None, headers=headers, kind=kind)
    return model_error(name, f"the answer (HTTP {status}) {problem}", status=status, headers=headers)


def unserved(said: Complaint) -> bool:
    """Whether a 404 says that nothing is served at the address, rather than that there is no such model."""
    return kind_of(None, f"{said.message} {said.codes}") is FailureKind.SERVER_ERROR


def nowhere(said: Complaint) -> Complaint:
    """What is said when the address as it was given and that under /v1 serve nothing."""
    found = said.message or "nothing is there"
    return replace(said, message=f"{found}; base_url names no path, and {V1} serves nothing")
