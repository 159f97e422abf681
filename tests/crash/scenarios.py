"""The runs that come to grief: what stands there before, how each is begun, and how one goes on with it."""

from __future__ import annotations

import json
import random
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from deepfabric_core.samples.reviews import Decision, sample_id
from deepfabric_core.store.review_log import ReviewLog, reviews_path
from tests.answers import Calls, Json, Writer, text_of
from tests.crash.harness import KILL, RENAME, WRITE, Ended, Stage
from tests.provider import Faults, LocalProvider

DATASET = "out/dataset.jsonl"
REJECTED = "rejected: "
OLDER = b'{"messages": [], "older": 1}\n{"messages": [], "older": 2}\n'
IN_FLIGHT = 2
# So that calls come back one pair after the other, with all that is to be saved done in between.
ANSWERING = Faults(latency=0.005)

Sections = Mapping[str, Mapping[str, Any]]

_CONFIG: Sections = {
    # What a run learns of the server lasts beyond it; here each run is to be like the others.
    "llm": {"provider": "openai", "model": "gpt-4o", "structured_output": "json_schema"},
    "topics": {
        "prompt": "Repairing bicycles",
        "depth": 2,
        "degree": 2,
        "max_concurrent": IN_FLIGHT,
        "save_as": "out/topics.jsonl",
    },
    "generation": {"system_prompt": "You teach.", "max_retries": 1, "rate_limit": {"base_delay": 0.01}},
    "output": {"save_as": DATASET, "num_samples": 6, "batch_size": IN_FLIGHT, "checkpoint": {"interval": 2}},
}
_STEPS: Calls = (
    ("write_file", {"_thought": "I keep it.", "file_path": "a.txt", "content": "hello"}),
    ("read_file", {"_thought": "What is in it?", "file_path": "a.txt"}),
)


@dataclass(frozen=True)
class World:
    """Where it happens, and who answers."""

    stage: Stage
    provider: LocalProvider

    def run(self, *arguments: str) -> Ended:
        """Run without trouble."""
        return self.stage.run("generate", "config.yaml", *arguments)

    def kill(self, kinds: int, ending: str, at: int) -> None:
        """Run until the n-th call of that kind about a file of that ending, and no further."""
        trouble = replace(KILL, kinds=kinds, ending=ending, at=at)
        ended = self.stage.run("generate", "config.yaml", trouble=trouble)
        assert ended.code == -signal.SIGKILL, ended


