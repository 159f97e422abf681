"""The work on one item of a stage, a sample or a topic's expansion: what goes wrong with it costs no other one."""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from typing import TypeVar

from deepfabric_core.errors import FailureKind, ModelError
from deepfabric_core.llm.keys import redact
from deepfabric_core.stop import Stopped

_log = logging.getLogger(__name__)
T = TypeVar("T")

_SHOWN_CHARACTERS = 300


async def attempt(work: Awaitable[T], path: tuple[str, ...]) -> T:
    """What the work on a topic's path comes to.

    Raises:
        ModelError: it failed; a bug is a failure of kind INTERNAL, whose traceback is for whoever runs with --debug.
        Stopped: a stop came before it was begun.
    """
    try:
        return await work
    except (ModelError, Stopped):
        raise
    except Exception as problem:
        _log.debug("the work on %s failed", " > ".join(path), exc_info=True)
        said = redact(f"{type(problem).__name__}: {problem}")[:_SHOWN_CHARACTERS]
        raise ModelError(said, kind=FailureKind.INTERNAL) from problem
