"""`Rejections`: the samples that were made and not accepted, by gate and reason, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from deepfabric_core.quality.foreign_records import foreign_candidate
from deepfabric_core.quality.report.examples import FirstOfEachKind, excerpt_of, shortened
from deepfabric_core.quality.report.numbers import finite

_EXAMPLES = 3
_LONGEST_REASON = 300
_LONGEST_NAME = 60
_BETWEEN = "\x1f"


class Rejections:
    """The rejected samples by gate and by the check, criterion or comparison that rejected them."""

    def __init__(self) -> None:
        self._reasons = FirstOfEachKind(_EXAMPLES)
        self._cost = 0.0
        self._priced = 0

    def add(self, line: Mapping[str, Any], number: int) -> None:
        """Count a line of the file of rejected samples."""
        kind = _BETWEEN.join(_text(line.get(key), _LONGEST_NAME) or "unknown" for key in ("gate", "check"))
        if isinstance(usage := line.get("usage"), Mapping) and (cost := finite(usage.get("cost"))) is not None:
            self._cost += cost
            self._priced += 1
        self._reasons.add(kind, _example(line, number) if self._reasons.wants(kind) else None)

    def as_object(self) -> dict[str, Any]:
        """Return the sums, the most frequent reason first."""
        found = []
        for kind in self._reasons.as_object():
            gate, _, name = kind["name"].partition(_BETWEEN)
            found.append({**kind, "gate": gate, "name": name or gate})
        return {
            "samples": self._reasons.total,
            "cost": round(self._cost, 6) if self._priced else None,
            "by_reason": found,
        }


def _example(line: Mapping[str, Any], number: int) -> dict[str, Any]:
    record, path = line.get("sample"), line.get("topic_path")
    candidate = foreign_candidate(record if isinstance(record, Mapping) else {})
    if isinstance(path, list):
        candidate = replace(candidate, path=tuple(map(str, path)))
    return {
        **excerpt_of(candidate, number),
        "reason": _text(line.get("reason"), _LONGEST_REASON),
        "evidence": _text(line.get("evidence"), _LONGEST_REASON),
    }


def _text(value: object, longest: int) -> str:
    return shortened(value, longest) if isinstance(value, str) else ""
