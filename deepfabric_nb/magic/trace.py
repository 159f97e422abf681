"""`trace`: a table of the calls that a run has recorded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepfabric_core.text.trace_report import NumberedCall, as_object, damage, numbered, outcome, sums, totals_object

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = ("at", "stage", "topic_path", "way", "prompt_tokens", "completion_tokens", "cost", "seconds")


def trace_table(path: Path, *, failed: bool) -> tuple[pd.DataFrame, str]:
    """Return a row for each call, by its number; and the sums over them, as text. `failed` leaves out answered calls.

    Raises:
        ConfigError: the file can't be read, or isn't a trace.
    """
    import pandas as pd

    from deepfabric_core import __version__
    from deepfabric_core.store.trace_log import read_trace

    trace = read_trace(path)
    calls = numbered(trace, failed=failed)
    frame = pd.DataFrame(list(map(_row, calls)), columns=["call", *_COLUMNS, "outcome"]).set_index("call")
    frame["at"] = pd.to_datetime(frame["at"], unit="s", utc=True).dt.floor("s")
    shown = [call for _, call in calls]
    frame.attrs.update(totals_object(shown), damaged_lines=list(trace.damaged), deepfabric=__version__)
    return frame, "\n".join(filter(None, (sums(shown), damage(trace))))


def _row(numbered_call: NumberedCall) -> dict[str, Any]:
    number, call = numbered_call
    facts = as_object(number, call)
    path = " > ".join(call.subject.path)
    return {"call": number, **{name: facts[name] for name in _COLUMNS}, "topic_path": path, "outcome": outcome(call)}
