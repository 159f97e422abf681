"""`samples`: the view of the samples of a run, of a file, or of a run or DataFrame in a variable."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deepfabric_core.errors import ConfigError
from deepfabric_nb.runs.run import Run
from deepfabric_nb.runs.session import Session, find_kept, latest_kept
from deepfabric_nb.samples.samples_view import Samples


def samples(session: Session, names: Mapping[str, Any], what: str | None) -> Samples:
    """Return the view of what a line of the magic names, by default of the latest run.

    Raises:
        ConfigError: there is no such run or file, or it can't be read.
    """
    held = names.get(what or "")
    if held is not None and (isinstance(held, Run) or hasattr(held, "to_dict")):
        return Samples(held)
    if what and Path(what).expanduser().exists():
        return Samples(what)
    if (run := session.run(what)) is not None:
        return Samples(run)
    if (kept := find_kept(what) if what else latest_kept()) is not None:
        return Samples(session.known(kept))
    if what:
        raise ConfigError(f"There is no dataset and no run {what}; %deepfabric status lists the runs.")
    raise ConfigError("There is no run to read samples of yet: name a dataset, or make one.")
