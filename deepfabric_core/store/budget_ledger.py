"""The ledger of budgets: what is spent of each, and what is reserved for calls in flight, by all processes.

It is an SQLite database in the user's folder. A reservation is in it before its call is sent, so that a process that is
killed leaves none unnoticed: what it had reserved counts as spent, since its calls may have been paid for.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from deepfabric_core.amounts import Amounts
from deepfabric_core.errors import ConfigError, DeepFabricError, OutputError
from deepfabric_core.store.files import PRIVATE, is_locked, make_folder, reason
from deepfabric_core.store.sqlite_file import opened
from deepfabric_core.store.user_folder import user_folder

_FILE = "budgets.sqlite"
# What stands before the name of a budget that runs share.
_NAMED = "named "
# In seconds. Other processes hold the database for less than a millisecond at a time.
_PATIENCE = 60.0
# What each run has spent of a budget, and what calls in flight have reserved; a budget of one run is named after it.
# `forgotten` is what each run had spent of a budget when that began anew, for runs that are resumed later.
_TABLES = """
CREATE TABLE IF NOT EXISTS spent (
  budget TEXT, run TEXT, cost REAL, tokens INTEGER, calls INTEGER, unpriced INTEGER, PRIMARY KEY (budget, run)
);
CREATE TABLE IF NOT EXISTS reserved (
  id INTEGER PRIMARY KEY, budget TEXT, run TEXT, holder TEXT, cost REAL, tokens INTEGER, calls INTEGER
);
CREATE INDEX IF NOT EXISTS reserved_of ON reserved (budget);
CREATE TABLE IF NOT EXISTS forgotten (
  budget TEXT, run TEXT, cost REAL, tokens INTEGER, calls INTEGER, unpriced INTEGER, PRIMARY KEY (budget, run)
);
"""
# A run whose budget was forgotten meanwhile begins a new row.
_ADDED = """
ON CONFLICT (budget, run) DO UPDATE SET cost = cost + excluded.cost,
tokens = tokens + excluded.tokens, calls = calls + excluded.calls, unpriced = unpriced + excluded.unpriced
"""
_SPENT_BY_RUN = "SELECT run, cost, tokens, calls, unpriced FROM spent WHERE budget = ?"
_ADD = "INSERT INTO spent VALUES (?, ?, ?, ?, ?, ?)" + _ADDED  # noqa: S608 - constants
_FORGET = "INSERT INTO forgotten SELECT * FROM spent WHERE budget = ?" + _ADDED  # noqa: S608 - constants


class Sum(NamedTuple):
    """Dollars, tokens and calls; the dollars leave out `unpriced` calls, whose price is unknown."""

    cost: float = 0.0
    tokens: int = 0
    calls: int = 0
    unpriced: int = 0

    def plus(self, more: Sum) -> Sum:
        """Return this and something more."""
        counts = self.tokens + more.tokens, self.calls + more.calls, self.unpriced + more.unpriced
        return Sum(self.cost + more.cost, *counts)

    def minus(self, less: Sum) -> Sum:
        """Return this without something."""
        return self.plus(Sum(-less.cost, -less.tokens, -less.calls, -less.unpriced))

    def beyond(self, other: Sum) -> Sum:
        """Return what this is more than another, of each amount on its own."""
        cost, *counts = self.minus(other)
        return Sum(max(0.0, cost), *(max(0, count) for count in counts))

    def is_within(self, limits: Amounts) -> bool:
        """Return whether no limit is exceeded."""
        bounds = zip(self, (limits.cost, limits.tokens, limits.calls), strict=False)
        return all(limit is None or amount <= limit for amount, limit in bounds)


@dataclass(frozen=True, slots=True)
class Balance:
    """What is spent of a budget, the part of it by this run (`own`), and what is reserved for `in_flight` calls."""

    spent: Sum
    own: Sum
    reserved: Sum
    in_flight: int


class BudgetLedger:
    """The part of the ledger that is about one budget, opened for one run.

    Args:
        budget: the name of the budget.
        run: the id of the run; a resumed run has the same.
        before: what the run had spent before, as its checkpoint tells, if that is more than the ledger knows. What it
            had spent when the budget began anew doesn't count.
        folder: where the ledger is.

    Attributes:
        lost: what calls of the run before that may have taken whose answers were never seen.
        dead: the part of it that a process had reserved which was gone when this was opened.

    Raises:
        ConfigError: the ledger can't be read or written. Later on, that is an OutputError.
    """

    def __init__(self, budget: str, run: str, before: Sum, folder: Path | None = None) -> None:
        self._key = (budget, run)
        self._folder = _folder_in(folder)
        self._path = self._folder / _FILE
        self._holder = f"{os.getpid()}-{secrets.token_hex(8)}"
        with _explained(self._path, ConfigError):
            self._lock = _Holder(self._folder, self._holder)
            self._database = opened(self._path, _TABLES, patience=_PATIENCE)
            self.lost, self.dead = self._begin(before)

    def reserve(self, most: Sum, limits: Amounts) -> int | None:
        """Reserve what a call costs at most, and return the number of the reservation; None if it isn't left."""
        with self._explained(), self._transaction():
            balance = self._balance()
            if not balance.spent.plus(balance.reserved).plus(most).is_within(limits):
                return None
            values = (*self._key, self._holder, *most[:3])
            added = self._database.execute(
                "INSERT INTO reserved (budget, run, holder, cost, tokens, calls) VALUES (?, ?, ?, ?, ?, ?)", values
            )
            return added.lastrowid

    def settle(self, reservation: int, spent: Sum) -> None:
        """Replace a reservation by what was spent."""
        with self._explained(), self._transaction():
            self._database.execute("DELETE FROM reserved WHERE id = ?", (reservation,))
            self._database.execute(_ADD, (*self._key, *spent))

    def correct(self, counted: Sum, spent: Sum) -> None:
        """Replace what counts as spent, since the process is gone that had reserved it, by what was spent."""
        with self._explained(), self._transaction():
            self._database.execute(_ADD, (*self._key, *spent.minus(counted)))

    def balance(self) -> Balance:
        """Return what is spent and reserved now, by all runs that share the budget."""
        with self._explained():
            return self._balance()

    def count_dead(self) -> None:
        """Count as spent what processes had reserved that are gone."""
        with self._explained(), self._transaction():
            self._count_dead()

    def close(self) -> None:
        """Close the ledger; what is still reserved counts as spent."""
        with suppress(sqlite3.Error), self._transaction():
            self._count_dead(also=self._holder)
        self._database.close()
        self._lock.release()

    def _begin(self, before: Sum) -> tuple[Sum, Sum]:
        """Count what the run had spent before; return what the ledger knows beyond that, and the dead part of it."""
        with self._transaction():
            dead = self._count_dead()
            self._database.execute("INSERT OR IGNORE INTO spent VALUES (?, ?, 0, 0, 0, 0)", self._key)
            forgotten = "SELECT cost, tokens, calls, unpriced FROM forgotten WHERE budget = ? AND run = ?"
            gone = self._database.execute(forgotten, self._key).fetchone()
            counting = before.beyond(Sum(*gone)) if gone else before
            raised = ", ".join(f"{name} = MAX({name}, ?)" for name in Sum._fields)
            self._database.execute(f"UPDATE spent SET {raised} WHERE budget = ? AND run = ?", (*counting, *self._key))  # noqa: S608 - names of fields
            return self._balance().own.beyond(counting), dead

    def _balance(self) -> Balance:
        budget, run = self._key
        rows = self._database.execute(_SPENT_BY_RUN, (budget,))
        spent = own = Sum()
        for spender, *amounts in rows:
            spent = spent.plus(Sum(*amounts))
            own = Sum(*amounts) if spender == run else own
        held = "SELECT count(*), total(cost), total(tokens), total(calls) FROM reserved WHERE budget = ?"
        in_flight, cost, tokens, calls = self._database.execute(held, (budget,)).fetchone()
        return Balance(spent, own, Sum(cost, int(tokens), int(calls)), in_flight)

    def _count_dead(self, also: str = "") -> Sum:
        """Count as spent what processes had reserved that are gone, and `also` one; return the part of this run."""
        own = Sum()
        rows = self._database.execute(
            "SELECT holder, run, total(cost), total(tokens), total(calls) FROM reserved WHERE budget = ? "
            "GROUP BY holder, run",
            self._key[:1],
        )
        for holder, run, cost, tokens, calls in rows.fetchall():
            if holder != also and (holder == self._holder or _is_alive(self._folder, holder)):
                continue
            self._database.execute(_ADD, (self._key[0], run, cost, int(tokens), int(calls), 0))
            self._database.execute("DELETE FROM reserved WHERE holder = ? AND budget = ?", (holder, self._key[0]))
            if run == self._key[1]:
                own = own.plus(Sum(cost, int(tokens), int(calls)))
        return own

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def _explained(self) -> AbstractContextManager[None]:
        return _explained(self._path, OutputError)


