"""The ledger of budgets: nothing is spent twice, and what a killed process had reserved counts as spent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deepfabric_core.amounts import Amounts
from deepfabric_core.errors import ConfigError, OutputError
from deepfabric_core.store.budget_ledger import BudgetLedger, NamedBudget, Sum, forget_budget, named_budgets
from tests import ROOT

LIMITS = Amounts(cost=1.0, tokens=1000, calls=10)


@pytest.fixture
def ledger(tmp_path: Path) -> BudgetLedger:
    return BudgetLedger("named tea", "one", Sum(), tmp_path)


def test_what_is_reserved_is_not_left_for_others_until_it_is_given_back(ledger: BudgetLedger) -> None:
    first = ledger.reserve(Sum(0.7, 10, 1), LIMITS)
    assert first is not None
    assert ledger.reserve(Sum(0.4, 10, 1), LIMITS) is None
    ledger.settle(first, Sum(0.1, 5, 1))
    assert ledger.reserve(Sum(0.4, 10, 1), LIMITS) is not None
    balance = ledger.balance()
    assert balance.spent == Sum(0.1, 5, 1) and balance.reserved == Sum(0.4, 10, 1) and balance.in_flight == 1


@pytest.mark.parametrize("most", [Sum(1.1, 1, 1), Sum(0, 1001, 1), Sum(0, 1, 11)])
def test_each_limit_counts(ledger: BudgetLedger, most: Sum) -> None:
    assert ledger.reserve(most, LIMITS) is None
    assert ledger.reserve(most, Amounts()) is not None


def test_runs_share_what_has_one_name_and_nothing_else(tmp_path: Path, ledger: BudgetLedger) -> None:
    other = BudgetLedger("named tea", "two", Sum(0.5, 100, 3), tmp_path)
    apart = BudgetLedger("run three", "three", Sum(), tmp_path)
    assert ledger.balance().spent == Sum(0.5, 100, 3)
    assert ledger.reserve(Sum(0.6, 1, 1), LIMITS) is None
    assert apart.reserve(Sum(0.6, 1, 1), LIMITS) is not None
    for one in (other, apart):
        one.close()


def test_what_a_checkpoint_tells_counts_where_it_is_more(tmp_path: Path) -> None:
    for known, expected in ((Sum(0.2, 20, 2), 0.2), (Sum(0.1, 10, 1), 0.2), (Sum(0.3, 30, 3), 0.3)):
        ledger = BudgetLedger("run one", "one", known, tmp_path)
        assert ledger.balance().spent.cost == expected
        ledger.close()


def test_an_end_without_settling_counts_as_spent(tmp_path: Path, ledger: BudgetLedger) -> None:
    ledger.reserve(Sum(0.3, 30, 1), LIMITS)
    ledger.close()
    again = BudgetLedger("named tea", "one", Sum(), tmp_path)
    assert again.balance().spent == Sum(0.3, 30, 1) and again.balance().in_flight == 0
    assert again.lost == Sum(0.3, 30, 1)


def test_what_a_killed_process_had_reserved_counts_as_spent_and_what_a_living_one_has_does_not(
    tmp_path: Path, ledger: BudgetLedger
) -> None:
    code = (
        "import sys, time, pathlib\nfrom deepfabric_core.amounts import Amounts\n"
        "from deepfabric_core.store.budget_ledger import BudgetLedger, NamedBudget, Sum, forget_budget, named_budgets\n"
        f"ledger = BudgetLedger('named tea', 'two', Sum(), pathlib.Path({str(tmp_path)!r}))\n"
        "ledger.reserve(Sum(0.4, 40, 1), Amounts())\nprint('reserved', flush=True)\ntime.sleep(60)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None and process.stdout.readline() == b"reserved\n"
        ledger.count_dead()
        assert ledger.balance().in_flight == 1 and ledger.balance().spent == Sum()
        process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while ledger.balance().in_flight and time.monotonic() < deadline:
        ledger.count_dead()
    assert ledger.balance().spent == Sum(0.4, 40, 1)
    assert not [path for path in (tmp_path / "budgets").glob("*.lock") if str(os.getpid()) not in path.name]


def test_a_damaged_ledger_is_told_and_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "budgets").mkdir()
    (tmp_path / "budgets" / "budgets.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(ConfigError, match=r"budgets\.sqlite can't be read or written: .*delete it"):
        BudgetLedger("run one", "one", Sum(), tmp_path)


def test_only_the_user_may_read_it(tmp_path: Path, ledger: BudgetLedger) -> None:
    assert (tmp_path / "budgets" / "budgets.sqlite").stat().st_mode & 0o077 == 0
    assert (tmp_path / "budgets").stat().st_mode & 0o077 == 0


def test_named_budgets_are_listed_and_can_begin_anew(tmp_path: Path) -> None:
    assert named_budgets(tmp_path) == []
    for name, run, spent in (("named tea", "1", 0.5), ("named tea", "2", 0.25), ("run 3", "3", 1), ("named a", "4", 2)):
        BudgetLedger(name, run, Sum(spent, 10, 1), tmp_path).close()
    assert named_budgets(tmp_path) == [NamedBudget("a", 1, Sum(2, 10, 1)), NamedBudget("tea", 2, Sum(0.75, 20, 2))]
    assert forget_budget("tea", tmp_path) and not forget_budget("tea", tmp_path)
    assert [one.name for one in named_budgets(tmp_path)] == ["a"]


def test_a_run_whose_budget_is_forgotten_meanwhile_counts_from_then_on(tmp_path: Path, ledger: BudgetLedger) -> None:
    reserved = ledger.reserve(Sum(0.5, 50, 1), LIMITS)
    forget_budget("tea", tmp_path)
    assert reserved is not None
    ledger.settle(reserved, Sum(0.25, 25, 1))
    assert ledger.balance().spent == Sum(0.25, 25, 1)


def test_a_ledger_that_can_not_be_written_any_more_lets_no_call_through(ledger: BudgetLedger) -> None:
    ledger._database.execute("PRAGMA query_only = 1")  # noqa: SLF001 - as a full disk would do
    with pytest.raises(OutputError, match="can't be read or written"):
        ledger.reserve(Sum(0.1, 1, 1), LIMITS)


def test_what_a_run_had_spent_of_a_budget_that_began_anew_counts_no_more(tmp_path: Path) -> None:
    for known, more, expected in ((0.0, 0.5, 0.5), (0.5, 0.0, 0.0), (0.5, 0.25, 0.25), (0.75, 0.0, 0.0)):
        ledger = BudgetLedger("named tea", "one", Sum(known, 0, 0), tmp_path)
        number = ledger.reserve(Sum(more, 1, 1), LIMITS)
        assert number is not None and ledger.lost.cost == 0
        ledger.settle(number, Sum(more, 1, 1))
        assert ledger.balance().spent.cost == expected
        ledger.close()
        assert forget_budget("tea", tmp_path)
