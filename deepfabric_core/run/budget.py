"""`RunBudget`: the budget of a run while it goes on. Calls reserve their worst case, and give back what isn't spent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field

from deepfabric_core.amounts import Amounts, Spent
from deepfabric_core.config.budget import Budget
from deepfabric_core.config.judge import JudgesConfig
from deepfabric_core.config.llm import Llm
from deepfabric_core.errors import ConfigError, DeepFabricError
from deepfabric_core.events import BUDGET_REACHED, BudgetChanged, Emit, Stopping
from deepfabric_core.llm.prices import prices_of
from deepfabric_core.run.job import Job
from deepfabric_core.stop import Stop, Stopped
from deepfabric_core.store.budget_ledger import BudgetLedger, Sum, budget_key, spent_by_run
from deepfabric_core.store.checkpoint_files import Metadata, recovered_metadata
from deepfabric_core.wording import are, counted, money

_SECONDS_BETWEEN_EVENTS = 0.5
# In seconds. What other processes give back isn't heard of but looked for.
_LOOK_EVERY = 0.2
_SHORTEST_TIMER = 0.01
# Differences of sums of money below this are only rounding.
_DECIMALS = 12


@dataclass
class _Reserved:
    """A reservation; see `Reservation`."""

    budget: RunBudget
    number: int
    choice: int
    most: Sum

    def settle(self, spent: Amounts, *, answered: bool) -> None:
        self.budget.settle(self, spent, answered=answered)


@dataclass
class RunBudget:
    """A budget with a ledger, of which a run and those that share it never spend more than the limits.

    `elapsed` returns the seconds that the run took in all its sessions, without pauses; `before` is what earlier
    sessions tell of, and `lost` what those of their calls may have taken whose answers were never seen. Once nothing
    more fits, a stop is requested, as by a user, and `reached` says which limit it was.
    """

    limits: Amounts
    ledger: BudgetLedger
    emit: Emit
    stop: Stop
    elapsed: Callable[[], float]
    name: str = ""
    before: Sum = field(default_factory=Sum)
    lost: Sum = field(default_factory=Sum)
    reached: str = ""
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _given_back: asyncio.Event = field(default_factory=asyncio.Event)
    _most_of_settled: Sum = field(default_factory=Sum)
    _spent_of_settled: Sum = field(default_factory=Sum)
    _unanswered: Sum = field(default_factory=Sum)
    _next_call: Amounts = field(default_factory=Amounts)
    _own_in_flight: int = 0
    _emitted_at: float = 0.0
    _timer: asyncio.TimerHandle | None = None

    async def reserve(self, choices: Callable[[], Sequence[Amounts]], *, started: bool) -> _Reserved:
        """Reserve the first of several amounts that is left, or will be once other calls have given back the rest.

        Args:
            choices: returns what a call may take at most, the best way to make it first, by what is known at that
                moment; each takes less than the one before.
            started: whether the call goes on with work that was paid for in part, which is done after a stop, too.

        Raises:
            Stopped: nothing is left for it.
        """
        async with self._turn:  # one after the other, so that a large call isn't overtaken for ever by small ones
            while True:
                self._given_back.clear()
                if self.stop.requested and not started:
                    raise Stopped
                amounts = [_sum(choice) for choice in choices()]
                if (reserved := self._try(amounts)) is not None:
                    return reserved
                if not self.ledger.balance().in_flight:
                    raise self._nothing_left(amounts[-1])
                await self._wait()

    def _try(self, amounts: Sequence[Sum]) -> _Reserved | None:
        for choice, most in enumerate(amounts):
            number = self.ledger.reserve(most, self.limits)
            if number is not None:
                self._own_in_flight += 1
                self._emit_now_and_then()
                return _Reserved(self, number, choice, most)
            if self._will_fit(most):
                return None
        return None

    def _will_fit(self, most: Sum) -> bool:
        """Return whether an amount will be left once calls in flight have given back what such calls do on average."""
        balance = self.ledger.balance()
        kept = (
            reserved * (spent / most_of_all if most_of_all else 0.0)
            for reserved, spent, most_of_all in zip(
                balance.reserved, self._spent_of_settled, self._most_of_settled, strict=True
            )
        )
        cost, *counts = kept
        likely = balance.spent.plus(Sum(cost, *map(int, counts)))
        return bool(balance.in_flight) and likely.plus(most).is_within(self.limits)

    async def _wait(self) -> None:
        """Wait until a call gives something back; that of another process isn't heard of."""
        loop = asyncio.get_running_loop()

        def wake() -> None:
            loop.call_soon_threadsafe(self._given_back.set)

        unlisten = self.stop.listen(wake)
        try:
            async with asyncio.timeout(_LOOK_EVERY):
                await self._given_back.wait()
        except TimeoutError:
            if not self._own_in_flight:
                self.ledger.count_dead()
        finally:
            unlisten()

    def settle(self, reserved: _Reserved, spent: Amounts, *, answered: bool) -> None:
        """Replace a reservation by what was spent or, if the call isn't `answered`, may have been."""
        amount = _sum(spent)
        self.ledger.settle(reserved.number, amount)
        self._own_in_flight -= 1
        self._most_of_settled = self._most_of_settled.plus(reserved.most)
        self._spent_of_settled = self._spent_of_settled.plus(amount)
        if not answered:
            self._unanswered = self._unanswered.plus(amount._replace(calls=0))  # as a call, it is told of
        self._given_back.set()
        self._emit_now_and_then()

    def correct(self, most: Amounts, spent: Amounts) -> None:
        """Replace what counts as spent, since the process is gone that had reserved it, by what was spent."""
        self.ledger.correct(_sum(most), _sum(spent))
        self.lost = self.lost.beyond(_sum(most))
        self._spent_of_settled = self._spent_of_settled.plus(_sum(spent))
        self._given_back.set()

    def go_on(self, unseen: Sum) -> None:
        """Go on with a session that another process has begun, which knew of so much whose answers were never seen.

        What the ledger knows beyond that was spent in the session, but for what a process had reserved that is gone.
        """
        self._spent_of_settled = self.lost.beyond(unseen).beyond(self.ledger.dead)
        self.lost = self.lost.minus(self._spent_of_settled)

    @property
    def unseen(self) -> Sum:
        """What calls may have taken whose answers were never seen."""
        return self.lost.plus(self._unanswered)

    def take_over(self, ended: BudgetChanged, spent: Spent, reached: str) -> None:
        """Note how the budget ended elsewhere, and what all calls of this session have spent."""
        unanswered, cost = ended.unanswered, spent.usage.cost or 0.0
        tokens = spent.usage.prompt_tokens + spent.usage.completion_tokens
        self._spent_of_settled = Sum(cost, tokens, spent.attempts, spent.unpriced)
        self.lost = Sum(unanswered.cost or 0.0, unanswered.tokens or 0, unanswered.calls or 0)
        self._unanswered = Sum()
        self.reached, self._next_call = self.reached or reached, ended.next_call

    def _nothing_left(self, least: Sum) -> Stopped:
        if reason := self._too_little_for(least):
            self._reach(reason, _amounts(least))
        return Stopped()

    def _too_little_for(self, least: Sum) -> str:
        """Return which limit has too little left for a call, in words; "" for none."""
        spent, limits = self.ledger.balance().spent, self.limits
        if limits.calls is not None and spent.calls + least.calls > limits.calls:
            return f"{spent.calls:,} of {counted(limits.calls, 'call')} are made"
        if limits.tokens is not None and spent.tokens + least.tokens > limits.tokens:
            used = f"{spent.tokens:,} of {counted(limits.tokens, 'token')} are used"
            return f"{used}, and the next call may take up to {least.tokens:,}"
        if limits.cost is None:
            return ""
        used = f"{money(spent.cost)} of {money(limits.cost)} are spent"
        return f"{used}, and the next call may cost up to {money(least.cost)}"

    def end_if_spent(self) -> None:
        """Let no work begin if nothing is left for even the smallest call, and none is in flight."""
        least, balance = Sum(0.0, 1, 1), self.ledger.balance()
        if not (balance.in_flight or balance.spent.plus(least).is_within(self.limits)):
            self._nothing_left(least)

    def end(self, reason: str) -> None:
        """Let no more work begin, for a reason other than the limits."""
        self._reach(reason, Amounts())

    def _reach(self, reason: str, next_call: Amounts) -> None:
        if self.reached or self.stop.requested:
            return
        self.reached, self._next_call = reason, next_call
        self.emit(Stopping(BUDGET_REACHED))
        self.stop.request()

    @contextmanager
    def watching_the_time(self) -> Iterator[None]:
        """Request a stop once the time is over, while this context is open."""
        self._look_at_the_time()
        try:
            yield
        finally:
            if self._timer is not None:
                self._timer.cancel()

    def _look_at_the_time(self) -> None:
        limit = self.limits.seconds
        if limit is None:
            return
        left = limit - self.elapsed()
        if left > 0:
            self._timer = asyncio.get_running_loop().call_later(max(left, _SHORTEST_TIMER), self._look_at_the_time)
        else:
            self._reach(f"the run has taken {self.elapsed():,.0f} of {limit:,.0f} s", Amounts(seconds=1.0))

    def tell(self) -> None:
        """Emit how much is spent and reserved."""
        balance = self.ledger.balance()
        told_of = self.before.plus(self._spent_of_settled).minus(self._unanswered)
        self._emitted_at = time.monotonic()
        self.emit(
            BudgetChanged(
                self.limits,
                spent=Amounts(*balance.spent[:3], self.elapsed()),
                reserved=_amounts(balance.reserved),
                name=self.name,
                besides=_amounts(balance.spent.minus(told_of)),
                unanswered=_amounts(self.unseen),
                next_call=self._next_call,
            )
        )

    def _emit_now_and_then(self) -> None:
        if time.monotonic() - self._emitted_at >= _SECONDS_BETWEEN_EVENTS:
            self.tell()


