"""The demo's model: what it answers, what it leaves to the simulated model, and that it says so."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from deepfabric_core.chat.messages import Message, Reply, ReplySchema, Request, Subject, ToolCall
from deepfabric_core.chat.tools import text_of
from deepfabric_core.config.llm import Demo, Llm, Simulated
from deepfabric_core.errors import FailureKind
from deepfabric_core.events import Event, Notice
from deepfabric_core.llm.connect import bare
from deepfabric_core.llm.demo.dataset import dataset
from deepfabric_core.llm.demo.model import DemoModel
from deepfabric_core.llm.simulated.model import SimulatedModel

ROOT = "Repairing bicycles"
LEAF = (ROOT, "Tyres and tubes", "Finding and patching punctures")
TEXT = {"type": "string"}
KEYS = {
    "exchange": ("question", "answer"),
    "reasonedexchange": ("question", "reasoning", "answer"),
    "task": ("question",),
    "record": ("title",),
}
ON_CALL = dataset("on_call")
TOOLS = "Do it.\n\nTools:\n" + "\n".join(f"- {tool['name']}: {tool['description']}" for tool in ON_CALL.tools)
OFFERED = tuple(
    {"type": "function", "function": {"name": tool["name"], "description": "", "parameters": {"type": "object"}}}
    for tool in ON_CALL.tools
)


class Talk:
    """A model, and the notices it gave."""

    def __init__(self, **settings: Any) -> None:
        self.notices: list[str] = []
        self.settings = Llm(provider="demo", **settings)
        self.model = DemoModel(self.settings, self._hear)

    def _hear(self, event: Event) -> None:
        assert isinstance(event, Notice)
        self.notices.append(event.message)

    def reply(self, request: Request) -> Reply:
        return asyncio.run(self.model.complete(request))

    def sample(self, request: Request) -> Any:
        return json.loads(self.reply(request).text)

    def subtopics(self, path: tuple[str, ...], wanted: int, *, linked: bool = False, taken: Any = ()) -> list[Any]:
        schema = ReplySchema("linkedsubtopics" if linked else "subtopics", {})
        subject = Subject(path, wanted=wanted, taken=taken)
        found: list[Any] = self.sample(Request((Message("user", "Name them."),), 100, schema, subject=subject))[
            "subtopics"
        ]
        return found


def asked(path: tuple[str, ...], name: str = "exchange", cycle: int = 0, text: str = "Go.", **more: Any) -> Request:
    properties = dict.fromkeys(KEYS[name], TEXT)
    schema = ReplySchema(name, {"type": "object", "properties": properties, "required": list(properties)})
    messages = (Message("system", "Be kind."), Message("user", text))
    return Request(messages, 100, schema, subject=Subject(path, cycle), **more)


def test_a_sample_is_the_leafs_and_the_next_cycle_gets_the_next_one() -> None:
    talk = Talk()
    first, second = BICYCLE_LEAF.samples
    assert talk.sample(asked(LEAF)) == {"question": first.question, "answer": first.answer}
    assert talk.sample(asked(LEAF, cycle=1)) == {"question": second.question, "answer": second.answer}
    reasoned = {"question": first.question, "reasoning": first.reasoning, "answer": first.answer}
    assert talk.sample(asked(LEAF, "reasonedexchange")) == reasoned
    assert talk.notices == []


BICYCLE_LEAF = dataset("bicycle_repair").branches[0].children[0]


def test_a_reply_says_that_it_is_a_demonstration_and_costs_nothing() -> None:
    reply = Talk(model="any").reply(asked(LEAF))
    assert (reply.model, reply.demonstration, reply.simulated, reply.finish_reason) == ("demo", True, False, "stop")
    assert reply.usage.cost == 0.0
    assert reply.usage.completion_tokens == len(reply.text) // 4 and reply.usage.prompt_tokens == 2


def test_topics_come_in_order_for_trees_and_for_graphs() -> None:
    talk = Talk()
    names = talk.subtopics((ROOT,), 3)
    assert names == ["Tyres and tubes", "Rim and disc brakes", "Drivetrain and shifting"]
    assert talk.subtopics((ROOT,), 2, taken=tuple(names))[0] == "Wheels and hubs"
    linked = talk.subtopics((ROOT, names[0]), 2, linked=True)
    assert linked == [{"topic": leaf, "also_under": []} for leaf in (LEAF[-1], "Tyre pressure and width")]
    assert talk.notices == []


@pytest.mark.parametrize("linked", [False, True])
def test_more_topics_than_there_are_are_made_up_and_a_notice_says_so_once(linked: bool) -> None:
    talk = Talk()
    for _ in range(2):
        names = talk.subtopics((ROOT,), 8, linked=linked)
        folded = {one["topic"] if linked else one for one in names}
        assert len(folded) == 8 and {branch.name for branch in dataset("bicycle_repair").branches} < folded
    assert len(set(talk.subtopics(LEAF, 3))) == 3
    assert talk.notices == ["The demo has no more topics on bicycle repair than these: the others are made up."]


def test_another_subject_is_the_simulated_models_and_a_notice_names_what_the_demo_knows() -> None:
    talk = Talk()
    request = asked(("Sourdough baking", "Starters"))
    simulated = asyncio.run(SimulatedModel(talk.settings).complete(request))
    replies = [talk.reply(request), talk.reply(request)]
    assert [reply.text for reply in replies] == [simulated.text] * 2
    assert all((reply.model, reply.simulated, reply.demonstration) == ("demo", True, False) for reply in replies)
    assert talk.subtopics(("Sourdough baking",), 3)
    assert talk.notices == [
        (
            "The demo knows bicycle repair, household chemistry and on-call work for Kubernetes; "
            "for “Sourdough baking” it gives made-up texts."
        )
    ]


def test_a_long_prompt_is_shortened_in_the_notice() -> None:
    talk = Talk()
    talk.subtopics(("Sourdough\n" * 50,), 1)
    assert len(talk.notices[0]) < 200 and "…”" in talk.notices[0]


@pytest.mark.parametrize(
    ("request_", "notice"),
    [
        (
            asked(LEAF, cycle=2),
            "The demo has 60 samples on bicycle repair, at most 2 for a topic: the others are made up.",
        ),
        (
            asked((ROOT, "Electric bicycles")),
            "The demo has nothing on some of these topics of bicycle repair: their texts are made up.",
        ),
        (asked(LEAF, "record"), "The demo has no records of a schema of your own: they are made up."),
        (asked(LEAF, "task", text=TOOLS), "The demo has no work with tools on bicycle repair: it is made up."),
        (
            asked((ON_CALL.subject, "Nodes and capacity")),
            (
                "The demo has on-call work for Kubernetes as an agent's work alone (deepfabric init --kind on-call): "
                "other samples are made up."
            ),
        ),
        (
            asked((ON_CALL.subject, "Nodes and capacity"), "task", text="Tools:\n- read_file: Reads."),
            "The demo's agent knows only the tools of deepfabric init --kind on-call: work with others is made up.",
        ),
    ],
)
def test_what_the_demo_lacks_is_made_up_and_a_notice_says_what_it_is(request_: Request, notice: str) -> None:
    talk = Talk()
    assert [talk.reply(request_).simulated for _ in range(3)] == [True] * 3
    assert talk.notices == [notice]


def test_what_was_refused_is_not_given_again() -> None:
    assert Talk().reply(asked(LEAF, because=FailureKind.INVALID_REPLY)).simulated


def test_a_request_without_a_topic_is_answered_too() -> None:
    talk = Talk()
    assert talk.reply(Request((Message("user", "Say OK."),), 5)).text and talk.notices == []
    assert asyncio.run(bare(Llm(provider="demo")).complete(Request((Message("user", "Say OK."),), 5))).text


def test_failures_can_not_be_simulated() -> None:
    talk = Talk(simulated=Simulated(server_errors=1.0))
    assert talk.reply(asked(LEAF)).demonstration and talk.reply(asked(("Tea",))).simulated


# ---- the agent


def steps_of(number: int) -> tuple[tuple[str, ...], list[Message]]:
    """The path of a sample of the agent, and its messages up to the last result."""
    leaf = ON_CALL.branches[0].children[0]
    sample = leaf.samples[number]
    messages = [Message("system", "Look first."), Message("user", sample.question)]
    for place, step in enumerate(sample.steps):
        call = ToolCall(f"id{place}", step.tool, json.dumps(step.arguments))
        messages.append(Message("assistant", "", (call,)))
        messages.append(Message("tool", text_of(step.result), tool_call_id=f"id{place}"))
    return (ON_CALL.subject, ON_CALL.branches[0].name, leaf.name), messages


@pytest.mark.parametrize("number", [0, 1])
def test_the_agent_makes_its_calls_with_thoughts_and_then_answers(number: int) -> None:
    talk = Talk()
    path, messages = steps_of(number)
    sample = ON_CALL.branches[0].children[0].samples[number]
    assert talk.sample(asked(path, "task", number, TOOLS)) == {"question": sample.question}
    subject = Subject(path, number)
    for place, step in enumerate(sample.steps):
        reply = talk.reply(Request(tuple(messages[: 2 + 2 * place]), 100, tools=OFFERED, subject=subject))
        (call,) = reply.tool_calls
        assert (reply.text, reply.finish_reason, reply.demonstration) == ("", "tool_calls", True)
        assert call.name == step.tool
        assert json.loads(call.arguments) == {"_thought": step.thought, **step.arguments}
    for tools in (OFFERED, ()):
        last = talk.reply(Request(tuple(messages), 100, tools=tools, subject=subject))
        assert (last.text, last.tool_calls, last.demonstration) == (sample.answer, (), True)
    assert talk.notices == []


def test_an_agent_whose_tools_answer_otherwise_is_made_up() -> None:
    path, messages = steps_of(0)
    other = [*messages[:-1], Message("tool", '{"error": "no such pod"}', tool_call_id="id1")]
    early = messages[:4]
    for told, tools in ((other, OFFERED), (early, ()), (messages[:2], OFFERED[1:])):
        talk = Talk()
        reply = talk.reply(Request(tuple(told), 100, tools=tools, subject=Subject(path)))
        assert len(talk.notices) == 1 and "knows only the tools of" in talk.notices[0]
        assert reply.simulated and not reply.demonstration


# ---- time


def test_calls_take_about_the_latency_the_same_for_the_same_request(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("deepfabric_core.llm.demo.model.asyncio.sleep", sleep)
    talk = Talk(demo=Demo(latency=2.0))
    for cycle in (*range(8), *range(8)):
        talk.reply(asked(LEAF, cycle=cycle))
    assert slept[:8] == slept[8:] and len(set(slept)) == 8
    assert all(1.2 <= seconds <= 2.8 for seconds in slept)


def test_the_order_of_calls_changes_nothing() -> None:
    requests = [
        asked((ROOT, branch.name, leaf.name), cycle=cycle)
        for branch in dataset("bicycle_repair").branches
        for leaf in branch.children
        for cycle in range(3)
    ]
    forwards, backwards = Talk(), Talk()
    texts = [forwards.reply(request).text for request in requests]
    assert [backwards.reply(request).text for request in reversed(requests)] == texts[::-1]
    assert len(set(texts)) == len(texts)
