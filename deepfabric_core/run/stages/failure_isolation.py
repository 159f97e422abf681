"""Run the work on one item of a stage (a sample or an expansion), so that its failure doesn't affect other items."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Awaitable
from typing import TypeVar

from deepfabric_core.errors import DeepFabricError, FailureKind, ModelError, OutputError, RunAborted, redacted_errors
from deepfabric_core.redaction import Redactor
from deepfabric_core.stop import Stopped

_log = logging.getLogger(__name__)
T = TypeVar("T")

_SHOWN_CHARACTERS = 300


async def attempt(work: Awaitable[T], path: tuple[str, ...], hide: Redactor) -> T:
    """Return the result of the work on a topic path.

    Raises:
        ModelError: it failed, and its sentence holds no secret; a bug is a failure of kind INTERNAL, whose traceback is
            logged at debug level.
        OutputError: its result can't be kept, which concerns the whole run.
        RunAborted: it showed that the whole run can't go on.
        Stopped: a stop came before it was begun.
    """
    try:
        with redacted_errors(hide.known):
            return await work
    except (ModelError, OutputError, RunAborted, Stopped):
        raise
    except DeepFabricError as problem:
        raise ModelError(str(problem), kind=FailureKind.INTERNAL) from problem
    except Exception as problem:
        _log.debug("the work on %s failed\n%s", " > ".join(path), hide(traceback.format_exc()))
        said = hide(f"{type(problem).__name__}: {problem}")[:_SHOWN_CHARACTERS]
        raise ModelError(said, kind=FailureKind.INTERNAL) from problem
