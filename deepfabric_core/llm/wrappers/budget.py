"""A wrapper that reserves the worst case of each call in a budget before it is sent, and settles it with the answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

from deepfabric_core.amounts import Amounts
from deepfabric_core.chat.messages import Reply, Request
from deepfabric_core.errors import FailureKind, ModelError
from deepfabric_core.llm.model import ChatModel
from deepfabric_core.llm.prices import Prices
from deepfabric_core.llm.wrappers.token_bounds import PromptBounds, ReplyLengths, most_tokens_in

# Failures after which a provider may have worked, and bills for that, though nobody has seen its answer.
_PERHAPS_BILLED = (FailureKind.TIMEOUT, FailureKind.CONNECTION, FailureKind.SERVER_ERROR)


class Reservation(Protocol):
    """What is reserved for a call: `choice` is the number of the choice that was still left."""

    choice: int

    def settle(self, spent: Amounts, *, answered: bool) -> None:
        """Give back what wasn't spent; a call that isn't answered may not have been paid for after all."""


class Budget(Protocol):
    """What calls reserve their worst case in."""

    async def reserve(self, choices: Callable[[], Sequence[Amounts]], *, started: bool) -> Reservation:
        """Reserve the first of several amounts that is left; see `run.budget.RunBudget`."""


class _Choice(NamedTuple):
    """A call with a bound on its prompt and a limit of its reply, in tokens, and what it costs at most."""

    prompt: int
    max_tokens: int
    most: Amounts


@dataclass
class BudgetedModel:
    """A model whose calls are only sent if their worst case is left in the budget.

    Near the end of a budget, where the longest reply that is allowed is no longer left, a call may go with a lower
    limit, as long as that is well above the longest reply of its kind so far.
    """

    model: ChatModel
    budget: Budget
    prices: Prices
    _bounds: PromptBounds = field(default_factory=PromptBounds)
    _lengths: ReplyLengths = field(default_factory=ReplyLengths)
    _dearer: float = 1.0  # how many times the price list's cost a call has taken

    @property
    def name(self) -> str:
        """Provider and model."""
        return self.model.name

    async def complete(self, request: Request) -> Reply:
        """Answer one request; see `ChatModel`.

        Raises:
            Stopped: its worst case isn't left in the budget.
        """
        choices: list[_Choice] = []

        def amounts() -> list[Amounts]:
            choices[:] = self._choices(request)
            return [one.most for one in choices]

        reservation = await self.budget.reserve(amounts, started=request.continues)
        chosen = choices[reservation.choice]
        spent, answered = chosen.most, False  # of a call that is given up, nobody knows whether it was paid for
        try:
            reply = await self.model.complete(replace(request, max_tokens=chosen.max_tokens))
            spent, answered = self._spent(request, reply, chosen), True
        except ModelError as problem:
            answered = not _is_perhaps_billed(problem)
            spent = Amounts(0.0, 0, 1) if answered else chosen.most
            raise
        finally:
            reservation.settle(spent, answered=answered)
        return reply

    async def close(self) -> None:
        """Close the model."""
        await self.model.close()

    def _choices(self, request: Request) -> list[_Choice]:
        prompt = self._bounds.most(request)
        limits = self._lengths.limits(request, request.max_tokens)
        return [_Choice(prompt, limit, self._amounts(prompt, self._lengths.most(limit))) for limit in limits]

    def _amounts(self, prompt: int, completion: int) -> Amounts:
        cost = self.prices.most(prompt, completion)
        return Amounts(None if cost is None else cost * self._dearer, prompt + completion, 1)

    def _spent(self, request: Request, reply: Reply, chosen: _Choice) -> Amounts:
        """Return what a call took, as the provider states it; without that, what it can have taken at most."""
        usage = reply.usage
        if not usage.prompt_tokens + usage.completion_tokens:
            return self._amounts(chosen.prompt, min(most_tokens_in(reply), chosen.max_tokens))
        self._bounds.learn(request, usage.prompt_tokens)
        self._lengths.learn(request, chosen.max_tokens, usage.completion_tokens)
        listed = self.prices.most(usage.prompt_tokens, usage.completion_tokens)
        if listed and usage.cost is not None:
            self._dearer = max(self._dearer, usage.cost / listed)
        return Amounts(listed if usage.cost is None else usage.cost, usage.prompt_tokens + usage.completion_tokens, 1)


def _is_perhaps_billed(problem: ModelError) -> bool:
    return problem.status is None and problem.kind in _PERHAPS_BILLED and not problem.never_sent
