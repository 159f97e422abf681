"""What all tests share: they run the same in the background, where shells and nohup have signals ignored."""

from __future__ import annotations

import os
import signal
import tempfile

_BACKGROUND = (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM)


def _go_on(*_: object) -> None:
    """Ignore a signal here. Unlike `SIG_IGN` this isn't inherited: what the tests start has the usual way."""


# What runs remember of servers and of each other is forgotten after the tests, and nobody's own memory is touched.
for variable in ("XDG_CACHE_HOME", "XDG_DATA_HOME"):
    os.environ[variable] = tempfile.mkdtemp(prefix="deepfabric-tests-")

for number in _BACKGROUND:
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, _go_on)
