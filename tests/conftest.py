"""What all tests share: they run the same in the background, where shells and nohup have signals ignored."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import tempfile
from contextlib import suppress

with suppress(ImportError):  # some environments have only what their tests need
    from hypothesis import settings

    # In CI it has a profile of its own, without a deadline too.
    settings.register_profile("on any machine", deadline=None)
    if not os.environ.get("CI"):
        settings.load_profile("on any machine")

_BACKGROUND = (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM)


def _go_on(*_: object) -> None:
    """Ignore a signal here. Unlike `SIG_IGN` this isn't inherited: what the tests start has the usual way."""


# What runs remember of servers and of each other is forgotten after the tests, and nobody's own memory is touched.
for variable in ("XDG_CACHE_HOME", "XDG_DATA_HOME"):
    os.environ[variable] = tempfile.mkdtemp(prefix="deepfabric-tests-")
    atexit.register(shutil.rmtree, os.environ[variable], ignore_errors=True)

for number in _BACKGROUND:
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, _go_on)
