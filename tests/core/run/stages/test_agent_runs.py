"""Agents on the command line: what they did, did alone, can be done again, and can be trained on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from jinja2.exceptions import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tests import ROOT
from tests.answers import Calls, Json
from tests.core.commands import keys, lines, start, wait_for
from tests.core.conftest import Run, local_llm, write_config
from tests.provider import Faults, LocalProvider
from tests.spin_server import SpinServer

SEED = {"a.txt": "hello", "notes/b.md": "world ✓"}
AGENT = {"tools": {"max_per_query": 4}, "scenario_seed": {"files": SEED}}
TEMPLATE = ROOT / "tests" / "chat_template.jinja"


# Tools whose schemas say different things at the same place: a default, a choice, a type, what else there may be.
CONFLICTING = [
    {
        "name": "count_days",
        "parameters": {"properties": {"days": {"type": "integer", "default": 3}}, "additionalProperties": False},
    },
    {
        "name": "name_days",
        "parameters": {"properties": {"days": {"type": "string", "default": "x"}}, "additionalProperties": {}},
    },
    {
        "name": "convert",
        "parameters": {"properties": {"days": {"type": ["string", "null"]}, "unit": {"enum": ["C", 1, None]}}},
    },
]


def token_of(question: str) -> str:
    return hashlib.sha256(question.encode()).hexdigest()[:12]


def keeper(body: Json) -> Calls:
    """Writes a file of its own, lists the folder, reads the file, and then knows enough."""
    question = next(message["content"] for message in body["messages"] if message["role"] == "user")
    token = token_of(question)
    steps = (
        ("write_file", {"_thought": "I keep it.", "file_path": f"{token}.txt", "content": token}),
        ("list_files", {"_thought": "Is it there?"}),
        ("read_file", {"_thought": "What is in it?", "file_path": f"{token}.txt"}),
    )
    made = sum(len(message.get("tool_calls") or ()) for message in body["messages"])
    return steps[made : made + 1]


@pytest.fixture
def agents() -> Iterator[LocalProvider]:
    """A local server whose model is such a keeper."""
    with LocalProvider(Faults(), agent=keeper) as server:
        yield server


def results(record: dict[str, Any]) -> list[tuple[str, dict[str, Any], str]]:
    """Each call with its arguments and result, once ids pair up and arguments keep to the recorded schemas."""
    schemas = {tool["function"]["name"]: tool["function"]["parameters"] for tool in record["tools"]}
    called = [call for message in record["messages"] for call in message.get("tool_calls", ())]
    answered = [message for message in record["messages"] if message["role"] == "tool"]
    ids = [call["id"] for call in called]
    assert ids == [message["tool_call_id"] for message in answered] and len(set(ids)) == len(ids)
    found = []
    for call, answer in zip(called, answered, strict=True):
        name, arguments = call["function"]["name"], json.loads(call["function"]["arguments"])
        jsonschema.validate(arguments, schemas[name])
        found.append((name, arguments, answer["content"]))
    return found


def kept_apart(records: Sequence[dict[str, Any]]) -> None:
    """Each sample saw the seeded files and its own, and nothing of another sample."""
    tokens = [token_of(record["question"]) for record in records]
    assert len(set(tokens)) == len(records)
    for token, record in zip(tokens, records, strict=True):
        written, listed, read = results(record)
        assert written[:2] == ("write_file", {"file_path": f"{token}.txt", "content": token})
        assert json.loads(listed[2]) == sorted([*SEED, f"{token}.txt"])
        assert read[2] == token
        assert record["messages"][-1]["content"] == record["final_answer"] != ""
        assert [step["thought"] for step in record["reasoning"]["content"][:3]] == [
            "I keep it.",
            "Is it there?",
            "What is in it?",
        ]


def replayed(deepfabric: Run, says: str, code: int = 0, dataset: str = "out/dataset.jsonl") -> str:
    done = deepfabric("replay", dataset, "config.yaml")
    assert done.returncode == code, done.stdout + done.stderr
    assert says in done.stdout
    return done.stdout


# ---- 200 samples at once


@pytest.mark.parametrize("client", ["direct", pytest.param("litellm", marks=pytest.mark.slow)])
def test_200_agents_at_once_share_nothing_and_all_they_did_can_be_done_again(
    place: Path, deepfabric: Run, agents: LocalProvider, client: str
) -> None:
    agents.faults = Faults(latency=0.02)
    llm = {**local_llm(agents), "client": client}
    write_config(place, llm=llm, generation=AGENT, output={"num_samples": 200, "batch_size": 32})
    done = deepfabric("generate", "config.yaml", OPENAI_API_KEY="k")
    assert done.returncode == 0, done.stderr
    assert "200 of 200 delivered" in done.stdout
    assert 8 < agents.counts.peak_in_flight <= 32
    assert agents.counts.requests == 4 + 200 * 5
    kept_apart(lines(place / "out/dataset.jsonl"))
    replayed(deepfabric, "200 samples with 600 calls: 0 differences")


def test_a_provider_without_tools_makes_the_same_kind_of_samples(
    place: Path, deepfabric: Run, provider: LocalProvider
) -> None:
    provider.faults = Faults(reject_tools=True)
    write_config(place, llm=local_llm(provider), generation=AGENT)
    done = deepfabric("generate", "config.yaml", OPENAI_API_KEY="k")
    assert done.returncode == 0, done.stderr
    assert provider.counts.other_status <= 10  # those that were asked before the first refusal came
    for record in lines(place / "out/dataset.jsonl"):
        assert results(record)
    replayed(deepfabric, ": 0 differences")


def test_200_simulated_agents_are_the_same_however_many_work_at_once(place: Path, deepfabric: Run) -> None:
    write_config(place, generation=AGENT, output={"num_samples": 200})
    for name, width in (("one", "1"), ("many", "32")):
        arguments = ("--batch-size", width, "--output-save-as", f"{name}.jsonl")
        assert deepfabric("generate", "config.yaml", *arguments).returncode == 0
    assert (place / "one.jsonl").read_bytes() == (place / "many.jsonl").read_bytes()
    calls = [call for record in lines(place / "many.jsonl") for call in results(record)]
    assert {name for name, _, _ in calls} == {"list_files", "read_file", "write_file"}
    assert {result for name, _, result in calls if name == "read_file"} == set(SEED.values())
    replayed(deepfabric, f"200 samples with {len(calls)} calls: 0 differences", dataset="many.jsonl")


# ---- replay


def test_replay_names_the_line_and_the_call_of_a_result_that_was_edited(
    place: Path, deepfabric: Run, agents: LocalProvider
) -> None:
    write_config(place, llm=local_llm(agents), generation=AGENT)
    assert deepfabric("generate", "config.yaml", OPENAI_API_KEY="k").returncode == 0
    records = lines(place / "out/dataset.jsonl")
    tools = [message for message in records[2]["messages"] if message["role"] == "tool"]
    tools[1]["content"] = '["invented.txt"]'
    save(place / "out/dataset.jsonl", records)
    said = replayed(deepfabric, "9 samples with 27 calls: 1 difference", code=1)
    assert "line 3, list_files({})" in said
    assert '["invented.txt"]' in said and "a.txt" in said


@pytest.mark.slow
@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (list.pop, "the final answer is missing"),
        (list.clear, "the final answer is missing"),
        (lambda messages: messages[3].update(tool_call_id="other"), "calls and results don't pair up"),
        (lambda messages: messages[4]["tool_calls"][0].update(id=messages[3]["tool_call_id"]), "the same id"),
        (lambda messages: first_call(messages).update(name="open_file"), "there is no tool open_file"),
        (lambda messages: first_call(messages).update(arguments="{}"), "'file_path' is a required property"),
        (lambda messages: first_call(messages).update(arguments='{"file'), "aren't valid JSON"),
    ],
)
def test_replay_says_what_is_wrong_with_a_damaged_trace(trace: Path, deepfabric: Run, edit: Any, said: str) -> None:
    records = lines(trace)
    edit(records[0]["messages"])
    save(trace, records)
    whole = replayed(deepfabric, "line 1, the trace:", code=1, dataset=trace.name)
    assert said in whole


@pytest.fixture
def trace(place: Path) -> Path:
    """A dataset of one record, with a config that has its tools."""
    write_config(place, generation=AGENT)
    calls = [
        ("write_file", '{"file_path": "c", "content": "d"}', "Wrote 1 bytes to c"),
        ("read_file", '{"file_path": "c"}', "d"),
    ]
    messages: list[dict[str, Any]] = [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}]
    for number, (name, arguments, result) in enumerate(calls):
        function = {"name": name, "arguments": arguments}
        messages.append({"role": "assistant", "content": "", "tool_calls": [{"id": str(number), "function": function}]})
        messages.append({"role": "tool", "content": result, "tool_call_id": str(number)})
    messages.append({"role": "assistant", "content": "a"})
    save(place / "trace.jsonl", [{"messages": messages, "tools": ["as they were"]}])
    return place / "trace.jsonl"


def test_an_untouched_trace_has_no_differences(trace: Path, deepfabric: Run) -> None:
    replayed(deepfabric, "1 sample with 2 calls: 0 differences", dataset=trace.name)


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "5", "{}", '{"messages": 5}', '{"messages": ["a"]}', '{"messages": [{"tool_calls": [5]}]}', "\udcff"],
)
def test_replay_of_what_is_no_dataset_is_one_sentence_with_the_line(place: Path, deepfabric: Run, text: str) -> None:
    write_config(place, generation=AGENT)
    (place / "data.jsonl").write_text(f"{text}\n", encoding="utf-8", errors="surrogateescape")
    done = deepfabric("replay", "data.jsonl", "config.yaml")
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr == "Error: data.jsonl, line 1: this is no record with messages.\n"


def test_replay_needs_tools_and_a_dataset(place: Path, deepfabric: Run) -> None:
    write_config(place)
    done = deepfabric("replay", "data.jsonl", "config.yaml")
    assert done.returncode == 2 and "The config has no generation.tools" in done.stderr
    write_config(place, generation=AGENT)
    done = deepfabric("replay", "data.jsonl", "config.yaml")
    assert done.returncode == 2 and "data.jsonl" in done.stderr


def first_call(messages: list[dict[str, Any]]) -> dict[str, Any]:
    """The first call's name and arguments."""
    function: dict[str, Any] = messages[2]["tool_calls"][0]["function"]
    return function


