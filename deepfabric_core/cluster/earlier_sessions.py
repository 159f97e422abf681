"""What earlier sessions of a run left in its shards, and where it is."""

from __future__ import annotations

from deepfabric_core.cluster.shard_storage import ShardStorage, again_and_again, is_address
from deepfabric_core.errors import ConfigError
from deepfabric_core.events import Notice
from deepfabric_core.run.pipeline import SamplesWork
from deepfabric_core.store.files import holds_something
from deepfabric_core.wording import counted


def make_room(work: SamplesWork) -> None:
    """Move the shards of a run aside that isn't gone on with.

    Raises:
        ConfigError: the samples so far weren't made in shards, or these are gone.
    """
    folder, storage, before = work.job.shards, work.job.config.run.storage, work.checkpoint.samples_before
    if holds_something(work.checkpoint.files.samples):
        raise ConfigError(
            "The samples so far were made by one process: go on with --engine local, or begin anew by --fresh."
        )
    if before and not folder.path.exists() and not (storage and is_address(storage)):
        raise ConfigError(
            f"{folder.path} isn't there, which held {counted(before, 'sample')}: put it back, or begin anew by --fresh."
        )
    if folder.delivered.exists() and not work.job.keep and not work.checkpoint.is_resumed:
        folder.remove()
    elif folder.path.exists() and not work.checkpoint.is_resumed:
        work.sink(Notice(f"What an earlier run left is kept in {folder.move_aside()}"))


async def mirrored(work: SamplesWork) -> ShardStorage | None:
    """Have here what earlier sessions stored at an address, if shards are stored at one.

    Raises:
        ConfigError: it can't be used.
        OutputError: it can't be read.
    """
    address, folder = work.job.config.run.storage, work.job.shards
    if address is None or not is_address(address):
        return None
    storage = ShardStorage(address, folder.name_in_storage or f"{folder.path.name}-{work.checkpoint.run_id}")
    folder.keep_name_in_storage(storage.run)

    def pull() -> None:
        for name in storage.numbers():
            files = folder.shard(int(name))
            if files.finished() is None:
                storage.mirror(files).pull()

    await again_and_again(pull)
    return storage
