"""All quotas that a provider states in its headers: of requests and tokens, a minute and a day."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from deepfabric_core.llm.limits.quota_headers import RemainingQuota
from deepfabric_core.llm.limits.recent import Call, Recent, Size
from deepfabric_core.llm.limits.stated_quota import StatedQuota


@dataclass
class StatedQuotas:
    """The quotas of one endpoint and model by their names. Those that aren't known count until a limit is `learned`."""

    recent: Recent
    _quotas: dict[str, StatedQuota] = field(default_factory=dict)

    @property
    def are_unknown(self) -> bool:
        """Whether none was ever stated."""
        return not self._quotas

    @property
    def per_second(self) -> float:
        """How many calls of the usual size may begin per second while the quotas are used up; infinity if unknown."""
        return min((quota.per_second for quota in self._quotas.values()), default=math.inf)

    def full_at(self, *, learned: bool) -> float:
        """Return the time at which all quotas that count are full again."""
        return max((quota.full_at for quota in self._that_count(learned=learned)), default=-math.inf)

    def used_until(self, now: float) -> float:
        """Return the time until which nothing is left, as the headers state it."""
        return max((quota.used_until(now) for quota in self._quotas.values()), default=-math.inf)

    def told(
        self, quotas: Mapping[str, RemainingQuota], call: Call, now: float, patience: float, *, learned: bool
    ) -> None:
        """Take what the headers of the answer to a call say, or of its refusal."""
        for name, stated in quotas.items():
            quota = self._quotas.get(name)
            if quota is None:
                quota = self._quotas[name] = StatedQuota(self.recent, stated.unit)
            quota.told(stated, call, now, patience, seldom=learned)

    def wait(self, size: Size, in_flight: int, now: float, *, learned: bool) -> float:
        """Return the seconds until a call of this size may begin."""
        return max((quota.wait(size, in_flight, now) for quota in self._that_count(learned=learned)), default=0.0)

    def begin(self, call: Call, *, learned: bool) -> None:
        """Count a call that begins."""
        for quota in self._that_count(learned=learned):
            quota.begin(call)

    def answered(self, call: Call, *, learned: bool) -> None:
        """Count the answer to a call."""
        for quota in self._that_count(learned=learned):
            quota.answered(call)

    def refused(self, call: Call, now: float, *, learned: bool) -> bool:
        """Register the refusal of a call; return whether a quota explains it."""
        explained = [quota.refused(call, now) for quota in self._that_count(learned=learned)]  # all of them hear of it
        return any(explained)

    def _that_count(self, *, learned: bool) -> Iterable[StatedQuota]:
        if not self._quotas:
            return ()
        return (quota for quota in self._quotas.values() if quota.is_known or not learned)
