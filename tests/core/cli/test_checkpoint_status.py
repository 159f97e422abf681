"""`checkpoint-status`: how far a run has come, before, during and after it."""

from __future__ import annotations

import json
import os
import shlex
import signal
from pathlib import Path
from typing import Any

import pytest

from deepfabric_core.cli.checkpoint_status import command
from deepfabric_core.samples.reviews import Decision, sample_id
from deepfabric_core.store.review_log import ReviewLog, reviews_path
from tests.core.commands import start
from tests.core.conftest import Run, local_llm, write_config
from tests.core.run.checkpoint.test_resume import (
    EXPANSIONS,
    broken,
    checkpoint,
    config,
    cut,
    dataset,
    finish,
    halfway,
    until,
    whole,
)
from tests.core.run.checkpoint.test_reviewed import job as reviewed_job
from tests.core.run.checkpoint.test_reviewed import run as run_job
from tests.provider import Faults, LocalProvider


def status(deepfabric: Run, *arguments: str) -> dict[str, Any]:
    done = deepfabric("checkpoint-status", "config.yaml", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def rows(deepfabric: Run) -> dict[str, str]:
    """What it says in words, by label."""
    done = deepfabric("checkpoint-status", "config.yaml")
    assert done.returncode == 0, done.stderr
    return {line[:11].strip(): line[12:] for line in done.stdout.splitlines()}


def test_before_a_run_there_is_none_and_the_folder_is_named(
    place: Path, provider: LocalProvider, deepfabric: Run
) -> None:
    config(place, provider)
    found = status(deepfabric)
    assert not found["exists"]
    done = deepfabric("checkpoint-status", "config.yaml")
    assert done.returncode == 0
    assert "No checkpoint of config.yaml" in done.stdout and found["folder"] in done.stdout
    assert not (place / "data").exists()


def test_during_a_run_it_names_the_process_and_does_not_disturb_it(
    place: Path, provider: LocalProvider, deepfabric: Run
) -> None:
    provider.faults = Faults(latency=0.1)
    config(place, provider, output={"num_samples": 12, "checkpoint": {"interval": 1}})
    process = start(place)
    until(process, provider, answered=EXPANSIONS + 3)
    provider.faults = Faults(latency=2)
    found = status(deepfabric)
    assert found["running"] and found["process"] == process.pid
    assert found["samples"]["wanted"] == 12
    assert 1 <= found["samples"]["done"] <= provider.counts.answered - EXPANSIONS
    assert str(process.pid) in rows(deepfabric)["Running"]
    provider.faults = Faults()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, out + err
    dataset(place, 12)


def test_while_topics_grow_it_says_so(place: Path, provider: LocalProvider, deepfabric: Run) -> None:
    provider.faults = Faults(latency=0.1)
    config(place, provider, topics={"depth": 3})
    cut(place, provider, 4, by=signal.SIGKILL)
    found = status(deepfabric)
    assert not found["topics"]["complete"]
    assert found["samples"] == {"wanted": 27, "done": 0, "failed": 0, "missing": 27}
    assert rows(deepfabric)["Topics"] == "still growing"


def test_after_a_kill_it_says_what_is_done_and_its_command_does_the_rest(
    place: Path, provider: LocalProvider, deepfabric: Run
) -> None:
    provider.faults = Faults(latency=0.1)
    config(place, provider, output={"checkpoint": {"interval": 1}})
    cut(place, provider, EXPANSIONS + 4, "--num-samples", "12", by=signal.SIGKILL)
    made = len(whole(checkpoint(place, "jsonl")))
    journal = checkpoint(place, "jsonl")
    before = {path: path.read_bytes() for path in journal.parent.iterdir()}
    found, said = status(deepfabric), rows(deepfabric)
    assert {path: path.read_bytes() for path in journal.parent.iterdir()} == before
    assert not found["running"] and found["process"] is None and said["Running"] == "no"
    assert found["samples"] == {"wanted": 12, "done": made, "failed": 0, "missing": 12 - made}
    assert said["Samples"] == f"{made} of 12 done, {12 - made} missing"
    assert found["topics"] == {"complete": True, "topics": 13, "leaves": 9}
    assert EXPANSIONS <= found["usage"]["calls"] <= provider.counts.requests
    assert found["usage"]["prompt_tokens"] > 0 and found["usage"]["completion_tokens"] > 0
    assert found["created_at"] <= found["updated_at"]
    assert found["dataset"] == said["Dataset"] == str(place / "out/dataset.jsonl")
    assert found["folder"] == said["Checkpoint"] == str(journal.parent)
    provider.faults = Faults()
    assert found["resume"] == said["Go on with"]
    program, *words = shlex.split(found["resume"])
    assert program == "deepfabric"
    done = deepfabric(*words)
    assert done.returncode == 0, done.stderr
    dataset(place, 12)


def test_after_completion_there_is_none_again(place: Path, provider: LocalProvider, deepfabric: Run) -> None:
    halfway(place, provider)
    assert status(deepfabric)["exists"]
    finish(place)
    assert not status(deepfabric)["exists"]


def test_failures_are_counted_by_category(place: Path, provider: LocalProvider, deepfabric: Run) -> None:
    failed = broken(place, provider)
    found = status(deepfabric)
    assert found["samples"] == {"wanted": 12, "done": 12 - failed, "failed": failed, "missing": 0}
    assert found["failures"] == {"invalid JSON": failed}
    assert rows(deepfabric)["Failed"] == f"{failed} invalid JSON"


def test_what_changed_since_is_named(place: Path, provider: LocalProvider, deepfabric: Run) -> None:
    halfway(place, provider)
    assert status(deepfabric)["changed"] == []
    assert rows(deepfabric)["Changed"] == "nothing that decides the data"
    config(place, provider, generation={"system_prompt": "You doubt."}, output={"batch_size": 4})
    assert status(deepfabric)["changed"] == ["generation.system_prompt"]
    assert "generation.system_prompt" in rows(deepfabric)["Changed"]


def test_flags_of_the_run_are_no_change(place: Path, provider: LocalProvider, deepfabric: Run) -> None:
    halfway(place, provider, "--temperature", "0.3")
    assert status(deepfabric)["changed"] == []
    config(place, provider, llm={**local_llm(provider), "temperature": 0.4, "model": "gpt-4o-mini"})
    assert status(deepfabric)["changed"] == ["generation.llm.model", "topics.llm.model"]


def test_more_samples_asked_for_in_the_config_are_missing(
    place: Path, provider: LocalProvider, deepfabric: Run
) -> None:
    halfway(place, provider)
    made = status(deepfabric)["samples"]["done"]
    config(place, provider, output={"num_samples": "200%"})
    assert status(deepfabric)["samples"]["missing"] == 18 - made


def test_a_folder_of_ones_own_is_looked_into(place: Path, provider: LocalProvider, deepfabric: Run) -> None:
    halfway(place, provider, "--checkpoint-path", "own")
    assert not status(deepfabric)["exists"]
    assert status(deepfabric, "--checkpoint-path", "own")["samples"]["done"] >= 3


def test_a_torn_last_line_is_not_counted(place: Path, provider: LocalProvider, deepfabric: Run) -> None:
    halfway(place, provider)
    journal = checkpoint(place, "jsonl")
    made = len(whole(journal))
    os.truncate(journal, journal.stat().st_size - 3)
    assert status(deepfabric)["samples"]["done"] == made - 1


@pytest.mark.slow
@pytest.mark.parametrize("text", ["", '{"samples_done": 1', '{"command": 3}', '{"prompt_tokens": 12.5}', None])
def test_metadata_that_can_not_be_read_strands_no_sample(
    place: Path, provider: LocalProvider, deepfabric: Run, text: str | None
) -> None:
    halfway(place, provider)
    paid, made = provider.counts.requests, len(whole(checkpoint(place, "jsonl")))
    before = json.loads(checkpoint(place, "json").read_text())
    if text is None:
        checkpoint(place, "json").unlink()
    else:
        checkpoint(place, "json").write_text(text)
    assert status(deepfabric)["samples"]["done"] == made
    assert deepfabric("generate", "config.yaml").returncode == 2
    done = deepfabric("generate", "config.yaml", "--resume", "--num-samples", "10")
    assert done.returncode == 0, done.stderr
    assert "made anew from what was finished" in done.stderr
    dataset(place, 10)
    assert provider.counts.requests == paid + 10 - made
    assert before["samples_done"] == made


def test_a_config_that_does_not_load_is_an_error(place: Path, deepfabric: Run) -> None:
    done = deepfabric("checkpoint-status", "nowhere.yaml")
    assert done.returncode == 2
    assert "nowhere.yaml" in done.stderr


def test_samples_of_a_finished_run_that_people_rejected_are_told_with_the_command_that_makes_them_again(
    place: Path, deepfabric: Run
) -> None:
    write_config(place)
    assert deepfabric("generate", "config.yaml").returncode == 0
    first = json.loads((place / "out/dataset.jsonl").read_text(encoding="utf-8").splitlines()[0])
    ReviewLog(reviews_path(place / "out/dataset.jsonl")).add(Decision("1", sample_id(first), "reject", "ann", 0.0))
    said = deepfabric("checkpoint-status", "config.yaml").stdout
    command = "deepfabric generate config.yaml --resume"
    assert f"1 sample rejected in review, to be made again by: {command}" in said
    done = deepfabric(*shlex.split(command)[1:])
    assert done.returncode == 0 and "1 sample rejected in review: to be made again" in done.stdout + done.stderr
    dataset(place, 9)


def test_rejected_samples_of_an_unfinished_run_have_a_row(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    work = reviewed_job(place, output={"checkpoint": {"interval": 2}})
    run_job(work, until=4)
    (place / "config.yaml").write_text(
        "{topics: {prompt: Tea}, generation: {system_prompt: x}, output: {save_as: tea.jsonl}}", encoding="utf-8"
    )
    sample = json.loads(work.checkpoint_files().samples.read_text(encoding="utf-8").splitlines()[0])["sample"]
    ReviewLog(reviews_path(work.dataset)).add(Decision("1", sample_id(sample), "reject", "ann", 0.0))
    command.main(["config.yaml", "--checkpoint-path", str(work.checkpoint_path)], standalone_mode=False)
    assert "Reviewed    1 sample rejected in review, to be made again" in capsys.readouterr().out
    command.main(["config.yaml", "--checkpoint-path", str(work.checkpoint_path), "--json"], standalone_mode=False)
    assert json.loads(capsys.readouterr().out)["to_make_again"] == 1
