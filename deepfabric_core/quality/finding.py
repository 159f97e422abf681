"""What a gate has against a candidate: a sentence for people, one for the model, and the text that shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Gate = Literal["checks", "duplicates", "contamination", "judge", "review"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a candidate isn't accepted.

    `name` is the check, criterion or kind of comparison within the gate. `reason` completes "rejected: ..." for
    people, `advice` completes "an earlier reply could not be used: ..." for the model, and never quotes the text that
    it is to avoid. `evidence` is the span or the other sample that shows it, shortened; it may come from a model.
    """

    gate: Gate
    name: str
    reason: str
    advice: str
    evidence: str = ""
