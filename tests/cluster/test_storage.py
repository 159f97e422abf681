"""A run whose shards are stored in an S3 that has no appending: nothing is shared but the network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deepfabric_core import Job
from deepfabric_core.cluster.shard_storage import ShardStorage
from deepfabric_core.errors import ConfigError
from tests.cluster.conftest import kill_process_of
from tests.cluster.test_cluster import WhenHalfDone, done, local
from tests.provider import LocalProvider

_WIDTH = 12


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """A bucket of a server that speaks S3; workers get its address and keys from the driver."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        ShardStorage("s3://runs", "").filesystem.mkdir("runs")
        yield "s3://runs/of-tea"
    server.stop()


def stored(job: Job, address: str) -> Job:
    """The job with its shards at an address."""
    run = job.config.run.model_copy(update={"storage": address})
    return replace(job, config=job.config.model_copy(update={"run": run}))


def test_a_run_with_shards_in_s3_survives_a_killed_worker_and_leaves_nothing_there(
    cluster: Any, job: Job, server: LocalProvider, bucket: str, tmp_path: Path
) -> None:
    job = stored(job, bucket)
    state = done(job, WhenHalfDone(lambda: kill_process_of("WorkerActor")))
    assert (state.ending, state.samples_done) == ("complete", 400)
    assert job.dataset.read_bytes() == local(job, tmp_path)
    # What the lost worker got in its last second wasn't stored yet.
    assert server.counts.requests <= 2 * 400 + _WIDTH + 200
    assert not ShardStorage(bucket, "").filesystem.find(bucket)


def test_a_run_that_was_stopped_goes_on_from_s3_alone(
    cluster: Any, job: Job, server: LocalProvider, bucket: str, tmp_path: Path
) -> None:
    from deepfabric_core import Stop

    job, stop = stored(job, bucket), Stop()
    first = done(job, WhenHalfDone(stop.request), stop)
    assert first.ending == "stopped" and 0 < first.samples_done < 400
    for folder in job.shards.path.glob("[0-9]*"):  # the next driver may be on another machine
        for file in folder.iterdir():
            file.unlink()
    second = done(replace(job, resume=True))
    assert (second.ending, second.samples_done, server.counts.requests) == ("complete", 400, 400)
    assert job.dataset.read_bytes() == local(job, tmp_path)


def test_a_bucket_that_is_not_there_is_one_sentence_before_anything_is_paid(
    cluster: Any, job: Job, server: LocalProvider, bucket: str
) -> None:
    with pytest.raises(ConfigError, match=r"^run.storage: s3://no-such-bucket/x can't be used: .+"):
        done(stored(job, "s3://no-such-bucket/x"))
    assert server.counts.requests == 0