def budget_key(name: str | None, run: str) -> str:
    """Return how a budget is called in the ledger: by the name that runs share, or else by the id of its run."""
    return f"{_NAMED}{name}" if name else f"run {run}"


@dataclass(frozen=True, slots=True)
class NamedBudget:
    """A budget that runs share by its name: how many, and what they have spent of it."""

    name: str
    runs: int
    spent: Sum


def named_budgets(folder: Path | None = None) -> list[NamedBudget]:
    """Return the budgets that runs share by a name.

    Raises:
        ConfigError: the ledger can't be read.
    """
    sums = "SELECT budget, count(*), sum(cost), sum(tokens), sum(calls), sum(unpriced) FROM spent GROUP BY budget"
    with _existing(folder) as database:
        rows = database.execute(sums).fetchall() if database else ()
    found = [
        NamedBudget(budget.removeprefix(_NAMED), runs, Sum(*spent))
        for budget, runs, *spent in rows
        if budget.startswith(_NAMED)
    ]
    return sorted(found, key=lambda one: one.name)


def spent_by_run(budget: str, folder: Path | None = None) -> dict[str, Sum]:
    """Return what each run has spent of a budget, by the run's id; the budget is called as by `budget_key`.

    Raises:
        ConfigError: the ledger can't be read.
    """
    with _existing(folder) as database:
        rows = database.execute(_SPENT_BY_RUN, (budget,)).fetchall() if database else ()
    return {run: Sum(*spent) for run, *spent in rows}


