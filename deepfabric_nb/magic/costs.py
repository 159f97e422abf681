"""`costs`: a table of the past runs of this machine, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepfabric_core.store.budget_ledger import named_budgets
from deepfabric_core.store.run_history import past_runs
from deepfabric_core.text.costs_table import costs_as_json

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = (
    "began_at",
    "config",
    "models",
    "samples",
    "calls",
    "prompt_tokens",
    "completion_tokens",
    "cached_tokens",
    "cost",
    "unpriced_calls",
    "ended",
    "dataset",
)


def costs(values: Mapping[str, Any]) -> pd.DataFrame:
    """Return a row for each run, the newest first; sums and shared budgets are in `attrs`, an unknown cost is missing.

    Raises:
        ConfigError: the history can't be read.
    """
    import pandas as pd

    since, config = values["since"], values["config"]
    found = past_runs(
        since=since.timestamp() if since else 0.0, config_file=Path(config) if config else None, most=values["most"]
    )
    document = costs_as_json(found, named_budgets())
    frame = pd.DataFrame(document["runs"], columns=list(_COLUMNS))
    frame["began_at"] = pd.to_datetime(frame["began_at"], unit="s", utc=True).dt.floor("s")
    frame["models"] = frame["models"].map(", ".join)
    frame["cost"] = frame["cost"].astype("Float64")
    frame.attrs.update(document["total"], budgets=document["budgets"])
    return frame