@contextmanager
def opened_budget(
    settings: Budget, run: str, before: Spent, emit: Emit, stop: Stop, elapsed: Callable[[], float]
) -> Iterator[RunBudget | None]:
    """Open the budget of a run, and close it in the end; None if there is none.

    Args:
        settings: the config's budget.
        run: the id of the run, which is the same in all its sessions.
        before: what its earlier sessions spent.
        emit: gets the events.
        stop: requested when the budget is reached.
        elapsed: returns the seconds that the run took so far.

    Raises:
        ConfigError: the ledger can't be used, or knows calls of unknown price.
    """
    if settings == Budget():
        yield None
        return
    budget = open_budget(settings, run, before, emit, stop, elapsed)
    try:
        check_spent(settings, budget.ledger.balance().spent.unpriced)
        budget.tell()
        with budget.watching_the_time():
            yield budget
    finally:
        budget.ledger.close()


def open_budget(
    settings: Budget, run: str, before: Spent, emit: Emit, stop: Stop, elapsed: Callable[[], float]
) -> RunBudget:
    """Open a budget as `opened_budget` does, without watching the time; the caller closes its ledger.

    Raises:
        ConfigError: the ledger can't be used.
    """
    known = _known(before)
    ledger = _ledger(settings, run, known)
    return RunBudget(settings.limits, ledger, emit, stop, elapsed, settings.name or "", known, ledger.lost)