@dataclass(frozen=True)
class Scenario:
    """A run of `samples` samples, after `expansions` of topics, each of `calls_each` calls.

    With `older`, a dataset of another time stands in its place; else there isn't even a folder for it. When the run is
    cut short, `in_flight` calls may be paid again.
    """

    name: str
    arguments: tuple[str, ...] = ()
    again: tuple[str, ...] = ("--resume",)
    sections: Sections = field(default_factory=dict)
    prepare: Callable[[World], None] = lambda _: None
    samples: int = 6
    in_flight: int = IN_FLIGHT
    expansions: int = 3
    calls_each: int = 1
    older: bool = True

    def set_up(self, world: World) -> None:
        """Put there what stands there before."""
        world.stage.clear()
        work = world.stage.work
        sections = {"llm": {"base_url": world.provider.base_url}, **self.sections}
        config = {name: {**keys, **sections.get(name, {})} for name, keys in _CONFIG.items()}
        (work / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
        if self.older:
            (work / DATASET).parent.mkdir()
            (work / DATASET).write_bytes(OLDER)
        self.prepare(world)


def agent(body: Json) -> Calls:
    """Use two tools, then answer."""
    made = sum(len(message.get("tool_calls") or ()) for message in body["messages"])
    return _STEPS[made : made + 1]


_BADLY = "You teach, badly at first."
_writer = Writer(random.Random(1))


def badly_at_first(body: Json) -> str:
    """Answer as usual; but in the run that asks for it, refuse until told that this isn't accepted."""
    content = _writer.content({**body, "tools": ()}, "ok")
    asked = [text_of(message) for message in body["messages"]]
    if not asked[0].startswith(_BADLY) or "an earlier attempt was refused" in asked[-1] or "question" not in content:
        return content
    return json.dumps(
        {**json.loads(content), "answer": "I'm sorry, but as an AI language model I can't help with that."}
    )


def _topics_file(world: World) -> None:
    paths = [["Repairing bicycles", first, f"{first} {second}"] for first in "AB" for second in "CD"]
    lines = "".join(json.dumps({"path": path}) + "\n" for path in paths)
    (world.stage.work / "topics.jsonl").write_text(lines, encoding="utf-8")


def _halfway(world: World) -> None:
    world.kill(WRITE, "/dataset.checkpoint.jsonl", 4)


def _some_failed(world: World) -> None:
    """Three samples are there, the others failed."""
    _halfway(world)
    world.provider.faults = Faults(malformed=1)
    ended = world.run("--resume")
    world.provider.faults = ANSWERING
    assert ended.code == 1 and "3 samples failed" in ended.out + ended.err, ended


def _undelivered(world: World) -> None:
    """Every sample is there, the dataset isn't."""
    world.kill(RENAME, "/dataset.jsonl", 1)


def _reviewed(world: World) -> None:
    """All was delivered, the checkpoint is gone, and two samples were rejected since."""
    assert world.run().code == 0
    dataset = world.stage.work / DATASET
    log = ReviewLog(reviews_path(dataset))
    for number, record in enumerate(list(parsed(dataset.read_bytes()))[1:3]):
        log.add(Decision(str(number), sample_id(record), "reject", "ann", 1.0, reason="dull"))


_NO_CHECKPOINT: Sections = {"output": {"checkpoint": None}}
_AGENTS: Sections = {
    "generation": {"tools": {"components": {"builtin": []}, "max_per_query": 4}},
    "output": {"num_samples": 4},
}
_LOADED = ("--topics-load", "topics.jsonl")

SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("tree"),
        Scenario("graph", sections={"topics": {"mode": "graph", "save_as": "out/topics.json"}}),
        Scenario(
            "topics-load",
            arguments=_LOADED,
            again=(*_LOADED, "--resume"),
            prepare=_topics_file,
            expansions=0,
            older=False,
        ),
        Scenario(
            "retry-failed",
            arguments=("--resume", "--retry-failed"),
            again=("--resume", "--retry-failed"),
            prepare=_some_failed,
        ),
        Scenario(
            "agents",
            arguments=_LOADED,
            again=(*_LOADED, "--resume"),
            sections=_AGENTS,
            prepare=_topics_file,
            samples=4,
            expansions=0,
            calls_each=4,
        ),
        Scenario(
            "rejected",
            arguments=_LOADED,
            again=(*_LOADED, "--resume"),
            sections={"generation": {"system_prompt": _BADLY}, "output": {"num_samples": 4}},
            prepare=_topics_file,
            samples=4,
            expansions=0,
            calls_each=2,
        ),
        Scenario("delivery", arguments=("--resume",), prepare=_undelivered, in_flight=0),
        Scenario("fresh", arguments=("--fresh",), prepare=_halfway),
        Scenario("reviewed", arguments=("--resume",), prepare=_reviewed),
        Scenario("without-checkpoint", sections=_NO_CHECKPOINT),
    )
}


def parsed(content: bytes) -> Iterator[dict[str, Any]]:
    """The lines that are objects."""
    for line in content.split(b"\n"):
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            yield record


def made(record: Mapping[str, Any]) -> str:
    """What the model wrote, which is different in each sample."""
    return json.dumps(record["messages"])


def rejected_or_made(line: Mapping[str, Any]) -> str:
    """What the model wrote in a line of a journal, or of a log of rejected samples, where it is marked as such.

    What people rejected is in both.
    """
    by_gate = line.get("gate", "review") != "review"
    return f"{REJECTED}{made(line['sample'])}" if by_gate else made(line["sample"])


def kept_samples(folders: tuple[Path, ...]) -> set[str]:
    """What was made and is in any file that isn't a finished dataset; rejected samples are in a file of their own."""
    found = set()
    for path in (path for folder in folders for path in folder.rglob("*.jsonl")):
        for record in parsed(path.read_bytes()):
            if isinstance(record.get("sample"), dict):
                found.add(rejected_or_made(record))
            elif ".partial" in path.name:
                found.add(made(record))
    return found
