"""`report`: the report on a file, on a run of this notebook or of this machine, or on a run in a variable."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deepfabric_core.errors import ConfigError
from deepfabric_nb.runs.report import Report, report_on
from deepfabric_nb.runs.run import Run
from deepfabric_nb.runs.session import Session, find_kept


def report(session: Session, names: Mapping[str, Any], values: Mapping[str, Any]) -> Report:
    """Return the report on what a line of the magic names, by default on the latest run.

    Raises:
        ConfigError: there is no such run or file, or it can't be read.
    """
    what, more = values["what"], {"against": values["against"], "topics": values["topics"]}
    if isinstance(held := names.get(what), Run):
        return held.report(**more)
    if what and Path(what).exists():
        return report_on(what, **more)
    if (run := session.run(what)) is not None:
        return run.report(**more)
    if what and (kept := find_kept(what)) is not None:
        return session.known(kept).report(**more)
    if what:
        raise ConfigError(f"There is no dataset and no run {what}; %deepfabric status lists the runs.")
    raise ConfigError("There is no run to report on yet: name a dataset, or make one.")
