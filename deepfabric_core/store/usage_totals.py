"""Add up what a run has spent: the saved totals, and the log lines that were written after they were saved."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

from deepfabric_core.chat.messages import Spent, Usage
from deepfabric_core.errors import ConfigError
from deepfabric_core.store.append_log import read_line
from deepfabric_core.store.checkpoint_files import CheckpointFiles, Metadata
from deepfabric_core.store.files import reason


def with_unsaved(known: Metadata, files: CheckpointFiles) -> Metadata:
    """Return the metadata with the calls added that were made after it was saved; each call is in exactly one line.

    Raises:
        ConfigError: a file can't be read.
    """
    spent = Spent(known.calls, Usage(known.prompt_tokens, known.completion_tokens, known.cost, known.cached_tokens))
    spent, samples = _added(spent, files.samples, known.samples_bytes)
    spent, rejected = _added(spent, files.rejected, known.rejected_bytes)
    spent, expansions = _added(spent, files.expansions, known.expansions_bytes)
    spent, steps = _added(spent, files.steps, known.steps_bytes)
    return replace(
        known,
        calls=spent.attempts,
        **asdict(spent.usage),
        samples_bytes=samples,
        rejected_bytes=rejected,
        expansions_bytes=expansions,
        steps_bytes=steps,
    )


def _added(spent: Spent, path: Path, begin: int) -> tuple[Spent, int]:
    """Add the usage in the complete lines of a file from an offset on; return also where the last of them ends."""
    try:
        with path.open("rb") as file:
            begin = files = file.seek(min(begin, path.stat().st_size))
            for line in file:
                files += len(line)
                content = read_line(line)
                if content is not None:
                    for own in (content.get("rest") or content, content.get("judging") or {}):
                        spent = Spent(spent.attempts + own.get("attempts", 0), spent.usage + Usage.of(own))
                    begin = files
    except FileNotFoundError:
        return spent, 0
    except OSError as problem:
        raise ConfigError(f"{path} can't be read: {reason(problem)}.") from problem
    return spent, begin
