"""Tests of `validate --check-api`: which ways of asking work, how fast, and that runs know it afterwards."""

from pathlib import Path

from tests.core.conftest import Run, local_llm, write_config
from tests.model_servers import LLAMA_CPP_PYTHON, VLLM, ModelServer
from tests.provider import LocalProvider

KEY = "a-key-of-sixteen"


def test_each_way_is_tried_and_the_next_run_takes_the_strongest(deepfabric: Run, place: Path) -> None:
    with ModelServer(LLAMA_CPP_PYTHON) as server:
        llm = {"provider": "openai", "model": "some-model", "base_url": server.base_url}
        config = write_config(place, llm=llm)
        done = deepfabric("validate", config, "--check-api", OPENAI_API_KEY=KEY)
        assert done.returncode == 0, done.stderr
        lines = {line.strip()[:24].strip(): line for line in done.stdout.splitlines()}
        assert "no: " in lines["a JSON Schema"[:24]] and "bad request" in done.stdout
        assert "yes, in 0." in next(line for line in done.stdout.splitlines() if "JSON mode with a schema" in line)
        assert "a tool call" not in done.stdout.replace("a forced tool call", "")
        server.requests.clear()
        server.refused = 0
        assert deepfabric("generate", config, OPENAI_API_KEY=KEY).returncode == 0
        assert server.refused == 0


def test_a_tool_call_is_tried_where_samples_use_tools(deepfabric: Run, place: Path) -> None:
    with ModelServer(VLLM) as server:
        llm = {"provider": "vllm", "model": "some-model", "base_url": server.base_url}
        generation = {"conversation": {"type": "cot", "reasoning_style": "agent"}}
        done = deepfabric("validate", write_config(place, llm=llm, generation=generation), "--check-api")
        assert done.returncode == 0, done.stderr
        line = next(line for line in done.stdout.splitlines() if line.strip().startswith("a tool call"))
        assert "no: " in line and "--enable-auto-tool-choice" in line


def test_a_model_that_does_not_answer_at_all_is_an_error(deepfabric: Run, place: Path) -> None:
    llm = {"provider": "openai", "model": "m", "base_url": "http://127.0.0.1:9/v1"}
    done = deepfabric("validate", write_config(place, llm=llm), "--check-api", OPENAI_API_KEY=KEY)
    assert done.returncode == 1
    assert "connection" in done.stderr and "Traceback" not in done.stderr


def test_every_address_is_tried_though_one_does_not_answer(place: Path, deepfabric: Run) -> None:
    with LocalProvider() as server:
        llm = {**local_llm(server), "base_url": ["http://127.0.0.1:9/v1", server.base_url]}
        done = deepfabric("validate", write_config(place, llm=llm), "--check-api", OPENAI_API_KEY=KEY)
    assert done.returncode == 1, done.stdout
    gone, _, there = done.stdout.partition(f" at {server.base_url[7:-3]}:")
    assert "an answer                                no: connection" in gone
    assert "an answer                                yes, in" in there
    assert done.stderr.count("Error: ") == 1 and "can't connect to 127.0.0.1:9" in done.stderr
