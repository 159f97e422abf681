"""Datasets from a notebook: `%load_ext deepfabric_nb`, then a config below `%%deepfabric`.

The same from Python::

    df = await deepfabric_nb.run(config)      # a DataFrame, a row per sample
    run = deepfabric_nb.start(config)         # a handle; the notebook goes on
    df = deepfabric_nb.load("dataset.jsonl")  # any dataset, also DeepFabric's
    tea = deepfabric_nb.import_dataset("tea.parquet")  # what another tool wrote, as a dataset of ours
    judged = await deepfabric_nb.judge(run, model="gpt-4o-mini")  # scored by a model
    deepfabric_nb.export(run, to="trl", check="qwen3")  # for a trainer, and checked
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deepfabric_nb.api import export, import_dataset, judge, load, run, start, upload
    from deepfabric_nb.extension import load_ipython_extension, unload_ipython_extension
    from deepfabric_nb.graph.topic_graph import TopicGraph
    from deepfabric_nb.runs.run import Run
    from deepfabric_nb.samples.exported import Exported
    from deepfabric_nb.samples.samples_view import Samples

_HOMES = {
    "Exported": "samples.exported",
    "Run": "runs.run",
    "Samples": "samples.samples_view",
    "TopicGraph": "graph.topic_graph",
    "export": "api",
    "import_dataset": "api",
    "judge": "api",
    "load": "api",
    "load_ipython_extension": "extension",
    "run": "api",
    "start": "api",
    "unload_ipython_extension": "extension",
    "upload": "api",
}

__all__ = [
    "Exported",
    "Run",
    "Samples",
    "TopicGraph",
    "export",
    "import_dataset",
    "judge",
    "load",
    "load_ipython_extension",
    "run",
    "start",
    "unload_ipython_extension",
    "upload",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return list(__all__)
