"""What the keeper tells of a budget, also where another keeper has begun."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from deepfabric_core.amounts import Amounts, Spent, Usage
from deepfabric_core.cluster.actors import BudgetSetup, KeeperActor
from deepfabric_core.cluster.lease_client import LeaseClient
from deepfabric_core.config.budget import Budget
from deepfabric_core.events import BudgetChanged
from deepfabric_core.run.budget import open_budget
from deepfabric_core.stop import Stop, Stopped
from deepfabric_core.store.budget_ledger import Sum
from deepfabric_core.store.user_folder import user_folder
from tests.core.cluster.test_leases import REAL, WORST, Direct, until

BUDGET, BEFORE = Budget(cost=1.0), Spent(10, Usage(300, 100, 0.04))


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger for each test, and workers that soon hear of a keeper that is gone."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr("deepfabric_core.cluster.lease_keeper._LONGEST_WAIT", 0.02)


class Driver:
    """The process that begins a run, of which calls of an earlier session were never answered."""

    def __init__(self) -> None:
        earlier = open_budget(BUDGET, "tea", BEFORE, lambda _: None, Stop(), lambda: 0.0)
        earlier.ledger.reserve(Sum(0.02, 200, 2), Amounts())
        earlier.ledger.close()
        self.budget = open_budget(BUDGET, "tea", BEFORE, lambda _: None, Stop(), lambda: 0.0)
        self.unseen = self.budget.unseen

    async def grow_topics(self) -> None:
        reserved = await self.budget.reserve(lambda: (WORST,), started=False)
        reserved.settle(REAL, answered=True)

    def keeper(self) -> KeeperActor:
        return KeeperActor(BudgetSetup(BUDGET, "tea", BEFORE, 0.0, time.time(), self.unseen))


async def told(keeper: KeeperActor) -> BudgetChanged:
    """What a keeper tells at the end."""
    return next(event for event in (await keeper.end()).events if isinstance(event, BudgetChanged))


async def calls(client: LeaseClient, count: int) -> None:
    for _ in range(count):
        reserved = await client.reserve(lambda: (WORST,), started=False)
        reserved.settle(REAL, answered=True)
    await client.flush()


def test_what_was_spent_on_topics_is_not_taken_for_calls_without_an_answer() -> None:
    async def all_of_it() -> BudgetChanged:
        driver = Driver()
        await driver.grow_topics()
        keeper = driver.keeper()
        async with LeaseClient(keeper, "0 a", between=0.001).opened() as client:
            await calls(client, 2)
        ended = await told(keeper)
        driver.budget.take_over(ended, Spent(3, Usage(60, 60, 0.012)), "")
        events: list[BudgetChanged] = []
        driver.budget.emit = events.append  # type: ignore[assignment]
        driver.budget.tell()
        assert (ended.unanswered, ended.besides) == (events[-1].unanswered, events[-1].besides)
        return ended

    ended = asyncio.run(all_of_it())
    assert (ended.unanswered.cost, ended.unanswered.tokens, ended.unanswered.calls) == (0.02, 200, 2)
    assert (ended.besides.cost, ended.besides.tokens, ended.besides.calls) == (0.02, 200, 2)


def test_a_keeper_after_one_that_died_tells_what_was_spent_from_what_may_have_been() -> None:
    async def all_of_it() -> BudgetChanged:
        driver = Driver()
        await driver.grow_topics()
        direct = Direct(driver.keeper())  # type: ignore[arg-type]
        async with LeaseClient(direct, "0 a", between=0.001).opened() as client:
            await calls(client, 20)
            goes_on = await client.reserve(lambda: (WORST,), started=False)
            gone = Direct(direct.keeper)
            async with LeaseClient(gone, "1 a", between=0.001).opened() as other:
                await other.reserve(lambda: (WORST,), started=False)
                gone.lost = True
            killed()
            direct.keeper = driver.keeper()  # type: ignore[assignment]
            await until(lambda: direct.registered == 2)
            goes_on.settle(REAL, answered=True)
            await client.flush()
        return await told(direct.keeper)  # type: ignore[arg-type]

    def killed() -> None:
        """Leave what a killed process leaves: reservations, and nobody who holds the lock."""
        for lock in (user_folder() / "budgets").glob("*.lock"):
            lock.unlink()

    ended = asyncio.run(all_of_it())
    assert (ended.unanswered.tokens, ended.besides.tokens) == (200 + 100, 200 + 100)
    assert ended.spent.tokens == 400 + 200 + 100 + 22 * 40


@pytest.mark.parametrize("is_elsewhere", [False, True])
def test_a_keeper_that_begins_again_on_another_machine_spends_no_more(tmp_path: Path, is_elsewhere: bool) -> None:
    async def all_of_it() -> str:
        driver = Driver()
        if is_elsewhere:
            (user_folder() / "budgets").rename(tmp_path / "another machine's")
        keeper = KeeperActor(BudgetSetup(BUDGET, "tea", BEFORE, 0.0, time.time(), driver.unseen), lambda: True)
        async with LeaseClient(keeper, "0 a", between=0.001).opened() as client:
            if is_elsewhere:
                with pytest.raises(Stopped):
                    await calls(client, 1)
            else:
                await calls(client, 1)
        return (await keeper.end()).reached

    assert asyncio.run(all_of_it()) == ("the machine is gone that knew what is spent" if is_elsewhere else "")
