"""`EventSink`: update the run's state with each event, and pass the event to the observer."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from deepfabric_core.events import Emit, Event, Notice, RunExpected, SampleFailed, SampleFinished, SamplesCounted
from deepfabric_core.run.forecast import will_exceed
from deepfabric_core.run.state import RunState, reduce

_log = logging.getLogger(__name__)


@dataclass
class EventSink:
    """A callable that receives events. An observer that raises is logged and doesn't disturb the run.

    Once the run is likely to need more than its budget, that is told, one time.
    """

    observer: Emit
    state: RunState = field(default_factory=RunState)
    clock: Callable[[], float] = time.time
    _warned: bool = False

    def __call__(self, event: Event) -> None:
        """Apply an event to the state, and pass it to the observer; a notice that is repeated is given once."""
        if isinstance(event, Notice) and event.message in self.state.notices:
            return
        self.state = reduce(self.state, event)
        self._tell(event)
        if not self._warned and isinstance(event, RunExpected | SampleFinished | SampleFailed | SamplesCounted):
            self._warn_of_budget()

    def _tell(self, event: Event) -> None:
        try:
            self.observer(event)
        except Exception:  # noqa: BLE001 - a screen's bug must not cost the run
            _log.debug("an observer failed on %s", type(event).__name__, exc_info=True)

    def _warn_of_budget(self) -> None:
        if warning := will_exceed(self.state, self.clock()):
            self._warned = True
            self(Notice(warning))
