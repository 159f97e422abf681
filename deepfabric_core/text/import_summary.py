"""What an import tells: what was written, what is kept aside, and which records couldn't be read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from deepfabric_core.imports.import_dataset import ImportResult
from deepfabric_core.store.rejected_log import rejected_path
from deepfabric_core.store.review_log import reviews_path
from deepfabric_core.wording import counted, digits

_SHOWN = 8


def import_summary(result: ImportResult) -> str:
    """Return the sentence on what was written."""
    formats = ", ".join(
        f"{name} ({digits(count)})" if len(result.formats) > 1 else name for name, count in result.formats.most_common()
    )
    topics = "" if not result.with_topic else f"; {digits(result.with_topic)} of them name their topic"
    return f"{result.output} has {counted(result.samples, 'sample')}, read as {formats}{topics}."


def import_notes(result: ImportResult) -> Iterator[str]:
    """Yield a sentence for each thing that people have to know of an import."""
    if result.kept:
        named = [f"{name} (of {digits(count)})" for name, count in result.kept.most_common(_SHOWN)]
        more = len(result.kept) - len(named)
        yield f"kept in metadata.more: {', '.join(named)}{f' and {digits(more)} more' if more > 0 else ''}."
    if result.unanswered:
        yield f"{counted(result.unanswered, 'sample')} without an answer: a prompt alone teaches a model nothing."
    if result.worse:
        where = _name(rejected_path(result.output))
        yield f"{where} has {counted(result.worse, 'answer')} that another one was preferred to; export trl-preference."
    if result.bad:
        where = _name(reviews_path(result.output))
        yield f"{counted(result.bad, 'answer')} labelled as bad: rejected in {where}; export trl-kto has them."


def unreadable_lines(result: ImportResult) -> Iterator[str]:
    """Yield a sentence for each reason for which records couldn't be read."""
    for why, found in result.unreadable.items():
        more = found.count - len(found.first)
        places = ", ".join(found.first) + (f" and {digits(more)} more" if more > 0 else "")
        yield f"not read, {counted(found.count, 'record')} ({places}): {why}."


def _name(path: Path) -> str:
    return path.name
