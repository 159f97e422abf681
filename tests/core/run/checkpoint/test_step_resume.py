"""Agents, refused replies and topics: after a kill, what was answered of an unfinished one is not paid again."""

from __future__ import annotations

import json
import random
import signal
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from deepfabric_core.store.checkpoint_files import CheckpointFiles, read_metadata
from deepfabric_core.store.usage_totals import with_unsaved
from tests import ROOT
from tests.answers import Calls, Json
from tests.core.commands import lines, start
from tests.core.conftest import Run, local_llm, write_config
from tests.core.run.checkpoint.test_resume import checkpoint, cut, finish, whole
from tests.core.run.stages.test_agent_runs import AGENT, keeper, kept_apart, replayed, results
from tests.provider import Faults, LocalProvider
from tests.spin_server import SpinServer

MCP = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from tests.mcp_server import main; main()"
BAD = "Sorry, no."


class Holding(LocalProvider):
    """Answers what it is let, and holds every other call until its client goes away."""

    lets: Callable[[Json], bool] = staticmethod(lambda _: True)

    def let(self, calls: int) -> None:
        """Answer so many more calls."""
        last = self.counts.requests + calls
        self.lets = lambda _: self.counts.requests <= last

    def let_all(self) -> None:
        """Answer every call."""
        self.lets = lambda _: True

    def wait_for_silence(self) -> None:
        """Wait until the server has seen all that a killed client sent, and holds none of it."""
        quiet = 0
        while quiet < 3:
            urllib.request.urlopen(self.base_url.replace("/v1", "/counts")).read()  # noqa: S310 - the address is the test server's
            quiet = 0 if self._in_flight else quiet + 1
            time.sleep(0.01)

    async def _let_in(self, request: web.Request, body: Json, outcome: str, delay: float) -> web.Response:
        return await super()._let_in(request, body, outcome, delay if self.lets(body) else 3600)


@pytest.fixture
def agents() -> Iterator[Holding]:
    """A model that writes a file, lists the folder, reads the file, and then knows enough."""
    with Holding(Faults(), agent=keeper) as server:
        yield server


def configured(place: Path, provider: LocalProvider, leaves: int = 1, **sections: dict[str, Any]) -> None:
    """So many topics that are given, one call at once, no metadata but at the beginning and at the end."""
    names = [f'{{"path": ["Bicycles", "part {number}"]}}\n' for number in range(leaves)]
    (place / "topics.jsonl").write_text("".join(names))
    output = {"batch_size": 1, "checkpoint": {"interval": 1000}, **sections.pop("output", {})}
    llm = {**local_llm(provider), "structured_output": "json_schema"}
    write_config(place, llm=llm, output=output, **sections)


LOAD = ("--topics-load", "topics.jsonl")


def kill_after(place: Path, provider: Holding, calls: int, *arguments: str) -> None:
    """Let the server answer so many more calls; once the process has noted all the answers, kill it."""
    provider.let(calls)
    kill_at(place, provider, provider.counts.answered + calls, *arguments)


def kill_at(place: Path, provider: Holding, answered: int, *arguments: str) -> None:
    """Run until so many calls are answered and noted, then kill; from then on the server answers every call."""
    process, deadline = start(place, *arguments), time.monotonic() + 60
    try:
        while provider.counts.answered < answered or paid(place) < answered:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline, (paid(place), provider.counts)
            time.sleep(0.01)
    finally:
        process.kill()
        process.communicate()
    provider.wait_for_silence()
    assert paid(place) == provider.counts.answered == answered
    provider.let_all()


def paid(place: Path) -> int:
    """The calls that the checkpoint knows of."""
    found = list((place / "data/deepfabric/checkpoints").glob("*/*.checkpoint.json"))
    if not found:
        return 0
    own = CheckpointFiles(found[0].parent, found[0].name.removesuffix(".checkpoint.json"))
    return with_unsaved(read_metadata(own), own).calls


def status(deepfabric: Run) -> dict[str, Any]:
    done = deepfabric("checkpoint-status", "config.yaml", "--json")
    assert done.returncode == 0, done.stderr
    usage: dict[str, Any] = json.loads(done.stdout)["usage"]
    return usage


# ---- many agents


