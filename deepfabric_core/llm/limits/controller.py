"""Adaptive limits for one endpoint and model: learn from refusals (429) and headers when the next call may begin.

Nothing here waits or reads a clock: times are passed in as seconds of any monotonic clock, decisions are returned.

A provider may limit the number of calls in flight or the calls per second, and doesn't say which. So both limits are
learned (`places` and `rate`). And it may refuse some of the calls at random (`overload`), which no limit would change.

A refusal is heard of late, after 0.1 to 0.3 s over a real network, while an answer may take a minute. So silence
counts: a call that began longer ago than a refusal takes, and wasn't refused, is accepted, though it isn't answered yet
(`recent`). What began later is not yet heard of, and counts for nothing.

The states of the controller:

- Opening (`opening`), until the first refusal: some calls may be in flight at first, and about twice as many after each
  delay that a refusal is assumed to take, up to the ceiling. So what is on its way when the first refusal is heard is
  bounded. The quotas that headers state are followed (`stated_quotas`). If all first calls are refused, it begins again
  with few when one is accepted.
- Listening, after the first refusal: no call begins until all are heard of; then it is told whether the number or the
  rate was too high (`which_limit`).
- Steady: both limits are tried again and again by a little more (`probing`), and each time it is waited until that is
  heard of. A refusal of such a call lowers the limit that it tried, and those after it tell how far (`correction`).
  Nothing is tried when only the last calls wait, as all would wait for one that is refused. Where a number that was
  confirmed is refused far below itself, it is the number that has changed, rather than that there is a rate besides.
- Asking, if several calls in a row are refused whatever they try: single calls, with more and more time between them
  (`asking`).
- Trial, if several cuts (`cuts`) have lowered a limit far: fewer calls, to see whether that helps. If not, the refusals
  have another reason than a limit, and the cuts are undone (`trial`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from deepfabric_core.llm.limits.asking import SLOW, Asking
from deepfabric_core.llm.limits.cuts import Cut, Cuts
from deepfabric_core.llm.limits.learned import Learned
from deepfabric_core.llm.limits.opening import FIRST_CALLS, Opening
from deepfabric_core.llm.limits.overload import Overload
from deepfabric_core.llm.limits.places import Places
from deepfabric_core.llm.limits.quota_headers import RemainingQuota
from deepfabric_core.llm.limits.rate import AdaptiveRate
from deepfabric_core.llm.limits.recent import ONE, Call, Recent, Size
from deepfabric_core.llm.limits.stated_quotas import StatedQuotas
from deepfabric_core.llm.limits.trial import Trial, are_mixed, share_refused
from deepfabric_core.llm.limits.which_limit import TOGETHER, is_rate_at_first, is_rate_in_steady_state, lowest_refused

# Listening. If the first refusal is heard soon, calls go on for so many seconds, one in so many, to tell the limits
# apart.
_GOES_ON = 0.15
_GOES_ON_EVERY = 0.005

# So many accepted calls between the first refusal and the last tell the rate surely, or hardly.
_SURELY = 40
_HARDLY = 8

# So many unexplained refusals are too many: limits are lowered. After a trial there is no other one for so many
# seconds, which are twice as many each time that a limit was found.
_UNEXPLAINED = 2.5
_TOLERATED = 0.04
_AFTER_A_TRIAL = 1.0
_LONGEST_AFTER = 4.0
_SINGLE = 3  # calls in flight; nearly as few as there can be
_LOOKBACK = 1.0  # seconds


# Limits are tried out while so many times more calls wait than are in flight, or both are as large a share of the
# ceiling as the last number says: a call that is refused near the end would make all wait for it.
_WAITING_FOR_TRIES = 3
_NEARLY = 0.8


@dataclass
class AdaptiveController:
    """The learned limits of one endpoint and model.

    Attributes:
        ceiling: the most calls in flight that the runs ask for, in sum.
        in_flight: calls in flight.
        waiting: calls that wait.
        paused_until: the time until which no call may begin.
        refused_at: the time of the last refusal.
    """

    ceiling: int = 1
    in_flight: int = 0
    waiting: float = math.inf
    paused_until: float = -math.inf
    refused_at: float = -math.inf
    _recent: Recent = field(default_factory=Recent)
    _overload: Overload = field(default_factory=Overload)
    _observed_until: float = -math.inf
    _cut_at: float = -math.inf
    _cuts: Cuts = field(default_factory=Cuts)
    _before_one: tuple[float, float, float] | None = None
    _listened: Call | None = None
    _listened_until: float = -math.inf
    _begun_at: float = -math.inf
    _asked_for: float = 0.0
    _trial: Trial | None = None
    _trial_ended: float = -math.inf
    _trial_after: float = _AFTER_A_TRIAL
    _most_accepted: int = 0

    def __post_init__(self) -> None:
        self._opening = Opening(self._recent)
        self._places = Places(self._recent, self._overload)
        self._rate = AdaptiveRate(self._recent, self._overload)
        self._quotas = StatedQuotas(self._recent)
        self._asking = Asking(self._recent, self._overload)

    @property
    def allowed(self) -> int:
        """How many calls may be in flight now."""
        return max(1, int(min(self.ceiling, self._places.number, self._opening.number)))

    @property
    def per_second(self) -> float:
        """How many calls may begin per second, as learned or stated; infinity if no limit on the rate was found."""
        return min(self._rate.per_second, self._quotas.per_second)

    @property
    def quota_full_at(self) -> float:
        """The time at which the quotas that the provider states are full again."""
        return self._quotas.full_at(learned=self._is_learned)

    @property
    def knows_no_limit(self) -> bool:
        """Whether nothing was refused, learned or stated, and as many calls may be in flight as are asked for."""
        nothing = not self._is_learned and self._quotas.are_unknown and self.refused_at == -math.inf
        return nothing and self.allowed >= self.ceiling

    @property
    def _is_learned(self) -> bool:
        return min(self._places.number, self._rate.top) < math.inf

    def wait(self, now: float, size: Size = ONE) -> float:
        """Return the seconds until a call may begin: 0 for now, infinity for as soon as another call ends."""
        if now < self.paused_until:
            return self.paused_until - now
        if self._listened is not None:
            wait = self._listen(self._listened, now)
            if wait > 0 or self._listened is not None:
                return wait
        if self._trial is not None and not self._judge_trial(self._trial, now):
            return math.inf if self.in_flight >= self.ceiling else self._trial.wait(now)
        if self._asking.active:
            wait = self._asking.wait(now)
            if wait > 0:
                return wait
            self._accepted_again(now)
        return self._wait_for_limits(now, size)

    def _wait_for_limits(self, now: float, size: Size) -> float:
        if self.in_flight >= self.ceiling:
            return math.inf
        wait = self._opening.wait(self.in_flight, now)
        if wait > 0 or self._asking.active:
            return wait
        stated = self._quotas.wait(size, self.in_flight, now, learned=self._is_learned)
        tries = self.waiting >= min(_WAITING_FOR_TRIES * self.in_flight, _NEARLY * self.ceiling - self.in_flight)
        return max(self._places.wait(self.in_flight, now, tries=tries), self._rate.wait(now, tries=tries), stated)

    def begin(self, now: float, size: Size = ONE) -> Call:
        """Register a call that begins."""
        self.in_flight += 1
        paced, tries_places = self._rate.binds(now), self._places.tries(self.in_flight, now)
        near_rate = self._rate.is_near
        call = Call(now, self.in_flight, tries_places, self._rate.tries(now), size, paced, near_rate)
        self._recent.add(call)
        self._begun_at = now
        self._quotas.begin(call, learned=self._is_learned)
        if self._trial is not None:
            self._trial.begin(now)
        if self._asking.active:
            self._asking.asks(call)
        return call

    def ended(self) -> None:
        """Register the end of a call that was neither answered nor refused."""
        self.in_flight -= 1

    def answered(self, call: Call, now: float) -> None:
        """Register the answer to a call."""
        self._recent.answered(call, now)
        self._quotas.answered(call, learned=self._is_learned)
        self._most_accepted = max(self._most_accepted, call.level)
        self.in_flight -= 1

    def refused(self, call: Call, now: float, wait: float) -> bool:
        """Register the refusal of a call, which may be repeated after `wait` seconds.

        Returns:
            Whether a limit was cut.
        """
        self._recent.refused(call, now)
        self._observe_chance(now)
        self.in_flight -= 1
        explained = self._quotas.refused(call, now, learned=self._is_learned)
        wait = max(wait, self._quotas.used_until(now) - now)
        self.refused_at, self._asked_for = now, wait
        if self._listened is not None:
            if self._cut_at < call.began < self._listened.began:
                self._listened = call
        elif explained:
            pass
        elif self._asking.refused(call, now, wait):
            self._pause(self._asking.paused_until)
        elif self._asking.active or self._trial is not None:
            pass
        elif not self._opening.is_over:  # call began after any cut
            self._listened, self._listened_until = call, max(now, call.began + _GOES_ON)
        elif call.began > self._places.lowered_at:
            return self._refused_steadily(call, now, wait)
        return False

    def learned(self) -> Learned | None:
        """Return what is known of the limits now; None if nothing is, or while that is being judged."""
        rate = self._rate.per_second if self._rate.is_guess else self._rate.top
        per_second = None if rate == math.inf else rate
        at_once = int(self._places.number) if self._places.number < math.inf else None
        judging = self._listened is not None or self._trial is not None or self._asking.active
        if judging or not (per_second or at_once or self._most_accepted):
            return None
        return Learned(per_second, at_once, self._most_accepted or None, self._recent.heard_delay)

    def start_from(self, learned: Learned, now: float) -> None:
        """Take limits that were learned before, or by others; calls may be in flight."""
        if learned.delay is not None:
            self._recent.expect(learned.delay)
        if learned.per_second is not None:
            self._rate.stand(learned.per_second, now, saved=True)
        if learned.at_once is not None:
            self._places.set(learned.at_once, now, step=1)
        if learned.per_second is not None or learned.at_once is not None:
            self._listened, self._cut_at = None, now
            self._opening.end()
        self._opening.number = max(self._opening.number, learned.accepted_at_once or 0)

    def told(self, quotas: Mapping[str, RemainingQuota], call: Call, now: float, patience: float = math.inf) -> None:
        """Take the quotas that the headers of the answer to a call state, or of its refusal.

        No single wait for them is longer than `patience` seconds.
        """
        self._quotas.told(quotas, call, now, patience, learned=self._is_learned)

    def _observe_chance(self, now: float) -> None:
        """Note what became of calls clearly below the limits that are heard of by now, since the last cut."""
        if not self._overload.share:
            return
        heard = self._recent.horizon(now)
        calls = list(self._recent.between(max(self._observed_until, self._cut_at), heard))
        self._observed_until, before = heard, self._overload.share
        for call in reversed(calls):
            if not (call.tries_places or call.near_rate):
                self._overload.observe(refused=call.refused)
        self._rate.share_changed(before, self._overload.share)

    def _refused_steadily(self, call: Call, now: float, wait: float) -> bool:
        """Lower a limit after a refusal, if it tells of one; return whether it does."""
        if row := self._asking.in_vain(call, self._listened_until):
            self._rate.note_burst(row[-1].began, self._recent.accepted_before(row[-1]))
            if self._places.is_near(call.crowd, now, in_vain=True) and not call.paced:
                self._note_cut(now)
                self._lower_places(min(other.level for other in row), now)
            else:
                self._begin_asking(row[-1].began, now, wait)
            return True
        if call.began <= self._cut_at:
            if call.tries_places:
                self._places.refused_too(call)
            return False
        if not self._cut(call, now):
            return False
        self._cut_at = now
        return True

    def _cut(self, call: Call, now: float) -> bool:
        since = list(self._recent.between(self._cut_at, call.began))
        if call.tries_places:
            return self._places.refused(call, now)
        if not call.tries_rate:
            return self._cut_by_others(since, call, now)
        tried = [other.refused for other in since if other.tries_rate]
        cut = self._overload.lately_exceeded(tried, 0.5)
        if cut:
            if not self._overload.share:  # else there is nothing to find out: the rate before it is known to be let in
                self._note_cut(now)
            self._rate.refused(call, now)
        return cut

    def _cut_by_others(self, since: list[Call], call: Call, now: float) -> bool:
        """Lower a limit after the refusal of a call that tried nothing out, if it tells of one."""
        if self._rate.corrects(call, now):
            self._note_cut(now)
            return True
        if self._places.falls_back(call, now):
            self._pause(now + self._recent.delay)
            return True
        within = [other.refused for other in since if not (other.tries_rate or other.tries_places)]
        many = self._overload.exceeded(sum(within), len(within), _UNEXPLAINED, _TOLERATED)
        if not many or self._rate.awaits_correction(call):
            return False
        self._unexplained(since, call, now)
        return True

    def _unexplained(self, calls: list[Call], call: Call, now: float) -> None:
        """Lower a limit that let in calls which were refused; or try out whether that changes anything."""
        if self._is_overload(now):
            return
        self._note_cut(now)
        lowest = lowest_refused(calls)
        paced = 2 * sum(other.paced for other in calls) > len(calls)
        fallen = self._places.has_fallen(lowest) and self._rate.is_doubtful(now)
        by_rate = self._places.number <= 1 or (not fallen and (paced or is_rate_in_steady_state(calls)))
        if not paced and self._places.is_near(lowest, now, doubtful=by_rate):
            self._lower_places(lowest, now)
        elif by_rate:
            self._rate.refused(call, now)
        else:
            if lowest <= _SINGLE < self._places.number:
                self._before_one = (now, self._places.number, self._rate.per_second)
            self._places.set(lowest - 1, now)

    def _lower_places(self, lowest: int, now: float) -> None:
        """Lower the number in flight, since a call that saw so many was refused; and wait until all were heard."""
        self._places.lower(lowest - 1, now)
        self._cut_at = now
        self._pause(now + self._recent.delay)

    def _is_overload(self, now: float) -> bool:
        """Return whether single calls are refused and accepted by turns, as no fewer can be made; then take that."""
        if self._places.number > 1 or self._before_one is None or self._overload.share:
            return False
        since, number, per_second = self._before_one
        calls = list(self._recent.between(since))
        if not are_mixed(calls):
            return False
        self._cuts.clear()
        self._cut_at, self._before_one = now, None
        self._overload.found(sum(call.refused for call in calls), len(calls))
        self._places.set(number, now)
        self._rate.guess(per_second, now)
        return True

    def _note_cut(self, now: float) -> None:
        """Begin a trial if cuts follow each other as if chance were the reason; at once if some are refused by it."""
        rate = self._rate.per_second if self._rate.is_guess else self._rate.top  # without what was tried out
        cut = Cut(now, self._places.number, rate, self._recent.begun, self._recent.refusals)
        self._cuts.add(cut)
        first = cut if self._overload.share else self._cuts.suspicious
        if first is None or now - self._trial_ended <= self._trial_after:
            return
        calls = list(self._recent.between(max(first.at - _LOOKBACK, self._listened_until, self._trial_ended)))
        if are_mixed(calls):
            share = cut.refused_since(first) if cut.begun - first.begun > len(calls) else share_refused(calls)
            self._begin_trial(calls, share, (first.at_once, first.per_second), now)
            self._cuts.clear()

    def _begin_trial(self, calls: list[Call], share: float, before: tuple[float, float], now: float) -> None:
        measured = 0.0 if self._rate.is_guess or self._rate.top == math.inf else self._rate.top
        self._trial = Trial(self._recent, calls, (share, self._overload.share), measured, before, now)

    def _judge_trial(self, trial: Trial, now: float) -> bool:
        """Return whether a trial has ended; then take what it showed."""
        verdict = trial.verdict(now)
        if verdict is None:
            return False
        self._trial, self._trial_ended, self._cut_at = None, now, now
        self._trial_after = min(2 * self._trial_after, _LONGEST_AFTER) if verdict == "limited" else _AFTER_A_TRIAL
        if verdict == "overloaded" or not self._overload.share:
            self._overload.found(trial.refused, trial.of)
        if verdict == "overloaded":
            number, per_second = trial.before
            self._places.set(number, now)
            self._rate.guess(per_second, now)
        elif self._rate.is_guess:
            self._rate.guess(min(self._rate.top, trial.accepted_per_second), now)
        elif self._rate.top < math.inf:
            self._rate.stand(min(self._rate.top, trial.accepted_per_second), now)
        return True

    def _listen(self, first: Call, now: float) -> float:
        """Return the seconds until the next call while listening, or end that."""
        if self._refuses_all(now):
            self._listened_until = min(self._listened_until, now)
        if now < self._listened_until:
            return max(0.0, self._begun_at + _GOES_ON_EVERY - now) if self.in_flight < self.ceiling else math.inf
        heard = self._listened_until + self._recent.delay
        if now < heard:
            return heard - now
        self._judge(first, now)
        self._cut_at, self._listened = self._listened_until, None
        self._opening.end()
        return max(0.0, self.paused_until - now)

    def _refuses_all(self, now: float) -> bool:
        """Return whether the first calls were heard of, and all were refused."""
        heard = self._recent.horizon(now)
        return heard > self._recent.opened and all(call.refused for call in self._recent.between(-math.inf, heard))

    def _judge(self, first: Call, now: float) -> None:
        """Tell which limit there is, now that all refusals were heard, and set it."""
        if not self._recent.accepted_ever:
            self._begin_asking(first.began, self.refused_at, self._asked_for)
            return
        opened = min(self._recent.opened, first.began)
        calls = list(self._recent.between(opened - TOGETHER, self._listened_until))
        if are_mixed(calls[-FIRST_CALLS:]):
            begun = len(calls) / (self._listened_until - opened)
            self._begin_trial(calls, share_refused(calls), (math.inf, begun), now)
        by_rate, level = is_rate_at_first(calls, first)
        if by_rate:
            accepted = sum(not call.refused for call in calls)
            if not accepted:
                self._begin_asking(first.began, self.refused_at, self._asked_for)
                return
            self._take_first_rate(calls, now)
        else:
            self._places.set(level - 1, now)

    def _take_first_rate(self, calls: list[Call], now: float) -> None:
        """Take the rate that was accepted from the first refusal to the last, when nothing was saved any more."""
        first, last = calls[-1].began, next(call.began for call in calls if call.refused)
        until_last = sum(not call.refused and call.began <= last for call in calls) if last > first else 0
        if until_last >= _SURELY:
            self._rate.stand(until_last / (last - first), now)
            return
        accepted = sum(not call.refused for call in calls)
        lately = accepted / (self._listened_until - first)
        self._rate.guess(max(lately, until_last / (last - first)) if until_last >= _HARDLY else lately, now)

    def _begin_asking(self, since: float, now: float, wait: float) -> None:
        self._asking.begin(since, now, wait)
        self._pause(self._asking.paused_until)

    def _pause(self, until: float) -> None:
        self.paused_until = max(self.paused_until, until)

    def _accepted_again(self, now: float) -> None:
        """Go on with the rate that is accepted, if the call that asked was accepted."""
        level, per_second = self._asking.level, self._asking.accepted(self._rate.top)
        if per_second is None:
            return
        self._cut_at = now
        if self._recent.accepted_ever <= 1:
            self._opening.begin_again(now)
            return
        if self._places.is_confirmed and self._rate.is_doubtful(now):  # it was the number, and is lower now
            self._rate.guess(math.inf, now)
            self._places.begin_again(level, now)
            return
        self._rate.excuse(now)
        self._places.set(math.inf, now)
        if per_second > SLOW and (self._rate.is_guess or self._rate.top == math.inf):
            self._rate.guess(per_second, now)
        else:
            self._rate.stand(per_second, now, again=True)
