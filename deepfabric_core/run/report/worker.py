"""A process that adds up chunks: it reads a JSON line for each, and writes its sums to standard output.

It isn't started by `multiprocessing`, which would run the user's script again, and with it all that the script pays
for.
"""

from __future__ import annotations

import gc
import json
import os
import pickle
import signal
import sys
from pathlib import Path

from deepfabric_core.run.report.chunks import Chunk
from deepfabric_core.run.report.measure_chunk import measure_chunk
from deepfabric_core.run.report.measures import measures


def main() -> None:
    """Answer requests until standard input ends. Ctrl-C is left to the process that asks."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        ways = measures()
        # Nothing here makes circles, and looking for them takes a tenth of the time.
        gc.freeze()
        gc.disable()
        for line in sys.stdin.buffer:
            path, *chunk = json.loads(line)
            pickle.dump(measure_chunk(Path(path), Chunk(*chunk), ways), answers)
            answers.flush()
            gc.collect()
