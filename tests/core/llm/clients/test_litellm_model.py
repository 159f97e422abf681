"""The real path to a model: litellm over HTTP to a local server, with every fault a provider has."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from tests.core.commands import keys, lines
from tests.core.conftest import Run, local_llm, write_config
from tests.provider import Faults, LocalProvider


def count(summary: str, words: str) -> int:
    found = re.search(rf"(\d+) {words}", summary)
    return int(found.group(1)) if found else 0


@pytest.mark.slow
def test_every_sample_arrives_through_faults_and_the_summary_counts_what_the_server_counts(
    place: Path, deepfabric: Run, provider: LocalProvider
) -> None:
    provider.faults = Faults(rate_limited=0.1, server_error=0.05, malformed=0.03, schema_violation=0.02)
    config = write_config(place, llm=local_llm(provider), output={"num_samples": 500, "batch_size": 16})
    done = deepfabric("generate", config)
    assert done.returncode == 0, done.stdout + done.stderr
    found = keys(place / "out/dataset.jsonl")
    assert len(found) == len(set(found)) == 500
    counts = provider.counts
    assert count(done.stdout, "rate limited") == counts.rate_limited
    assert count(done.stdout, "server error") == counts.server_error
    assert count(done.stdout, "invalid JSON") == counts.malformed
    assert count(done.stdout, "invalid reply") == counts.schema_violation
    assert f"Calls {counts.requests}" in " ".join(done.stdout.split())


def test_the_base_url_of_openai_is_where_the_calls_go(place: Path, deepfabric: Run, provider: LocalProvider) -> None:
    assert (
        deepfabric("generate", write_config(place, llm=local_llm(provider)), OPENAI_API_KEY="sk-abcdef123").returncode
        == 0
    )
    assert provider.counts.answered == 13
    assert all(body["model"] == "gpt-4o" for body in provider.requests)
    assert all(body["response_format"]["type"] == "json_schema" for body in provider.requests)


def test_temperature_zero_is_sent(place: Path, deepfabric: Run, provider: LocalProvider) -> None:
    deepfabric("generate", write_config(place, llm=local_llm(provider)), "--temperature", "0", "--topic-only")
    assert {body["temperature"] for body in provider.requests} == {0.0}


@pytest.mark.parametrize("refused", ["json_schema", "any"])
def test_a_server_without_structured_output_is_asked_in_a_weaker_way(
    place: Path, deepfabric: Run, provider: LocalProvider, refused: str
) -> None:
    provider.faults = Faults(reject_response_format=refused)
    done = deepfabric("generate", write_config(place, llm=local_llm(provider)))
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(lines(place / "out/dataset.jsonl")) == 9


def test_a_topic_met_again_is_asked_for_something_different(
    place: Path, deepfabric: Run, provider: LocalProvider
) -> None:
    config = write_config(place, llm=local_llm(provider), output={"num_samples": "200%", "batch_size": 1})
    assert deepfabric("generate", config).returncode == 0
    prompts = [body["messages"][-1]["content"] for body in provider.requests]
    assert len(set(prompts)) == len(prompts)
    first = lines(place / "out/dataset.jsonl")[0]["question"]
    assert first in prompts[-9]


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (401, "invalid_api_key", "authentication"),
        (404, "model_not_found", "unknown model"),
        (429, "insufficient_quota", "quota exhausted"),
        (403, "forbidden", "permission"),
    ],
)
def test_what_retrying_cannot_mend_ends_the_run_at_once_and_leaves_an_older_dataset_alone(
    place: Path, deepfabric: Run, provider: LocalProvider, status: int, code: str, said: str
) -> None:
    (place / "out").mkdir()
    (place / "out/dataset.jsonl").write_text("older\n", encoding="utf-8")
    provider.faults = Faults(status=status, error_code=code)
    config = write_config(place, llm=local_llm(provider))
    done = deepfabric("generate", config, OPENAI_API_KEY="sk-verysecretvalue")
    assert done.returncode == 1
    assert said in done.stdout
    assert provider.counts.requests <= 2
    assert "sk-verysecretvalue" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert (place / "out/dataset.jsonl").read_text(encoding="utf-8") == "older\n"


def test_when_every_sample_fails_the_reason_is_given_and_the_older_dataset_stays(
    place: Path, deepfabric: Run, provider: LocalProvider
) -> None:
    llm = {**local_llm(provider), "structured_output": "json_schema"}
    config = write_config(place, llm=llm, output={"num_samples": 50})
    assert deepfabric("generate", config, "--topic-only").returncode == 0
    (place / "out/dataset.jsonl").write_text("older\n", encoding="utf-8")
    provider.faults = Faults(malformed=1.0)
    done = deepfabric("generate", config, "--topics-load", "out/topics.jsonl")
    assert done.returncode == 1
    assert "Gave up" in done.stdout
    assert "invalid JSON" in done.stdout
    assert (place / "out/dataset.jsonl").read_text(encoding="utf-8") == "older\n"
    assert not list((place / "out").glob("*journal*"))


def test_a_bad_reply_at_the_root_is_asked_again_and_never_a_tree_of_one(
    place: Path, deepfabric: Run, provider: LocalProvider
) -> None:
    provider.faults = Faults(malformed=1.0)
    done = deepfabric("generate", write_config(place, llm=local_llm(provider)), "--topic-only")
    assert done.returncode == 1
    assert provider.counts.requests == 4
    assert not (place / "out/topics.jsonl").exists()


def test_a_hanging_call_costs_one_timeout(place: Path, deepfabric: Run, provider: LocalProvider) -> None:
    provider.faults = Faults(hang=0.05)
    config = write_config(place, llm={**local_llm(provider), "timeout": 1.0}, output={"num_samples": 40})
    began = time.monotonic()
    done = deepfabric("generate", config)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(lines(place / "out/dataset.jsonl")) == 40
    assert count(done.stdout, "timeout") == provider.counts.hung
    assert time.monotonic() - began < 60


def test_an_unreachable_server_is_one_sentence(place: Path, deepfabric: Run) -> None:
    llm: dict[str, object] = {"provider": "openai", "base_url": "http://127.0.0.1:9/v1"}
    done = deepfabric("generate", write_config(place, llm=llm))
    assert done.returncode == 1
    assert "check base_url" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_throttling_server_gets_every_sample_out_of_us_in_the_end(
    place: Path, deepfabric: Run, provider: LocalProvider
) -> None:
    provider.faults = Faults(requests_per_second=40, retry_after=0.2)
    config = write_config(place, llm=local_llm(provider), output={"num_samples": 100, "batch_size": 32})
    done = deepfabric("generate", config)
    assert done.returncode == 0, done.stdout
    assert len(lines(place / "out/dataset.jsonl")) == 100


def test_some_failures_are_named_and_the_rest_is_delivered(
    place: Path, deepfabric: Run, provider: LocalProvider
) -> None:
    config = write_config(place, llm=local_llm(provider), generation={"sample_retries": 0}, output={"num_samples": 60})
    assert deepfabric("generate", config, "--topic-only").returncode == 0
    provider.faults = Faults(malformed=0.3)
    done = deepfabric("generate", config, "--topics-load", "out/topics.jsonl")
    delivered = lines(place / "out/dataset.jsonl")
    failed = lines(place / "out/dataset.failures.jsonl")
    assert done.returncode == 1
    assert len(delivered) + len(failed) == 60
    assert json.loads(json.dumps(failed[0]))["kind"] == "invalid JSON"
