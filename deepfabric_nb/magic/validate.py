"""What a config would do, shown without doing it."""

from __future__ import annotations

from deepfabric_core.printable import printable_text
from deepfabric_core.text.plan_summary import largeness, missing_keys, planned
from deepfabric_nb.runs.request import RunRequest


class PlanText:
    """The plan of a config and what is to be known about it, as text."""

    def __init__(self, asked: RunRequest) -> None:
        config = asked.loaded.config
        notes = [f"Note: {sentence}" for sentence in (*asked.loaded.notices, *largeness(config), *missing_keys(config))]
        self._text = printable_text("\n".join((planned(config), *notes, "The config is valid.")))

    def __repr__(self) -> str:
        return self._text