def save(path: Path, records: Sequence[dict[str, Any]]) -> None:
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")


# ---- a kill, and on


def test_agents_go_on_after_a_kill_with_every_sample_once(place: Path, deepfabric: Run, agents: LocalProvider) -> None:
    agents.faults = Faults(latency=0.02)
    output = {"num_samples": 60, "batch_size": 8, "checkpoint": {"interval": 5}}
    write_config(place, llm=local_llm(agents), generation=AGENT, output=output)
    process = start(place)
    wait_for(agents, 150)
    process.kill()
    process.communicate()
    kept = len(next(place.rglob("*.checkpoint.jsonl")).read_bytes().splitlines())
    assert 0 < kept < 60
    done = deepfabric("generate", "config.yaml", "--resume", OPENAI_API_KEY="k")
    assert done.returncode == 0, done.stderr
    found = keys(place / "out/dataset.jsonl")
    assert len(found) == len(set(found)) == 60
    kept_apart(lines(place / "out/dataset.jsonl"))
    replayed(deepfabric, "60 samples with 180 calls: 0 differences")


# ---- DeepFabric's own examples, with shorter texts


AGENT_TOOLS = """
topics:
  prompt: "Python programming fundamentals"
  mode: graph
  prompt_style: anchored
  system_prompt: ""
  depth: 2
  degree: 2
  save_as: "python-topics.jsonl"
  llm: {provider: "gemini", model: "gemini-2.5-flash", temperature: 0.8}
generation:
  system_prompt: |
    Generate examples of tool usage with clear reasoning.
  instructions: "Create realistic scenarios requiring tool usage to complete python programming tasks."
  conversation:
    type: cot
    reasoning_style: agent
  tools:
    spin_endpoint: "http://localhost:3000"
    components:
      builtin:
        - read_file
        - write_file
        - list_files
    max_per_query: 3
    max_agent_steps: 5
  max_retries: 3
  scenario_seed:
    files:
      "Dockerfile": |
        FROM python:3.13
      "main.py": |
        def greet(name):
            return f"Hello, {name}!"
  llm: {provider: "gemini", model: "gemini-2.5-flash", temperature: 0.7}
output:
  system_prompt: |
    You are an AI assistant with access to various tools and functions.
  include_system_message: false
  num_samples: 2
  batch_size: 1
  save_as: "agent-tools-single-dataset.jsonl"
"""
CODING_AGENT = """
topics:
  prompt: "DevOps and Platform Engineering"
  mode: graph
  prompt_style: anchored
  system_prompt: ""
  depth: 3
  degree: 3
  save_as: "devops-topics.jsonl"
  llm: {provider: "openai", model: "gpt-4.1-mini-2025-04-14", temperature: 0.8}
generation:
  system_prompt: |
    Generate scenrios of common devops tasks and actions
  instructions: |
    The following files are available for tool operations of reading, writing, and listing:
    - Dockerfile
    - terraform/main.tf
  conversation:
    type: cot
    reasoning_style: agent
  tools:
    spin_endpoint: "http://localhost:3000"
    components:
      builtin:
        - read_file
        - write_file
        - list_files
    max_per_query: 3
    strict: false
    max_agent_steps: 5
    scenario_seed:
      files:
        "Dockerfile": |
          FROM python:3.13
        "terraform/main.tf": |
          provider "aws" {
            region = "us-west-2"
          }
  max_retries: 3
  llm: {provider: "openai", model: "gpt-4.1-mini-2025-04-14", temperature: 0.7}
output:
  system_prompt: |
    You are an AI assistant with access to file system tools.
  include_system_message: true
  num_samples: 3
  batch_size: 3
  save_as: "coding-agent-dataset.jsonl"
"""


