"""`Making`: how the samples of a dataset were made, by their metadata: models, calls, tokens, cost, kinds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from deepfabric_core.quality.report.distribution import Distribution
from deepfabric_core.quality.report.numbers import finite, whole

_MOST_MODELS = 100
_LONGEST_NAME = 200


class Making:
    """What it took to make the samples."""

    def __init__(self) -> None:
        self._models: Counter[str] = Counter()
        self._kinds: Counter[str] = Counter()
        self._flags: Counter[str] = Counter()
        self._attempts = Distribution()
        self._tokens = {"prompt_tokens": 0, "completion_tokens": 0}
        self._cost = 0.0
        self._priced = 0

    def add(self, record: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
        """Count a sample."""
        self._name(self._models, metadata.get("model"))
        self._name(self._kinds, _kind_of(record, metadata))
        self._flags.update(flag for flag in ("simulated", "demonstration") if metadata.get(flag) is True)
        if (attempts := whole(metadata.get("attempts"))) is not None:
            self._attempts.add(attempts)
        if isinstance(usage := metadata.get("usage"), Mapping):
            for name in self._tokens:
                self._tokens[name] += whole(usage.get(name)) or 0
        if metadata.get("cost_known") is not False and (cost := finite(metadata.get("cost"))) is not None:
            self._cost += cost
            self._priced += 1

    def made_up(self, samples: int) -> None:
        """Say of so many samples that a simulated model made them, where their lines don't say it."""
        self._flags["simulated"] = samples

    @staticmethod
    def _name(counts: Counter[str], name: object) -> None:
        if not isinstance(name, str) or not name:
            return
        known = name[:_LONGEST_NAME]
        counts[known if known in counts or len(counts) < _MOST_MODELS else "other"] += 1

    def merge(self, other: Making) -> None:
        """Add the samples of another."""
        for own, its in ((self._models, other._models), (self._kinds, other._kinds), (self._flags, other._flags)):
            own.update(its)
        self._attempts.merge(other._attempts)
        for name, number in other._tokens.items():
            self._tokens[name] += number
        self._cost += other._cost
        self._priced += other._priced

    def as_object(self) -> dict[str, Any]:
        """Return the sums; `cost` is None if no sample says what it cost."""
        return {
            "models": [{"name": name, "samples": count} for name, count in self._models.most_common()],
            "kinds": [{"name": name, "samples": count} for name, count in self._kinds.most_common()],
            "simulated": self._flags["simulated"],
            "demonstration": self._flags["demonstration"],
            "calls": self._attempts.sum if self._attempts.count else None,
            "attempts": self._attempts.as_object(),
            **self._tokens,
            "cost": round(self._cost, 6) if self._priced else None,
            "priced": self._priced,
        }


def _kind_of(record: Mapping[str, Any], metadata: Mapping[str, Any]) -> str:
    """Return in a word what kind of sample it is."""
    if not isinstance(record.get("messages"), list):
        return "own schema"
    if record.get("tools") or record.get("tool_context"):
        return "agent"
    kind = metadata.get("conversation_type")
    return kind if isinstance(kind, str) else "basic"
