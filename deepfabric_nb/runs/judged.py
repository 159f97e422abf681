"""`JudgedDataset`: a dataset whose samples were scored by models, with what was found."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepfabric_core.errors import ConfigError
from deepfabric_core.flags.judge_options import OPTIONS, load_judges

if TYPE_CHECKING:
    import pandas as pd

    from deepfabric_core.config.schema import Config
    from deepfabric_core.run.judge.judge_dataset import JudgeRequest
    from deepfabric_core.run.judge.judged import Judged


class JudgedDataset:
    """What was judged: `result` counts what was found, `path` is the judged dataset, None if it isn't complete."""

    def __init__(self, result: Judged) -> None:
        self.path = result.output
        self.result = result

    @cached_property
    def df(self) -> pd.DataFrame:
        """A row for each sample of the judged dataset.

        Raises:
            ConfigError: it wasn't written, since the budget was reached.
        """
        from deepfabric_nb.runs.dataframes import load

        if self.path is None:
            raise ConfigError("The dataset isn't judged to its end; what is judged is kept: call judge again to go on.")
        return load(self.path)

    def __repr__(self) -> str:
        from deepfabric_core.text.judged_summary import summary

        return summary(self.result)


async def judged(request: JudgeRequest) -> JudgedDataset:
    """Judge a dataset. If it is cancelled, what was judged is kept.

    Raises:
        ConfigError: something can't work; nothing was spent.
        OutputError: a file can't be written.
    """
    from deepfabric_core.run.event_sink import EventSink
    from deepfabric_core.run.judge.judge_dataset import DatasetJudging
    from deepfabric_core.stop import Stop

    def ignore(_: object) -> None:
        """Show nothing: the summary tells all of it."""

    return JudgedDataset(await DatasetJudging(request).judge(EventSink(ignore), Stop(), ignore))


def config_of(config: str | Path | None, flags: Mapping[str, Any]) -> Config:
    """Return the config of a file or none, with what flags override.

    Raises:
        ConfigError: there is no such flag, or the config can't be used.
    """
    if unknown := next((name for name in flags if name not in OPTIONS), None):
        near = difflib.get_close_matches(unknown, OPTIONS, n=1)
        known = f"did you mean {near[0]}?" if near else f"there are {', '.join(OPTIONS)}."
        raise ConfigError(f"There is no option {unknown}; {known}")
    return load_judges(None if config is None else Path(config).expanduser(), flags).config
