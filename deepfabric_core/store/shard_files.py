"""The files of a run that is made in shards: a folder for each shard, and the mark that says that it is finished.

    <dataset>.shards/layout.json         how the plan is cut
    <dataset>.shards/stored              the name of the run where its shards are stored, if that is at an address
    <dataset>.shards/compared            no sample repeats one of another shard, as far as that can be helped
    <dataset>.shards/delivered           the dataset is in its place, and nothing here is wanted any more
    <dataset>.shards/0007/               a checkpoint of its own, and once it is finished:
    <dataset>.shards/0007/samples.jsonl  its samples, in the order of the plan
    <dataset>.shards/0007/shard.json     the mark, with what it took

Presence is the state: a shard with a mark is finished, any other one goes on from what its checkpoint holds.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from deepfabric_core.amounts import Spending, Spent, Usage, together
from deepfabric_core.errors import ConfigError, FailureKind, OutputError
from deepfabric_core.samples.reading import key_of
from deepfabric_core.samples.reviews import sample_id, standing
from deepfabric_core.samples.shards import Layout, Shard
from deepfabric_core.store.append_log import read_line, whole_lines
from deepfabric_core.store.checkpoint_files import CheckpointFiles, Metadata, recovered_metadata
from deepfabric_core.store.failure_log import of_samples
from deepfabric_core.store.files import reason, replace_file
from deepfabric_core.store.review_log import reviews_of
from deepfabric_core.store.usage_totals import with_unsaved

_NAME = "samples"
_DIGITS = 4
_SAMPLE = b', "sample": '


@dataclass(frozen=True, slots=True)
class ShardTotals:
    """What a shard, or several, has made, failed, rejected and spent. `blocks` are the samples made in each cycle.

    `planned` is how many it has to make; a mark of fewer is one of a smaller plan.
    """

    planned: int = 0
    made: int = 0
    blocks: tuple[int, ...] = ()
    failures: Mapping[FailureKind, int] = field(default_factory=dict)
    rejected: Mapping[str, int] = field(default_factory=dict)
    kept: int = 0
    calls: int = 0
    usage: Usage = field(default_factory=Usage)
    spending: Spending = field(default_factory=dict)

    @property
    def failed(self) -> int:
        """Samples that couldn't be made."""
        return sum(self.failures.values())

    def plus(self, more: ShardTotals) -> ShardTotals:
        """Return the sum; it has no blocks."""
        return ShardTotals(
            self.planned + more.planned,
            self.made + more.made,
            (),
            dict(Counter(self.failures) + Counter(more.failures)),
            dict(Counter(self.rejected) + Counter(more.rejected)),
            self.kept + more.kept,
            self.calls + more.calls,
            self.usage + more.usage,
            together(self.spending, more.spending),
        )


@dataclass(frozen=True, slots=True)
class ShardFiles:
    """The files of one shard."""

    folder: Path

    @property
    def dataset(self) -> Path:
        """Its samples, once it is finished."""
        return self.folder / f"{_NAME}.jsonl"

    @property
    def topics(self) -> Path:
        """Its topics."""
        return self.folder / "topics"

    @property
    def checkpoint(self) -> CheckpointFiles:
        """Its checkpoint."""
        return CheckpointFiles(self.folder, _NAME)

    @property
    def mark(self) -> Path:
        """The mark that it is finished."""
        return self.folder / "shard.json"

    def finish(self, totals: ShardTotals) -> None:
        """Write the mark.

        Raises:
            OutputError: it can't be written.
        """
        replace_file(self.mark, [json.dumps(asdict(totals)).encode()])

    def finished(self) -> ShardTotals | None:
        """Return what the mark tells; None if there is none, or it can't be read."""
        try:
            return TypeAdapter(ShardTotals).validate_json(self.mark.read_bytes())
        except (OSError, ValueError):
            return None

    def totals(self) -> ShardTotals:
        """Return what the shard has made and spent so far, finished or not.

        Raises:
            ConfigError: its files can't be read.
        """
        return self.finished() or self.unfinished()

    def unfinished(self) -> ShardTotals:
        """Return what the checkpoint of the shard holds, without blocks.

        Raises:
            ConfigError: its files can't be read.
        """
        files = self.checkpoint
        if not files.exists:
            return ShardTotals()
        known = with_unsaved(recovered_metadata(files)[0], files)
        return replace(self._counted(), planned=known.samples_wanted, **_spent(known))

    def complete(self, shard: Shard) -> ShardTotals:
        """Return what the checkpoint of a shard holds that is finished.

        Raises:
            ConfigError: its files can't be read.
        """
        known = recovered_metadata(self.checkpoint)[0]
        return replace(self._counted(shard.cycles), planned=len(shard), **_spent(known))

    def _counted(self, cycles: range = range(0)) -> ShardTotals:
        """Return how many samples the checkpoint holds, of each cycle, and how many have failed or were rejected."""
        files, kept = self.checkpoint, 0
        made: set[tuple[str, int]] = set()
        for head in _heads(files.samples):
            made.add((head["topic_id"], head["cycle"]))
            kept += "kept" in head
        made -= self._without_sample()
        failed = {(line.get("topic_id"), line.get("cycle")): line for line in of_samples(whole_lines(files.failures))}
        kinds = Counter(FailureKind(line["kind"]) for key, line in failed.items() if key not in made)
        rejected = Counter(head["check"] for head in _heads(files.rejected))
        by_cycle = Counter(cycle for _, cycle in made)
        blocks = tuple(by_cycle[cycle] for cycle in cycles)
        return ShardTotals(0, len(made), blocks, dict(kinds), dict(rejected), kept)

    def _without_sample(self) -> set[tuple[str, int]]:
        """Return the work items whose samples were all rejected in review."""
        out = reviews_of(self.dataset).rejected()
        if not out:
            return set()
        lines = list(whole_lines(self.checkpoint.samples))
        found = ((number, key_of(line) or number, line["sample"]) for number, line in enumerate(lines))
        stands = standing(found, lambda record: sample_id(record) in out).accepted
        return {key for line in lines if (key := key_of(line)) is not None and key not in stands}


