"""Generate training data for language models from a short config, as a library or on the `deepfabric` command line.

The names below are the public API. Each is imported when it is first used, so importing this package is fast::

    loaded = deepfabric_core.load(yaml_text, source="config.yaml")
    state = await deepfabric_core.generate(Job(loaded.config), emit=print, stop=Stop())
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deepfabric_core.config.load import Loaded, load
    from deepfabric_core.config.schema import Config
    from deepfabric_core.errors import ConfigError, DeepFabricError, FailureKind, ModelError, OutputError
    from deepfabric_core.events import Event
    from deepfabric_core.run.job import Job
    from deepfabric_core.run.pipeline import generate  # the one of `cluster` takes a part of its arguments
    from deepfabric_core.run.state import RunState
    from deepfabric_core.stop import Stop
    from deepfabric_core.store.topics_file import load_topics
    from deepfabric_core.topics.model import Topics

__version__ = "0.1.0"

_HOMES = {
    "Config": "config.schema",
    "ConfigError": "errors",
    "DeepFabricError": "errors",
    "Event": "events",
    "FailureKind": "errors",
    "Job": "run.job",
    "Loaded": "config.load",
    "ModelError": "errors",
    "OutputError": "errors",
    "RunState": "run.state",
    "Stop": "stop",
    "Topics": "topics.model",
    "generate": "cluster.generate",
    "load": "config.load",
    "load_topics": "store.topics_file",
}

__all__ = [
    "Config",
    "ConfigError",
    "DeepFabricError",
    "Event",
    "FailureKind",
    "Job",
    "Loaded",
    "ModelError",
    "OutputError",
    "RunState",
    "Stop",
    "Topics",
    "generate",
    "load",
    "load_topics",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return list(__all__)