def is_known(settings: Budget, run: str) -> bool:
    """Return whether the ledger of this machine knows a run.

    Raises:
        ConfigError: the ledger can't be read.
    """
    return run in spent_by_run(budget_key(settings.name, run))


def budget_of_checkpoint(settings: Budget, known: Metadata) -> BudgetChanged | None:
    """Return how much of its budget a run has spent that isn't at work, as its checkpoint and the ledger tell.

    Limits in the command that started the run take the place of the config's `settings`. It is None without a limit.
    """
    settings = settings.with_flags(known.command)
    if settings.is_unlimited:
        return None
    before = _known(known.spent)
    spent, lost = before, Sum()
    with suppress(DeepFabricError), closing(_ledger(settings, known.run_id or known.dataset, before)) as ledger:
        spent, lost = ledger.balance().spent, ledger.lost
    return BudgetChanged(
        settings.limits,
        spent=Amounts(*spent[:3], known.seconds),
        name=settings.name or "",
        besides=_amounts(spent.minus(before)),
        unanswered=_amounts(lost),
        next_call=known.next_call,
    )


def _known(before: Spent) -> Sum:
    usage, calls = before.usage, before.attempts
    return Sum(usage.cost or 0.0, usage.prompt_tokens + usage.completion_tokens, calls, calls * (usage.cost is None))


def _ledger(settings: Budget, run: str, known: Sum) -> BudgetLedger:
    return BudgetLedger(budget_key(settings.name, run), run, known)


def check_budget(job: Job) -> None:
    """Check that the prices of all models are known, if a run's budget limits what it costs.

    Raises:
        ConfigError: the price of a model is unknown.
    """
    config = job.config
    if config.budget.cost is None:
        return
    models = {} if job.topics_load else {"topics.llm": config.topics.llm}
    if not job.topic_only:
        models["generation.llm"] = config.generation.llm
        models |= judges_models(config.quality)
    check_prices(models)


def judges_models(judges: JudgesConfig) -> dict[str, Llm]:
    """Return the model of each judge, by what it is called in messages."""
    return {f"the llm of judge {judge.llm.model}": judge.llm for judge in judges.all_judges}


def check_prices(models: Mapping[str, Llm]) -> None:
    """Check that the prices of all models are known, whose costs are limited.

    Raises:
        ConfigError: the price of a model is unknown.
    """
    for key, settings in models.items():
        if not prices_of(settings).are_known:
            raise ConfigError(
                f"budget.cost can't be kept, since the price of {settings.name} ({key}) is unknown: give its "
                "llm.prices in dollars per million tokens, as in {input: 0.15, output: 0.60}, or limit budget.tokens."
            )


@contextmanager
def budget_of_regrowth(job: Job, emit: Emit, stop: Stop) -> Iterator[RunBudget | None]:
    """Open the budget of the run to whose topics more are added, for which time doesn't count.

    Raises:
        ConfigError: as by `opened_budget`.
    """
    files = job.unfinished_files()
    known = recovered_metadata(files)[0] if files.exists else Metadata()
    run = known.run_id or str(job.dataset.absolute())
    with opened_budget(job.config.budget, run, known.spent, emit, stop, lambda: 0.0) as budget:
        yield budget


def check_spent(settings: Budget, unpriced: int) -> None:
    """Check that no call of unknown price was made already that counts, if a budget limits what runs cost.

    Raises:
        ConfigError: there were such calls.
    """
    if settings.cost is not None and unpriced:
        raise ConfigError(
            f"budget.cost can't be kept: {counted(unpriced, 'call')} that count already {are(unpriced)} of unknown "
            "price; give budget.tokens or budget.calls instead."
        )


def _amounts(of: Sum) -> Amounts:
    return Amounts(round(of.cost, _DECIMALS), of.tokens, of.calls)


def _sum(amounts: Amounts) -> Sum:
    return Sum(amounts.cost or 0.0, amounts.tokens or 0, amounts.calls or 0, int(amounts.cost is None))
