"""Prepare what is published in a folder: the data, the picture of the topics and the card."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from deepfabric_core.errors import ConfigError, OutputError
from deepfabric_core.export.conversation import Turn, conversation_of
from deepfabric_core.export.entries import Dataset, open_dataset
from deepfabric_core.hub.data_files import SHARD_BYTES, write_data
from deepfabric_core.hub.dataset_card import CardFacts
from deepfabric_core.hub.prepared import Prepared
from deepfabric_core.hub.publication import PICTURE, Publication
from deepfabric_core.pictures.svg import svg
from deepfabric_core.quality.report.review_counts import review_counts
from deepfabric_core.run.report.make_report import ReportRequest, make_report
from deepfabric_core.samples.reading import JournalLine, path_of
from deepfabric_core.store.append_log import whole_lines
from deepfabric_core.store.files import reason
from deepfabric_core.store.rejected_log import rejected_path
from deepfabric_core.store.topics_file import load_topics
from deepfabric_core.topics.formats import parse_topics
from deepfabric_core.topics.model import TopicPath, Topics

_ACCEPTED = "accepted.jsonl"
_MOST_PATHS = 5000
_LONGEST_TURN = 1500
_LONGEST_CALL = 300


def prepare(
    wanted: Publication, folder: Path, *, place: str, is_on_kaggle: bool = False, shard_bytes: int = SHARD_BYTES
) -> Prepared:
    """Write what is published below a folder, all but the card, and return it.

    Args:
        wanted: what to publish.
        folder: an empty folder, which also takes what is only needed meanwhile.
        place: how the dataset is named where it is loaded from.
        is_on_kaggle: whether that is Kaggle, instead of the Hugging Face hub.
        shard_bytes: from how many bytes on another file is begun.

    Raises:
        ConfigError: the dataset can't be read, a format isn't known, or pyarrow isn't installed.
        OutputError: there is nothing to publish, or the folder can't be written.
    """
    files = folder / "files"
    try:
        files.mkdir(parents=True)
        configs = write_data(wanted, files, shard_bytes=shard_bytes)
        dataset = open_dataset(wanted.dataset, "records")
        topics = _topics(wanted, dataset)
        if topics is not None:
            (files / PICTURE).write_bytes(svg(topics).encode())
        report = _report(wanted, dataset, folder)
    except OSError as problem:
        raise OutputError(f"{folder} can't be written: {reason(problem)}; nothing was uploaded.") from problem
    first = next((entry.record for entry in dataset.entries("records")), {})
    facts = CardFacts(
        name=wanted.name,
        place=place,
        made_on=_day(wanted.dataset),
        report=report,
        configs=configs,
        subject=_subject(wanted, topics),
        system_prompt=_system_prompt(first),
        sample=_as_text(first),
        description=wanted.description,
        license=wanted.license,
        run=wanted.run,
        has_picture=topics is not None,
        is_on_kaggle=is_on_kaggle,
    )
    return Prepared(files, facts, wanted.tags)


def _day(dataset: Path) -> str:
    """Return the day on which the dataset was completed, so that the same file always has the same card."""
    return datetime.fromtimestamp(dataset.stat().st_mtime, UTC).date().isoformat()


def _report(wanted: Publication, dataset: Dataset, folder: Path) -> Mapping[str, Any]:
    """Return the report on what is published: without what people rejected, and as they edited it."""
    topics = _topics_file(wanted)
    if not dataset.reviews.decisions:
        return make_report(ReportRequest(wanted.dataset, topics=topics))
    accepted = folder / _ACCEPTED
    with accepted.open("wb") as file:
        for entry in dataset.entries("records"):
            file.write(json.dumps(entry.record).encode() + b"\n")
    if rejected_path(wanted.dataset).is_file():
        shutil.copyfile(rejected_path(wanted.dataset), rejected_path(accepted))
    report = make_report(ReportRequest(accepted, topics=topics))
    return {**report, "reviews": review_counts(whole_lines(wanted.dataset), dataset.reviews)}


# ---- topics


def _topics_file(wanted: Publication) -> Path | None:
    """Return the file of topics that the config names, or that stands beside the dataset."""
    stem = wanted.dataset.stem
    named = [wanted.run.topics.save_as] if wanted.run and wanted.run.topics.save_as else []
    beside = [wanted.dataset.with_name(f"{stem}_topics{ending}") for ending in (".jsonl", ".json")]
    return next((path for path in (*map(Path, named), *beside) if path.is_file()), None)


def _topics(wanted: Publication, dataset: Dataset) -> Topics | None:
    """Return the topics: those of the file or, without one, those of the samples."""
    path = _topics_file(wanted)
    try:
        if path is not None:
            return load_topics(path)[0]
        paths = dict.fromkeys(path_of(entry.record) for entry in dataset.entries("records"))
        return _tree_of(islice(filter(None, paths), _MOST_PATHS))
    except ConfigError:  # a picture can be done without
        return None


def _tree_of(paths: Iterable[TopicPath]) -> Topics | None:
    lines = [json.dumps({"path": path}) for path in paths]
    return parse_topics("\n".join(lines), source="topics of the samples")[0] if lines else None


def _subject(wanted: Publication, topics: Topics | None) -> str:
    if wanted.run is not None:
        return wanted.run.topics.prompt
    return topics.by_id[topics.root].name if topics is not None else ""


# ---- a sample


def _system_prompt(record: JournalLine) -> str:
    conversation = conversation_of(record) if record else None
    return conversation.system if conversation else ""


def _as_text(record: JournalLine) -> str:
    """Return a sample as text: its turns, or its JSON if it is no conversation."""
    conversation = conversation_of(record) if record else None
    if conversation is None:
        return json.dumps({**record}, ensure_ascii=False, indent=1, default=str) if record else ""
    return "\n\n".join(map(_turn, conversation.spoken))


def _turn(turn: Turn) -> str:
    calls = [f"calls {call.name}({_cut(call.arguments_text, _LONGEST_CALL)})" for call in turn.calls]
    thought = [f"(thinks) {_cut(turn.reasoning, _LONGEST_TURN)}"] if turn.reasoning else []
    said = [_cut(turn.content, _LONGEST_TURN)] if turn.content else []
    return f"[{turn.role}]\n" + "\n".join([*thought, *said, *calls])


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest].rstrip()} …"