def _spent(known: Metadata) -> dict[str, Any]:
    return {"calls": known.calls, "usage": known.spent.usage, "spending": known.spending}


def _heads(path: Path) -> Iterator[dict[str, Any]]:
    """Yield what stands before the sample in each line of a log of samples, without reading the samples."""
    try:
        with path.open("rb") as file:
            for line in file:
                head, found, _ = line.partition(_SAMPLE)
                if found and line.endswith(b"\n") and (content := read_line(head + b"}")) is not None:
                    yield content
    except FileNotFoundError:
        return
    except OSError as problem:
        raise ConfigError(f"{path} can't be read: {reason(problem)}.") from problem


@dataclass(frozen=True, slots=True)
class ShardsFolder:
    """The folder of all shards of a run."""

    path: Path

    @staticmethod
    def of(dataset: Path, storage: str | None = None) -> ShardsFolder:
        """Return the folder for a dataset: beside it, or in a folder for such."""
        name = f"{dataset.stem}.shards"
        is_folder = storage is not None and "://" not in storage
        return ShardsFolder(Path(storage) / name if storage and is_folder else dataset.with_name(name))

    @property
    def exists(self) -> bool:
        """Whether anything is there that a run goes on from."""
        return self._layout.exists() and not self.delivered.exists()

    @property
    def delivered(self) -> Path:
        """The mark that the dataset is in its place."""
        return self.path / "delivered"

    @property
    def compared(self) -> Path:
        """The mark that the shards were compared with each other."""
        return self.path / "compared"

    @property
    def _layout(self) -> Path:
        return self.path / "layout.json"

    @property
    def name_in_storage(self) -> str:
        """The name of the run where its shards are stored; "" if they aren't at an address."""
        try:
            return (self.path / "stored").read_text(encoding="utf-8")
        except OSError:
            return ""

    def keep_name_in_storage(self, name: str) -> None:
        """Note the name of the run where its shards are stored.

        Raises:
            OutputError: it can't be written.
        """
        replace_file(self.path / "stored", [name.encode()])

    def shard(self, number: int) -> ShardFiles:
        """Return the files of a shard."""
        return ShardFiles(self.path / f"{number:0{_DIGITS}}")

    def all(self) -> Iterator[ShardFiles]:
        """Yield the files of each shard that was begun."""
        for folder in sorted(self.path.glob("[0-9]" * _DIGITS + "*")):
            yield ShardFiles(folder)

    def totals(self) -> ShardTotals:
        """Return the sum over all shards.

        Raises:
            ConfigError: a file can't be read.
        """
        sums = ShardTotals()
        for shard in self.all():
            sums = sums.plus(shard.totals())
        return sums

    def layout(self) -> Layout | None:
        """Return how the plan was cut; None if nothing was begun.

        Raises:
            ConfigError: the file can't be read.
        """
        try:
            return TypeAdapter(Layout).validate_json(self._layout.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as problem:
            raise ConfigError(f"{self._layout}: it can't be read; begin anew with --fresh.") from problem

    def keep_layout(self, layout: Layout) -> None:
        """Note how the plan is cut.

        Raises:
            OutputError: it can't be written.
        """
        replace_file(self._layout, [json.dumps(asdict(layout)).encode()])

    def move_aside(self) -> Path:
        """Rename the folder to make room for another one; return its new path.

        Raises:
            OutputError: it can't be renamed.
        """
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        aside, number = self.path.with_name(f"{self.path.name}-{stamp}"), 1
        while aside.exists():
            number += 1
            aside = self.path.with_name(f"{self.path.name}-{stamp}-{number}")
        try:
            return self.path.rename(aside)
        except OSError as problem:
            raise OutputError(f"{self.path} can't be moved aside: {reason(problem)}.") from problem

    def remove(self) -> None:
        """Delete the folder, as far as that can be done; it is marked as delivered first."""
        if self.path.exists():
            replace_file(self.delivered, [])
            shutil.rmtree(self.path, ignore_errors=True)
            with suppress(OSError):
                self.path.rmdir()


def with_shards(known: Metadata, folder: ShardsFolder) -> Metadata:
    """Return the metadata of a run with what its shards hold, which know better than what was saved.

    Raises:
        ConfigError: a file can't be read.
    """
    if not folder.exists:
        return known
    sums = folder.totals()
    if folder.name_in_storage and sums.made < known.samples_done:
        return known  # what is stored elsewhere isn't all here
    topics = known.spending.get("topics", Spent())
    usage: dict[str, Any] = asdict(topics.usage + sums.usage)
    return replace(
        known,
        samples_done=sums.made,
        samples_failed=sums.failed,
        samples_rejected=sum(sums.rejected.values()),
        calls=topics.attempts + sums.calls,
        **usage,
        spending=together({"topics": topics} if topics.attempts else {}, sums.spending),
    )
