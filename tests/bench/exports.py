"""How fast an export is beside reading and writing the same lines bare: `python -m tests.bench.exports 200000`.

Each is done in a process of its own, which tells its peak memory. The samples are some of the simulated model's, again
and again.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from tests.bench.frames import AGENT, big_run

_DISTINCT, _AT_ONCE = 200, 2000


def bare(dataset: Path, output: Path) -> None:
    """Parse each line and write its messages, as one JSON text, to a Parquet file."""
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    schema = pa.schema([("messages", pa.string())])
    with dataset.open("rb") as file, pq.ParquetWriter(output, schema, compression="zstd") as writer:
        while lines := list(islice(file, _AT_ONCE)):
            texts = [json.dumps(json.loads(line)["messages"], ensure_ascii=False) for line in lines]
            writer.write_table(pa.table([texts], schema=schema))


def ours(dataset: Path, output: Path) -> None:
    """Export for TRL."""
    from deepfabric_core.export.export import ExportRequest, export
    from deepfabric_core.export.find_format import find_format

    export(ExportRequest(dataset, find_format("trl"), output, "reasoning_content"))


def measured(way: str, dataset: Path, output: Path) -> dict[str, Any]:
    """Return the processor seconds and the peak memory, in MB, of one way in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.exports", way, str(dataset), str(output)]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return found


def repeated(path: Path, samples: int, folder: Path, **generation: Any) -> Path:
    """Write a dataset of so many samples, made of a few."""
    lines = big_run(folder, _DISTINCT, **generation).dataset.read_bytes().splitlines(keepends=True)
    with path.open("wb") as file:
        file.writelines(islice(cycle(lines), samples))
    return path


def compare(samples: int, **generation: Any) -> str:
    """Return a line for each way, of samples of one kind."""
    with tempfile.TemporaryDirectory() as folder:
        dataset = repeated(Path(folder) / "many.jsonl", samples, Path(folder), **generation)
        found = {way: measured(way, dataset, Path(folder) / f"{way}.parquet") for way in ("bare", "ours")}
        size = dataset.stat().st_size / 1e6
    told = [f"{samples:,} samples, {size:.0f} MB: {found['bare']['seconds'] / found['ours']['seconds']:.2f} of bare"]
    told += [
        f"  {way:5} {samples / one['seconds']:8,.0f} samples/s  {one['peak']:4.0f} MB at the peak"
        for way, one in found.items()
    ]
    return "\n".join(told)


def main(words: list[str]) -> None:
    """Compare, or do one way and tell what it took."""
    if words[:1] not in (["bare"], ["ours"]):
        for count in map(int, words or ["200000"]):
            for kind in ({}, AGENT):
                sys.stdout.write(f"{compare(count, **kind)}\n")
        return
    began = time.process_time()
    {"bare": bare, "ours": ours}[words[0]](Path(words[1]), Path(words[2]))
    taken = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(json.dumps({"seconds": taken, "peak": peak}))


if __name__ == "__main__":
    main(sys.argv[1:])
