"""Samples put to judges on servers of their own: verdicts, choices, and judges that fail."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from deepfabric_core.chat.messages import Reply, Request
from deepfabric_core.chat.rejected_calls import RejectedCalls
from deepfabric_core.config.judge import Judge, JudgesConfig
from deepfabric_core.errors import FailureKind
from deepfabric_core.events import CallAnswered, Emit, Event, Notice
from deepfabric_core.llm.connect import CallPolicy, connect
from deepfabric_core.llm.model import ChatModel
from deepfabric_core.llm.simulated.model import SimulatedModel
from deepfabric_core.quality.judge.judgement import Judgement, metadata_of
from deepfabric_core.quality.judge.verdict import Unjudged, Verdict
from deepfabric_core.redaction import Redactor
from deepfabric_core.run.stages.judge_gate import JudgeGate
from deepfabric_core.run.stages.judging import Choice, ConnectJudge, Judges, choose, connected, judge_sample
from deepfabric_core.stop import Stop, Stopped
from tests.answers import Json
from tests.core.conftest import place
from tests.core.quality.judge.samples import chat, config
from tests.provider import Faults, LocalProvider

__all__ = ["place"]

Ask = Callable[[Judges], Any]

CRITERIA = ["clarity", "correctness"]


def silent(_: Event) -> None:
    """Tell nobody."""


def scoring(score: int) -> Callable[[Json], str]:
    """A judge that gives this score under each criterion, whatever it reads."""
    said = {name: {"reason": f"It is worth {score}.", "score": score} for name in CRITERIA}
    return lambda _: json.dumps(said)


def preferring(part: str) -> Callable[[Json], str]:
    """A judge that prefers the sample in which something stands."""

    def reply(body: Json) -> str:
        first, _, second = body["messages"][-1]["content"].partition("\nSample B:\n")
        better = "A" if part in first else "B" if part in second else "tie"
        return json.dumps({"reason": "That is what counts.", "better": better})

    return reply


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-tests")


@pytest.fixture
def servers(place: object) -> Iterator[Callable[..., LocalProvider]]:
    """Starts local servers, each with its own way to reply."""
    running: list[LocalProvider] = []

    def start(reply: Callable[[Json], str] | None = None, **faults: Any) -> LocalProvider:
        running.append(LocalProvider(Faults(**faults), reply).__enter__())
        return running[-1]

    yield start
    for server in running:
        server.__exit__(None, None, None)


def judge_at(server: LocalProvider, model: str = "gpt-4o", **keys: Any) -> dict[str, Any]:
    llm = {"provider": "openai", "model": model, "base_url": server.base_url, "structured_output": "json_schema"}
    return {"llm": llm, "max_retries": 0, "criteria": CRITERIA, **keys}


def asked(judging: dict[str, Any], ask: Ask, stop: Stop | None = None, emit: Emit = silent) -> Any:
    """What is answered to a question to the judges of a config."""
    own = JudgesConfig.model_validate(judging)
    rate_limit = config().generation.rate_limit.model_copy(update={"base_delay": 0.01, "max_delay": 0.02})
    stopped = stop or Stop()

    def connecting(judge: Judge) -> Any:
        return connect(judge.llm, CallPolicy(4, judge.max_retries, rate_limit), emit, stopped)

    async def work() -> Any:
        async with connected(own, config(), connecting, emit, Redactor({"planted-secret"})) as judges:
            assert judges is not None
            return await ask(judges)

    return asyncio.run(work())


def judgement_of(judging: dict[str, Any], **more: Any) -> Judgement:
    made = asked(judging, lambda judges: judge_sample(chat(), judges), **more)
    assert isinstance(made, Judgement)
    return made


def test_a_sample_is_judged_over_http(servers: Callable[..., LocalProvider]) -> None:
    server = servers(scoring(2))
    told: list[Event] = []
    judgement = judgement_of({"judge": judge_at(server)}, emit=told.append)
    verdict = judgement.verdicts[0]
    assert [one.score for one in verdict.scores] == [2, 2] and not judgement.passes
    assert verdict.model == "gpt-4o" and verdict.usage.prompt_tokens > 100 and judgement.calls == 1
    (body,) = server.requests
    assert body["temperature"] == 0 and "Why true a rim?" in body["messages"][-1]["content"]
    assert sum(isinstance(event, CallAnswered) for event in told) == 1


def test_each_judge_is_asked_at_its_own_server(servers: Callable[..., LocalProvider]) -> None:
    kind, strict = servers(scoring(5)), servers(scoring(1))
    judges = [judge_at(kind, "kind"), judge_at(strict, "strict"), judge_at(kind, "kinder", scale="1-10", min=5)]
    judgement = judgement_of({"judges": judges})
    assert [one.model for one in judgement.verdicts] == ["kind", "strict", "kinder"]
    assert [one.passes for one in judgement.verdicts] == [True, False, True] and judgement.passes
    assert (len(kind.requests), len(strict.requests)) == (2, 1)
    assert not judgement_of({"judges": judges, "vote": "all"}).passes


def test_a_slow_judge_does_not_hold_up_the_others(servers: Callable[..., LocalProvider]) -> None:
    """They are asked at once: with one after the other this would take 1.2 s."""
    server = servers(scoring(5), latency=0.3)
    judges = [judge_at(server, f"model-{number}") for number in range(4)]

    async def timed(judges: Judges) -> float:
        began = asyncio.get_running_loop().time()
        await judge_sample(chat(), judges)
        return asyncio.get_running_loop().time() - began

    assert asked({"judges": judges}, timed) < 1.0


@pytest.mark.parametrize(
    ("faults", "kind", "calls"),
    [
        ({"status": 500}, FailureKind.SERVER_ERROR, 1),
        ({"status": 401, "error_code": "invalid_api_key"}, FailureKind.AUTHENTICATION, 1),
        ({"reset": 1.0}, FailureKind.CONNECTION, 1),
        ({"schema_violation": 1.0}, FailureKind.INVALID_REPLY, 2),
    ],
)
def test_a_judge_that_fails_leaves_the_sample_unjudged(
    servers: Callable[..., LocalProvider], faults: dict[str, Any], kind: FailureKind, calls: int
) -> None:
    server = servers(scoring(5), **faults)
    judgement = judgement_of({"judge": judge_at(server, reply_retries=1)})
    (outcome,) = judgement.outcomes
    assert isinstance(outcome, Unjudged)
    assert (outcome.kind, outcome.model, outcome.calls) == (kind, "openai/gpt-4o", calls)
    assert judgement.passes and outcome.reason
    if calls == 2:
        assert outcome.usage.prompt_tokens > 0  # replies that can't be used were paid for
    told = metadata_of(judgement, ("clarity",))
    assert (told["judged"], told["scores"]) == (False, {"clarity": 0.0}) and outcome.reason in told["unjudged"]


def test_a_judge_that_says_nothing_of_five_samples_in_a_row_is_told_of_once_with_the_reason(
    servers: Callable[..., LocalProvider],
) -> None:
    server = servers(lambda _: '{"clarity": {"reason": "very clear", "score": 5}}')
    told: list[Event] = []

    async def examine(judges: Judges) -> list[int]:
        gate, notices = JudgeGate(judges, None), []
        for _ in range(11):
            await gate.examine(chat())
            notices.append(sum(isinstance(event, Notice) for event in told))
        return notices

    assert asked({"judge": judge_at(server, reply_retries=0)}, examine, emit=told.append) == [0] * 4 + [1] * 7
    (notice,) = (event for event in told if isinstance(event, Notice))
    assert notice.message.startswith("The last 5 samples are all unjudged, and accepted as they are: openai/gpt-4o: ")
    assert "correctness is missing" in notice.message


def test_one_judge_that_fails_leaves_the_vote_to_the_others(servers: Callable[..., LocalProvider]) -> None:
    broken, strict = servers(status=503), servers(scoring(1))
    judgement = judgement_of({"judges": [judge_at(broken), judge_at(strict, "strict")]})
    assert [type(one) for one in judgement.outcomes] == [Unjudged, Verdict] and not judgement.passes


def test_the_reason_of_a_failure_holds_no_secret(servers: Callable[..., LocalProvider]) -> None:
    server = servers(status=400, error_message="no such thing as planted-secret")
    (outcome,) = judgement_of({"judge": judge_at(server)}).unjudged
    assert "planted-secret" not in outcome.reason and "no such thing" in outcome.reason


def test_replies_that_cannot_be_used_are_collected(servers: Callable[..., LocalProvider]) -> None:
    server = servers(lambda _: '{"clarity": {"reason": "very clear", "score": 5}}')
    rejected = RejectedCalls()
    asked({"judge": judge_at(server, reply_retries=1)}, lambda judges: judge_sample(chat(), judges, rejected))
    assert [call.reason for call in rejected.calls] == [
        "correctness is missing"
    ]  # of the last one, the judgement tells
    assert "very clear" in rejected.calls[0].reply


def test_a_stop_before_the_judge_is_asked_is_no_failure_of_the_judge(servers: Callable[..., LocalProvider]) -> None:
    server, stop = servers(scoring(5)), Stop()
    stop.request()
    for judging in ({"judge": judge_at(server)}, {"judges": [judge_at(server), judge_at(server)]}):
        with pytest.raises(Stopped):
            judgement_of(judging, stop=stop)
    assert not server.requests


def test_of_several_samples_the_best_is_chosen(servers: Callable[..., LocalProvider]) -> None:
    server = servers(preferring("brake"))
    samples = [chat(answer="It wobbles."), chat(answer="It rubs on the brake."), chat(answer="It is bent.")]
    choice = asked({"judge": judge_at(server)}, lambda judges: choose(samples, [5, 4, 5], judges))
    assert isinstance(choice, Choice)
    assert choice.order == (1, 0, 2) and choice.calls == 6 == len(server.requests)
    assert choice.usage.prompt_tokens > 0 and not choice.failed


def test_a_judge_that_always_prefers_the_first_leaves_it_to_the_scores(servers: Callable[..., LocalProvider]) -> None:
    server = servers(lambda _: '{"reason": "It comes first.", "better": "A"}')
    samples = [chat(answer="One."), chat(answer="Two.")]
    assert asked({"judge": judge_at(server)}, lambda judges: choose(samples, [3, 4], judges)).order == (1, 0)


def test_comparisons_that_fail_count_as_ties(servers: Callable[..., LocalProvider]) -> None:
    server = servers(status=500)
    choice = asked({"judge": judge_at(server)}, lambda judges: choose([chat(), chat()], [3, 3], judges))
    assert choice.order == (0, 1) and len(choice.failed) == 1


def test_one_sample_is_the_best_without_a_call(servers: Callable[..., LocalProvider]) -> None:
    server = servers(status=500)
    assert asked({"judge": judge_at(server)}, lambda judges: choose([chat()], [3], judges)).order == (0,)
    assert not server.requests


class Breaking:
    """A model with a bug."""

    name = "breaking"

    async def complete(self, request: Request) -> Reply:
        """Fail as no model should."""
        raise LookupError(f"planted-secret isn't there: {request.max_tokens}")

    async def close(self) -> None:
        """Do nothing."""


def with_model(model: ChatModel, judging: dict[str, Any], ask: Ask) -> Any:
    """What is answered by judges that are all this model."""

    @asynccontextmanager
    async def connecting(_: Judge) -> AsyncIterator[ChatModel]:
        yield model

    async def work() -> Any:
        as_function: ConnectJudge = connecting
        async with connected(
            JudgesConfig.model_validate(judging), config(), as_function, silent, Redactor({"planted-secret"})
        ) as j:
            return await ask(j) if j else None

    return asyncio.run(work())


def test_a_bug_in_a_model_leaves_the_sample_unjudged() -> None:
    judgement = with_model(Breaking(), {"judge": {}}, lambda judges: judge_sample(chat(), judges))
    (outcome,) = judgement.unjudged
    assert outcome.kind is FailureKind.INTERNAL and "planted-secret" not in outcome.reason


def test_without_a_judge_there_is_nothing_to_connect_to() -> None:
    assert with_model(Breaking(), {}, lambda _: 1 / 0) is None


def test_the_simulated_model_judges_too_and_says_so() -> None:
    model = SimulatedModel(judge_settings := Judge.model_validate({"llm": {"provider": "simulated"}}).llm)
    judgement = with_model(model, {"judge": {"llm": judge_settings.model_dump()}}, lambda j: judge_sample(chat(), j))
    assert judgement.is_judged and metadata_of(judgement, ())["simulated"]


def test_the_columns_of_the_metadata_are_the_criteria_of_all_judges() -> None:
    async def columns(judges: Judges) -> tuple[str, ...]:
        return judges.criteria

    judges = [{"criteria": ["clarity", "safety"]}, {"criteria": ["safety", {"style": "Short."}]}]
    assert with_model(Breaking(), {"judges": judges}, columns) == ("clarity", "safety", "style")