def example(place: Path, text: str, spin_endpoint: str | None) -> dict[str, Any]:
    """One of DeepFabric's examples, on the simulated model."""
    config: dict[str, Any] = yaml.safe_load(text)
    config["topics"]["llm"] = config["generation"]["llm"] = {"provider": "simulated"}
    tools = config["generation"]["tools"]
    tools["spin_endpoint"] = spin_endpoint
    if spin_endpoint is None:
        del tools["spin_endpoint"]
    (place / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    return config


@pytest.mark.parametrize("text", [AGENT_TOOLS, CODING_AGENT], ids=["agent-tools", "coding-agent"])
def test_deepfabrics_examples_need_no_service(place: Path, deepfabric: Run, text: str) -> None:
    output = example(place, text, None)["output"]
    assert deepfabric("validate", "config.yaml").returncode == 0
    done = deepfabric("generate", "config.yaml", "--num-samples", "8")
    assert done.returncode == 0, done.stderr
    records = lines(place / output["save_as"])
    assert len(records) == 8
    for record in records:
        assert (record["messages"][0]["role"] == "system") == output["include_system_message"]
        for name, _, result in results(record):
            assert name != "list_files" or "Dockerfile" in json.loads(result)
    replayed(deepfabric, "8 samples", dataset=output["save_as"])


@pytest.mark.parametrize("text", [AGENT_TOOLS, CODING_AGENT], ids=["agent-tools", "coding-agent"])
def test_deepfabrics_examples_use_the_service_where_they_name_one(place: Path, deepfabric: Run, text: str) -> None:
    with SpinServer() as service:
        output = example(place, text, service.url)["output"]
        done = deepfabric("generate", "config.yaml", "--num-samples", "4")
        assert done.returncode == 0, done.stderr
        sent = [body["tool"] for path, body in service.requests if path == "/vfs/execute"]
        calls = [call for record in lines(place / output["save_as"]) for call in results(record)]
        assert len(sent) == len(calls) + 4 * 2  # the scenario's files are written first
        assert len(set(service.ended)) == 4 and not service.sessions
        replayed(deepfabric, f"4 samples with {len(calls)} calls: 0 differences", dataset=output["save_as"])


# ---- training on it


def loaded(place: Path, monkeypatch: pytest.MonkeyPatch, *files: str) -> list[dict[str, Any]]:
    """The rows of datasets as training scripts load them, without a network."""
    import huggingface_hub.constants  # noqa: F401 - it keeps what it finds, and later tests do upload

    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from datasets import disable_progress_bars, load_dataset  # type: ignore[import-untyped]

    disable_progress_bars()
    paths = [str(place / file) for file in files]
    rows = load_dataset("json", data_files=paths, cache_dir=str(place / "cache"), split="train")
    return [dict(row) for row in rows]


def rendered(row: dict[str, Any]) -> str:
    """A row in the words of a chat template, as `transformers` renders it."""
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, autoescape=False)
    environment.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
    environment.globals["raise_exception"] = refuse
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(messages=row["messages"], tools=row["tools"], add_generation_prompt=False)