@pytest.mark.slow
def test_agents_killed_at_random_lose_no_more_than_the_calls_in_flight(
    place: Path, deepfabric: Run, agents: Holding
) -> None:
    agents.faults = Faults(latency=0.02)
    output = {"num_samples": 60, "batch_size": 16, "checkpoint": {"interval": 7}}
    write_config(place, llm=local_llm(agents), generation=AGENT, output=output)
    dice, kills = random.Random(11), 4
    for kill in range(kills):
        cut(place, agents, dice.randrange(20, 60), *["--resume"][:kill], by=signal.SIGKILL)
    agents.faults = Faults()
    finish(place)
    records = lines(place / "out/dataset.jsonl")
    kept_apart(records)
    attempts = [record["metadata"]["attempts"] for record in records]
    assert attempts == [5] * 60
    assert 0 <= agents.counts.answered - 4 - sum(attempts) <= 16 * kills
    replayed(deepfabric, "60 samples with 180 calls: 0 differences")


@pytest.mark.slow
def test_of_sixteen_agents_no_answered_call_is_paid_twice_and_the_totals_are_the_servers(
    place: Path, deepfabric: Run, agents: Holding
) -> None:
    output = {"num_samples": 40, "batch_size": 16, "checkpoint": {"interval": 3}}
    write_config(place, llm=local_llm(agents), generation=AGENT, output=output)
    kill_after(place, agents, 30)
    kill_after(place, agents, 70, "--resume")
    assert status(deepfabric)["calls"] == agents.counts.answered == 100
    kill_after(place, agents, 40, "--resume")
    used = status(deepfabric)
    assert used["calls"] == agents.counts.answered == 140
    assert used["prompt_tokens"] > 140
    finish(place)
    assert agents.counts.answered == 4 + 40 * 5
    kept_apart(lines(place / "out/dataset.jsonl"))


# ---- one agent


def test_an_agent_killed_in_its_third_step_asks_for_the_rest_and_reads_what_it_had_written(
    place: Path, agents: Holding
) -> None:
    configured(place, agents, generation=AGENT)
    kill_after(place, agents, 3, *LOAD)
    assert len(whole(checkpoint(place, "steps.jsonl"))) == 3 + 2
    agents.requests.clear()
    finish(place)
    assert [[one["role"] for one in request["messages"]][2:] for request in agents.requests] == [
        ["assistant", "tool"] * 2,
        ["assistant", "tool"] * 3,
    ]
    [record] = lines(place / "out/dataset.jsonl")
    kept_apart([record])
    assert record["metadata"]["attempts"] == 5
    assert record["metadata"]["usage"]["prompt_tokens"] > 0
    assert not list(place.rglob("*.checkpoint.steps.jsonl"))


def test_a_second_cycle_goes_on_with_the_questions_that_it_had_been_told(place: Path) -> None:
    """Its task was asked for before the first cycle's was known, and the resumed run knows that one."""

    def reply(body: Json) -> str:
        if "response_format" not in body:
            return "So."
        return json.dumps({"question": "Second?" if "This is number 2" in json.dumps(body) else "First?"})

    with Holding(Faults(), reply=reply, agent=keeper) as provider:
        configured(place, provider, generation=AGENT, output={"num_samples": 2, "batch_size": 2})
        provider.lets = lambda body: "Second?" not in [message["content"] for message in body["messages"]]
        kill_at(place, provider, 5 + 1, *LOAD)
        finish(place)
        kept_apart(lines(place / "out/dataset.jsonl"))
        assert provider.counts.answered == 10


MOCKED = {
    "custom": [{"name": "look_up", "parameters": {"properties": {"word": {"type": "string"}}, "required": ["word"]}}],
    "mock": {"look_up": {"response": "It says {{word}}."}},
}


def step_by_step(*steps: tuple[str, Json]) -> Callable[[Json], Calls]:
    """An agent that makes these calls, one after the other."""

    def next_of(body: Json) -> Calls:
        made = sum(len(message.get("tool_calls") or ()) for message in body["messages"])
        return steps[made : made + 1]

    return next_of


def test_mocked_tools_go_on(place: Path) -> None:
    with Holding(Faults(), agent=step_by_step(*(("look_up", {"word": word}) for word in "abc"))) as provider:
        configured(place, provider, generation={"tools": MOCKED})
        kill_after(place, provider, 3, *LOAD)
        finish(place)
        [record] = lines(place / "out/dataset.jsonl")
        assert [result for _, _, result in results(record)] == ["It says a.", "It says b.", "It says c."]
        assert provider.counts.answered == 5


