"""`ScreenState`: everything that is drawn at one moment."""

from __future__ import annotations

from dataclasses import dataclass

from deepfabric_core.cli.screen.item_browser import ItemBrowser
from deepfabric_core.run.state import RunState
from deepfabric_core.text.rate_history import RateHistory


@dataclass(frozen=True, slots=True)
class Heading:
    """What the header shows of a run besides its models: the files that are read and written."""

    config: str = ""
    dataset: str = ""


@dataclass(frozen=True, slots=True)
class ScreenState:
    """Everything that is drawn. `keys` says whether keys are read, `over` that the run has ended."""

    heading: Heading
    state: RunState
    now: float
    history: RateHistory
    browser: ItemBrowser
    keys: bool = False
    over: bool = False