def refuse(said: str) -> None:
    raise TemplateError(said)


def shown_in_full(record: dict[str, Any], text: str) -> None:
    """Whatever the record says stands in the rendered text, in its order."""
    said = [json.dumps(tool["function"]["name"]) for tool in record["tools"]]
    for message in record["messages"][1:]:
        said.extend(call["function"]["arguments"] for call in message.get("tool_calls", ()))
        said.append(message["content"])
    place = 0
    for part in said:
        place = text.index(part, place) + len(part)


def test_a_dataset_loads_and_renders_with_its_tools_arguments_and_results(
    place: Path, deepfabric: Run, agents: LocalProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = {"components": {"builtin": ["list_files"], "days": []}, "custom": CONFLICTING}
    for topic, llm, generation in (
        ("Bicycles", local_llm(agents), AGENT),
        ("Bees", {"provider": "simulated"}, {"tools": days}),
    ):
        write_config(place, llm=llm, topics={"prompt": topic}, generation=generation)
        done = deepfabric("generate", "config.yaml", "--output-save-as", f"{topic}.jsonl", OPENAI_API_KEY="k")
        assert done.returncode == 0, done.stderr
    records = [*lines(place / "Bicycles.jsonl"), *lines(place / "Bees.jsonl")]
    save(place / "both.jsonl", records)
    rows = loaded(place, monkeypatch, "both.jsonl")
    assert {row["metadata"]["topic_path"][0] for row in rows} == {"Bicycles", "Bees"}
    for row, record in zip(rows, records, strict=True):
        assert row["tools"] == record["tools"]
        shown_in_full(record, rendered(row))


def test_conversations_with_and_without_reasoning_load_together_in_any_order(
    place: Path, deepfabric: Run, provider: LocalProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpriced = {**local_llm(provider), "model": "of-our-own"}
    for name, llm, flags in (
        ("basic", unpriced, ["--no-system-message"]),
        ("cot", {"provider": "simulated"}, ["--conversation-type", "cot"]),
        ("priced", local_llm(provider), []),
    ):
        config = write_config(place, llm=llm)
        done = deepfabric("generate", config, "--output-save-as", f"{name}.jsonl", *flags, OPENAI_API_KEY="k")
        assert done.returncode == 0, done.stderr
    for order in permutations(("basic", "cot", "priced")):
        files = [f"{name}.jsonl" for name in order]
        records = [record for file in files for record in lines(place / file)]
        assert loaded(place, monkeypatch, *files) == records
        save(place / f"{'-'.join(order)}.jsonl", records)
        assert loaded(place, monkeypatch, f"{'-'.join(order)}.jsonl") == records


def test_an_agents_conversations_load_with_the_others_from_one_file(
    place: Path, deepfabric: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("basic", "agent"):
        config = write_config(place, generation={"tools": {}} if name == "agent" else {})
        assert deepfabric("generate", config, "--output-save-as", f"{name}.jsonl").returncode == 0
    for order in (("basic", "agent"), ("agent", "basic")):
        records = [record for name in order for record in lines(place / f"{name}.jsonl")]
        save(place / f"{order[0]}-first.jsonl", records)
        rows = loaded(place, monkeypatch, f"{order[0]}-first.jsonl")
        assert [row["messages"] for row in rows] == [record["messages"] for record in records]
        assert [row["reasoning"] for row in rows] == [record["reasoning"] for record in records]