@pytest.mark.slow
def test_an_mcp_server_that_died_with_the_run_is_told_the_calls_again(place: Path) -> None:
    tools = {"mcp": {"shelf": {"command": sys.executable, "args": ["-c", MCP], "tools": ["note", "notes"]}}}
    calls = step_by_step(("note", {"text": "one"}), ("note", {"text": "two"}), ("notes", {}))
    with Holding(Faults(), agent=calls) as provider:
        configured(place, provider, generation={"tools": tools})
        kill_after(place, provider, 3, *LOAD)
        finish(place)
        [record] = lines(place / "out/dataset.jsonl")
        assert [result for _, _, result in results(record)] == ["1 kept", "2 kept", "one\ntwo"]
        assert provider.counts.answered == 5


@pytest.mark.slow
def test_a_tool_that_can_not_be_told_again_has_the_agent_begin_anew(place: Path) -> None:
    """The server takes the file away that the first run had read."""
    calls = step_by_step(("read_file", {"file_path": "a.txt"}), ("list_files", {}))
    with SpinServer() as service, Holding(Faults(), agent=calls) as provider:
        tools = {"spin_endpoint": service.url, "components": {"builtin": []}}
        configured(place, provider, generation={**AGENT, "tools": tools})
        kill_after(place, provider, 3, *LOAD)
        path = checkpoint(place, "steps.jsonl")
        path.write_text(path.read_text().replace('"result": {', '"result": {"error": "FileNotFound", '))
        finish(place)
        [record] = lines(place / "out/dataset.jsonl")
        assert record["metadata"]["attempts"] == 4
        assert provider.counts.answered == 3 + 4


def test_a_service_forgets_the_session_of_the_killed_run(place: Path) -> None:
    calls = step_by_step(
        ("write_file", {"file_path": "new", "content": "text"}), ("list_files", {}), ("read_file", {"file_path": "new"})
    )
    with SpinServer() as service, Holding(Faults(), agent=calls) as provider:
        tools = {"spin_endpoint": service.url, "components": {"builtin": []}}
        configured(place, provider, generation={**AGENT, "tools": tools})
        kill_after(place, provider, 3, *LOAD)
        [left] = service.sessions
        finish(place)
        [record] = lines(place / "out/dataset.jsonl")
        assert results(record)[-1][2] == "text"
        assert left in service.ended and len(service.ended) == 2 and not service.sessions
        assert provider.counts.answered == 5


def test_a_sample_is_on_disk_before_the_service_is_told_that_it_is_complete(place: Path) -> None:
    seen: list[int] = []

    class Watching(SpinServer):
        async def _end(self, request: web.Request) -> web.Response:
            seen.append(len(whole(checkpoint(place, "jsonl"))))
            return await super()._end(request)

    with Watching() as service, LocalProvider(Faults(), agent=step_by_step(("list_files", {}))) as provider:
        tools = {"spin_endpoint": service.url, "components": {"builtin": []}}
        configured(place, provider, generation={**AGENT, "tools": tools})
        finish(place, *LOAD)
    assert seen == [1]


def test_a_key_that_stops_working_in_the_middle_leaves_the_rest_to_be_asked_for(place: Path, deepfabric: Run) -> None:
    def agent(body: Json) -> Calls:
        if len(provider.requests) == 3:
            provider.faults = Faults(status=401, error_code="invalid_api_key")
        return keeper(body)

    with LocalProvider(Faults(), agent=agent) as provider:
        configured(place, provider, generation=AGENT)
        done = deepfabric("generate", "config.yaml", *LOAD, OPENAI_API_KEY="k")
        assert done.returncode == 1, done.stderr
        provider.faults = Faults()
        finish(place)
        kept_apart(lines(place / "out/dataset.jsonl"))
        assert provider.counts.answered == 5


def test_a_disk_that_fills_up_with_steps_ends_the_run_and_they_are_not_paid_again(place: Path, agents: Holding) -> None:
    configured(place, agents, leaves=16, generation=AGENT, output={"batch_size": 16})
    process = start(place, *LOAD, largest_file=12_000)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1, out + err
    assert "steps.jsonl can't be written: " in err and "what it holds is safe." in err
    assert "Traceback" not in err
    finish(place)
    kept_apart(lines(place / "out/dataset.jsonl"))
    assert 16 * 5 <= agents.counts.answered <= 16 * 5 + 16


# ---- replies that were refused


def refusing(first: int) -> Callable[[Json], str]:
    """Nonsense for the first so many calls; then what was asked for."""
    answered = 0

    def reply(body: Json) -> str:
        nonlocal answered
        answered += 1
        if answered <= first:
            return BAD
        if "subtopics" in json.dumps(body.get("response_format")):
            return json.dumps({"subtopics": ["Brakes", "Wheels", "Frames"]})
        return json.dumps({"question": f"Why {answered}?", "answer": "So."})

    return reply