def forget_budget(name: str, folder: Path | None = None) -> bool:
    """Forget what was spent of a named budget, so that it begins anew; return whether there was one.

    Raises:
        ConfigError: the ledger can't be written.
    """
    key = (budget_key(name, ""),)
    with _existing(folder) as database:
        if database is None:
            return False
        with database:
            database.execute("BEGIN IMMEDIATE")
            database.execute(_FORGET, key)
            return database.execute("DELETE FROM spent WHERE budget = ?", key).rowcount > 0


@contextmanager
def _existing(folder: Path | None) -> Iterator[sqlite3.Connection | None]:
    """Open the ledger for a moment; None if there is none yet."""
    path = _folder_in(folder) / _FILE
    if not path.exists():
        yield None
        return
    with _explained(path, ConfigError), closing(opened(path, _TABLES, patience=_PATIENCE)) as database:
        yield database


def _folder_in(folder: Path | None) -> Path:
    return (folder or user_folder()) / "budgets"


@contextmanager
def _explained(path: Path, error: type[DeepFabricError]) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as problem:
        said = reason(problem) if isinstance(problem, OSError) else str(problem)
        raise error(
            f"The budget can't be kept, since {path} can't be read or written: {said}. Make room, delete it to forget "
            "what was spent so far, or leave the budget out."
        ) from problem


class _Holder:
    """A lock that shows that the process lives which has reserved something; its file goes with it."""

    def __init__(self, folder: Path, name: str) -> None:
        import filelock

        make_folder(folder)
        self._path = _lock_of(folder, name)
        self._lock = filelock.FileLock(self._path, timeout=0, thread_local=False, mode=PRIVATE)
        self._lock.acquire()

    def release(self) -> None:
        self._lock.release()
        self._path.unlink(missing_ok=True)


def _lock_of(folder: Path, holder: str) -> Path:
    return folder / f"{holder}.lock"


def _is_alive(folder: Path, holder: str) -> bool:
    """Return whether a process that has reserved something is still at work; the lock of one that isn't is deleted."""
    path = _lock_of(folder, holder)
    if is_locked(path):
        return True
    path.unlink(missing_ok=True)
    return False
