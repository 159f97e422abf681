"""A run that can't begin leaves everything as it was: what an earlier run left, and no checkpoint of its own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.core.commands import lines, start, wait_for
from tests.core.conftest import Run, local_llm, write_config
from tests.provider import Faults, LocalProvider

MISSPELT = {"tools": {"components": {"builtin": ["read_fil"]}}}
SIMULATED = {"topics": {"llm": {"provider": "simulated"}, "save_as": "out/topics.jsonl"}}


def files(place: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(place)): path.read_bytes()
        for path in place.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }


@pytest.mark.parametrize("wrong", ["topics", "tools"])
def test_what_a_killed_run_left_stays_where_a_resume_finds_it(
    place: Path, deepfabric: Run, provider: LocalProvider, wrong: str
) -> None:
    provider.faults = Faults(latency=0.1)
    output = {"num_samples": 40, "batch_size": 4}
    config = write_config(place, llm=local_llm(provider), output=output, **SIMULATED)
    process = start(place)
    wait_for(provider, 12)
    process.kill()
    process.communicate()
    before = files(place)
    if wrong == "topics":
        refused = deepfabric("generate", config, "--topics-load", "nope.jsonl")
    else:
        write_config(place, llm=local_llm(provider), output=output, generation=MISSPELT, **SIMULATED)
        refused = deepfabric("generate", config)
        write_config(place, llm=local_llm(provider), output=output, **SIMULATED)
    assert refused.returncode == 2, refused.stdout + refused.stderr
    assert files(place) == before
    provider.faults = Faults()
    done = deepfabric("generate", config, "--resume")
    assert done.returncode == 0, done.stderr
    assert "samples were there already" in done.stdout
    assert len(lines(place / "out/dataset.jsonl")) == 40


def test_a_misspelt_tool_leaves_no_checkpoint_that_stands_in_the_way_of_the_next_run(
    place: Path, deepfabric: Run
) -> None:
    config = write_config(place, generation=MISSPELT)
    for command in (("validate", config), ("generate", config, "--checkpoint-interval", "5"), ("generate", config)):
        refused = deepfabric(*command)
        assert refused.returncode == 2 and "read_fil" in refused.stderr, command
    assert not [name for name in files(place) if "checkpoint" in name and not name.endswith(".lock")]
    assert not list((place / "out").glob("*journal*")) if (place / "out").exists() else True
    write_config(place, generation={"tools": {"components": {"builtin": ["read_file"]}}})
    assert deepfabric("generate", config, "--checkpoint-interval", "5").returncode == 0


def test_a_copy_of_a_project_that_is_complete_has_nothing_to_do(place: Path, deepfabric: Run) -> None:
    (place / "one").mkdir()
    write_config(place / "one")
    done = deepfabric("generate", "one/config.yaml", "--checkpoint-interval", "5")
    assert done.returncode == 0, done.stderr
    shutil.copytree(place / "out", place / "copy/out")
    shutil.copy(place / "one/config.yaml", place / "copy/config.yaml")
    kept = (place / "out/dataset.jsonl").read_bytes()
    again = deepfabric(
        "generate",
        "copy/config.yaml",
        "--output-save-as",
        "copy/out/dataset.jsonl",
        "--checkpoint-interval",
        "5",
        "--resume",
    )
    assert again.returncode == 0, again.stderr
    assert "nothing to do" in again.stdout
    assert (place / "copy/out/dataset.jsonl").read_bytes() == kept


def test_the_status_of_a_finished_run_says_that_it_is_complete(place: Path, deepfabric: Run) -> None:
    config = write_config(place)
    assert deepfabric("generate", config, "--checkpoint-interval", "5").returncode == 0
    assert "Complete: out/dataset.jsonl holds all 9 samples" in deepfabric("checkpoint-status", config).stdout


def test_the_status_counts_only_what_is_in_the_plan_and_says_how_to_retry(place: Path, deepfabric: Run) -> None:
    faulty = {"provider": "simulated", "simulated": {"malformed": 0.5}}
    config = write_config(
        place,
        generation={"sample_retries": 0, "llm": faulty},
        output={"num_samples": 20},
        topics={"save_as": "t.jsonl"},
    )
    assert deepfabric("generate", config, "--checkpoint-interval", "5").returncode == 1
    for _ in range(2):
        known = json.loads(deepfabric("checkpoint-status", config, "--json").stdout)
        samples = known["samples"]
        assert samples["done"] + samples["failed"] + samples["missing"] == samples["wanted"] == 20
        assert known["resume"].endswith("--resume --retry-failed")
        deepfabric("generate", config, "--checkpoint-interval", "5", "--resume", "--retry-failed")


def test_after_a_run_whose_server_is_gone_the_failed_samples_are_to_be_tried_again(
    place: Path, deepfabric: Run
) -> None:
    gone = {"provider": "openai", "model": "m", "base_url": "http://127.0.0.1:9/v1"}
    generation = {"llm": gone, "max_retries": 0, "sample_retries": 0}
    config = write_config(place, generation=generation, output={"num_samples": 40}, **SIMULATED)
    failed = deepfabric("generate", config, OPENAI_API_KEY="sk-of-nobody")
    assert failed.returncode == 1 and "Gave up" in failed.stdout
    assert failed.stderr.rstrip().endswith("--resume --retry-failed")
    known = json.loads(deepfabric("checkpoint-status", config, "--json").stdout)
    assert known["samples"]["failed"] and known["samples"]["missing"]
    assert known["resume"].endswith("--resume --retry-failed")


@pytest.mark.parametrize(
    ("model", "samples"),
    [
        ({"provider": "simulated", "simulated": {"malformed": 1.0}}, 30),
        ({"provider": "simulated", "simulated": {"malformed": 0.5}}, 20),
        ({"provider": "openai", "model": "m", "base_url": "http://127.0.0.1:9/v1"}, 30),
    ],
    ids=["nothing was made", "all was tried", "the server is gone"],
)
def test_a_run_that_failed_advises_the_command_that_the_status_advises(
    place: Path, deepfabric: Run, model: dict[str, object], samples: int
) -> None:
    generation = {"llm": model, "max_retries": 0, "sample_retries": 0}
    config = write_config(place, generation=generation, output={"num_samples": samples}, **SIMULATED)
    failed = deepfabric("generate", config, "--checkpoint-interval", "5", OPENAI_API_KEY="sk-of-nobody")
    known = json.loads(deepfabric("checkpoint-status", config, "--json").stdout)
    assert failed.returncode == 1 and known["resume"].endswith("--resume --retry-failed")
    assert failed.stderr.rstrip().endswith(f"Go on with: {known['resume']}")


def test_a_run_whose_server_goes_away_gives_up_instead_of_failing_all_that_is_left(
    place: Path, deepfabric: Run
) -> None:
    out = place / "out"
    out.mkdir()
    (out / "dataset.jsonl").write_text('{"earlier": true}\n')
    with LocalProvider(Faults(latency=0.05)) as provider:
        config = write_config(
            place,
            generation={"llm": local_llm(provider), "max_retries": 1, "rate_limit": {"base_delay": 0.01}},
            output={"num_samples": 600, "batch_size": 8},
            **SIMULATED,
        )
        run = start(place)
        wait_for(provider, 40)
    said, problems = run.communicate(timeout=60)
    assert run.returncode == 1 and "Gave up" in said, said + problems
    assert problems.rstrip().endswith("--resume --retry-failed")
    known = json.loads(deepfabric("checkpoint-status", config, "--json").stdout)
    assert known["samples"]["missing"] > 400 and 50 <= known["samples"]["failed"] < 80
    assert (out / "dataset.jsonl").read_text() == '{"earlier": true}\n'