def test_a_refused_reply_is_not_paid_again(place: Path, deepfabric: Run) -> None:
    with Holding(Faults(), reply=refusing(1)) as provider:
        configured(place, provider)
        kill_after(place, provider, 1, *LOAD)
        assert status(deepfabric)["calls"] == 1
        provider.requests.clear()
        finish(place)
        asked = [request["messages"][-1]["content"] for request in provider.requests]
        assert ["could not be used" in content for content in asked] == [True], "the complaint, not the first request"
        assert lines(place / "out/dataset.jsonl")[0]["metadata"]["attempts"] == 2
        assert provider.counts.answered == 2


def test_a_refused_expansion_is_not_paid_again(place: Path, deepfabric: Run) -> None:
    with Holding(Faults(), reply=refusing(1)) as provider:
        configured(place, provider, topics={"depth": 1})
        kill_after(place, provider, 1)
        provider.requests.clear()
        kill_after(place, provider, 2, "--resume")
        assert "could not be used" in json.dumps(provider.requests[0])
        assert status(deepfabric)["calls"] == 3
        finish(place)
        assert provider.counts.answered == 2 + 3
        assert len(lines(place / "out/dataset.jsonl")) == 3


def test_a_sample_that_failed_begins_anew_and_goes_on_from_there(place: Path, deepfabric: Run) -> None:
    with Holding(Faults(), reply=refusing(3)) as provider:
        configured(place, provider, generation={"sample_retries": 1})
        done = deepfabric("generate", "config.yaml", *LOAD, OPENAI_API_KEY="k")
        assert done.returncode == 1, done.stderr
        assert status(deepfabric)["calls"] == provider.counts.answered == 2
        provider.requests.clear()
        kill_after(place, provider, 1, "--resume", "--retry-failed")
        assert BAD not in json.dumps(provider.requests[0]), "it begins anew"
        finish(place, "--retry-failed")
        assert provider.counts.answered == 4, "and then it isn't paid again"
        assert len(lines(place / "out/dataset.jsonl")) == 1


def test_an_expansion_that_failed_begins_anew(place: Path) -> None:
    with Holding(Faults(), reply=refusing(2)) as provider:
        configured(place, provider, topics={"depth": 1, "expansion_retries": 1})
        process = start(place)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 1, out + err
        provider.requests.clear()
        finish(place)
        assert BAD not in json.dumps(provider.requests)
        assert provider.counts.answered == 2 + 1 + 3


# ---- what may change in between


def test_a_conversation_of_another_config_is_not_gone_on_with(place: Path, agents: Holding) -> None:
    configured(place, agents, generation=AGENT)
    kill_after(place, agents, 3, *LOAD)
    configured(place, agents, generation={**AGENT, "llm": {"temperature": 0.1}})
    finish(place, "--accept-changes")
    assert agents.counts.answered == 3 + 5
    kept_apart(lines(place / "out/dataset.jsonl"))


def test_a_torn_step_is_asked_for_again(place: Path, agents: Holding) -> None:
    configured(place, agents, generation=AGENT)
    kill_after(place, agents, 3, *LOAD)
    path = checkpoint(place, "steps.jsonl")
    path.write_bytes(path.read_bytes()[:-10])
    finish(place)
    kept_apart(lines(place / "out/dataset.jsonl"))
    assert agents.counts.answered in (5, 6), "the last line is a reply or a result"


def test_a_damaged_step_is_named_and_nothing_is_spent(place: Path, agents: Holding) -> None:
    configured(place, agents, generation=AGENT)
    kill_after(place, agents, 3, *LOAD)
    path = checkpoint(place, "steps.jsonl")
    path.write_bytes(b"{]\n" + path.read_bytes())
    before = agents.counts.requests
    err = finish(place, code=2).err
    assert f"{path.name}, line 1: it is damaged" in err
    assert agents.counts.requests == before


def test_a_fresh_start_moves_the_steps_aside_too(place: Path, deepfabric: Run, agents: Holding) -> None:
    configured(place, agents, generation=AGENT)
    kill_after(place, agents, 3, *LOAD)
    done = deepfabric("generate", "config.yaml", *LOAD, "--fresh", OPENAI_API_KEY="k")
    assert done.returncode == 0, done.stderr
    assert agents.counts.answered == 3 + 5
