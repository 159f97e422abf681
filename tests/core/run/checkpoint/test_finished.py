"""What is finished is known to be: asked for again it costs nothing, whatever became of the screen or the process."""

from __future__ import annotations

import json
import os
import signal
import stat
from pathlib import Path

import pytest

from tests.core.commands import keys, start
from tests.core.conftest import Run, write_config
from tests.core.run.checkpoint.test_resume import (
    EXPANSIONS,
    config,
    cut,
    dataset,
    finish,
    halfway,
    paid_again,
    until,
    whole,
)
from tests.provider import Faults, LocalProvider

CALLS = EXPANSIONS + 9


@pytest.fixture(params=[{"checkpoint": {"interval": 2}}, {"checkpoint": None}], ids=["checkpoint", "plain"])
def finished(request: pytest.FixtureRequest, place: Path, provider: LocalProvider, deepfabric: Run) -> Path:
    """A finished run; answers its dataset."""
    config(place, provider, output=request.param)
    done = deepfabric("generate", "config.yaml")
    assert done.returncode == 0, done.stderr
    assert provider.counts.requests == CALLS
    return place / "out/dataset.jsonl"


# ---- asked for again


def test_a_resume_of_what_is_complete_does_nothing_and_says_so(
    finished: Path, provider: LocalProvider, deepfabric: Run
) -> None:
    before = finished.read_bytes(), finished.stat().st_mtime_ns
    for _ in range(2):
        done = deepfabric("generate", "config.yaml", "--resume")
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("Complete already, nothing to do\n")
        assert "9 of 9 delivered" in done.stdout
    assert provider.counts.requests == CALLS
    assert (finished.read_bytes(), finished.stat().st_mtime_ns) == before


def test_fresh_and_a_run_without_resume_begin_anew(finished: Path, provider: LocalProvider, deepfabric: Run) -> None:
    for number, flags in enumerate(([], ["--fresh"]), 2):
        assert deepfabric("generate", "config.yaml", *flags).returncode == 0
        assert provider.counts.requests == CALLS * number
    assert len(keys(finished)) == 9


def test_a_dataset_that_is_gone_is_made_anew(finished: Path, provider: LocalProvider, deepfabric: Run) -> None:
    finished.unlink()
    done = deepfabric("generate", "config.yaml", "--resume")
    assert done.returncode == 0
    assert "No checkpoint to resume" in done.stderr
    assert len(keys(finished)) == 9


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--topic-prompt", "Boats"], "topics.prompt"),
        (["--temperature", "0.1"], "generation.llm.temperature"),
        (["--num-samples", "4"], "complete with 9 samples"),
    ],
)
def test_something_else_than_what_is_complete_is_refused_and_nothing_is_spent(
    finished: Path, provider: LocalProvider, deepfabric: Run, flags: list[str], said: str
) -> None:
    before = finished.read_bytes()
    done = deepfabric("generate", "config.yaml", "--resume", *flags)
    assert done.returncode == 2
    assert said in done.stderr and "--fresh" in done.stderr
    assert provider.counts.requests == CALLS
    assert finished.read_bytes() == before


PLAIN = pytest.mark.parametrize("finished", [{"checkpoint": None}], indirect=True)


@PLAIN
def test_weights_that_change_after_all_is_made_are_told_of_and_more_samples_are_shared_by_them(
    finished: Path, place: Path, provider: LocalProvider, deepfabric: Run
) -> None:
    before = set(keys(finished))
    config(place, provider, topics={"weights": {"Repairing bicycles 2": 4}})
    done = deepfabric("generate", "config.yaml", "--resume")
    said = " ".join(done.stderr.split())
    assert done.returncode == 0 and provider.counts.requests == CALLS
    assert (
        "All 9 samples are made and stay, so the weights of topics change nothing; with output.num_samples: 18" in said
    )
    more = deepfabric("generate", "config.yaml", "--resume", "--num-samples", "18")
    assert more.returncode == 0 and provider.counts.requests == CALLS + 9
    assert before <= set(keys(finished)) and len(keys(finished)) == 18
    names = [record["metadata"]["topic_path"][1] for record in map(json.loads, finished.read_text().splitlines())]
    assert [names.count(f"Repairing bicycles {number}") for number in (1, 2, 3)] == [3, 12, 3]
    assert "Going on with the 9 samples of" in more.stderr


@PLAIN
def test_more_samples_are_refused_where_the_topics_are_gone(
    finished: Path, place: Path, provider: LocalProvider, deepfabric: Run
) -> None:
    (place / "out/topics.jsonl").unlink()
    done = deepfabric("generate", "config.yaml", "--resume", "--num-samples", "14")
    assert done.returncode == 2 and provider.counts.requests == CALLS
    assert "complete with 9 samples and its checkpoint is gone, so 14 samples can't be had" in done.stderr


def test_a_dataset_that_was_changed_since_is_left_as_it_is(
    finished: Path, provider: LocalProvider, deepfabric: Run
) -> None:
    finished.write_text("mine now\n")
    done = deepfabric("generate", "config.yaml", "--resume")
    assert done.returncode == 2
    assert "has been changed since" in done.stderr
    assert provider.counts.requests == CALLS
    assert finished.read_text() == "mine now\n"


def test_topics_alone_that_are_complete_are_not_the_samples(
    place: Path, provider: LocalProvider, deepfabric: Run
) -> None:
    config(place, provider)
    assert deepfabric("generate", "config.yaml", "--topic-only").returncode == 0
    again = deepfabric("generate", "config.yaml", "--topic-only", "--resume")
    assert again.stdout.startswith("Complete already")
    assert provider.counts.requests == EXPANSIONS
    assert deepfabric("generate", "config.yaml", "--resume").returncode == 0
    dataset(place, 9)


def test_the_mark_is_small_and_holds_no_prompt(finished: Path, place: Path) -> None:
    mark = next(place.rglob("*.finished.json"))
    text = mark.read_text()
    assert len(text) < 4000
    assert "bicycles" not in text and "You teach" not in text
    assert json.loads(text)["samples"] == 9


def test_without_a_home_a_plain_run_works_all_the_same(place: Path, provider: LocalProvider, deepfabric: Run) -> None:
    config(place, provider, output={"checkpoint": None})
    (place / "nowhere").write_text("a file, not a folder")
    done = deepfabric("generate", "config.yaml", XDG_DATA_HOME=str(place / "nowhere/data"))
    assert done.returncode == 0, done.stderr
    dataset(place, 9)


# ---- a run without a checkpoint


def left_behind(place: Path, provider: LocalProvider, *arguments: str, calls: int = EXPANSIONS + 4) -> int:
    """A run without a checkpoint that was killed; answers how many calls were answered."""
    provider.faults = Faults(latency=0.1)
    config(place, provider, output={"checkpoint": None})
    cut(place, provider, calls, *arguments, by=signal.SIGKILL)
    provider.faults = Faults()
    return provider.counts.answered


def test_a_resume_goes_on_with_what_a_killed_run_without_a_checkpoint_left(
    place: Path, provider: LocalProvider
) -> None:
    left_behind(place, provider)
    assert "what a run without a checkpoint left" in finish(place).err
    dataset(place, 9)
    assert paid_again(provider, 9) <= 2
    assert sorted(path.name for path in (place / "out").iterdir()) == ["dataset.jsonl", "topics.jsonl"]


def test_topics_of_a_killed_run_without_a_checkpoint_are_not_asked_for_again(
    place: Path, provider: LocalProvider
) -> None:
    left_behind(place, provider, calls=3)
    finish(place)
    dataset(place, 9)
    assert paid_again(provider, 9) <= 3  # the expansions that were in flight


def test_a_new_run_keeps_what_a_killed_one_left_and_does_not_ask(
    place: Path, provider: LocalProvider, deepfabric: Run
) -> None:
    left_behind(place, provider)
    journal = (place / "out/dataset.journal.jsonl").read_bytes()
    before = provider.counts.requests
    done = deepfabric("generate", "config.yaml")
    assert done.returncode == 0, done.stderr
    dataset(place, 9)
    assert provider.counts.requests == before + CALLS
    kept = next((place / "out").glob("*/dataset.journal.jsonl"))
    assert str(kept.parent.relative_to(place)) in done.stderr
    assert kept.parent.name.startswith("dataset.journal-")
    assert kept.read_bytes() == journal


def test_a_stopped_run_without_a_checkpoint_can_be_resumed_too(place: Path, provider: LocalProvider) -> None:
    provider.faults = Faults(latency=0.1)
    config(place, provider, output={"checkpoint": None})
    stopped = cut(place, provider, EXPANSIONS + 4)
    assert stopped.code == 130
    assert "Go on with: deepfabric generate config.yaml --resume" in stopped.err
    provider.faults = Faults()
    finish(place)
    dataset(place, 9)
    assert paid_again(provider, 9) == 0


def test_failed_samples_of_a_run_without_a_checkpoint_can_be_retried(place: Path, provider: LocalProvider) -> None:
    provider.faults = Faults(malformed=0.5)
    (place / "topics.jsonl").write_text("".join(f'{{"path": ["Bicycles", "part {n}"]}}\n' for n in range(12)))
    config(place, provider, generation={"sample_retries": 0}, output={"checkpoint": None})
    process = start(place, "--topics-load", "topics.jsonl")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1, out + err
    provider.faults = Faults()
    paid, made = provider.counts.requests, len(keys(place / "out/dataset.jsonl"))
    finish(place, "--retry-failed")
    dataset(place, 12)
    assert provider.counts.requests == paid + 12 - made


def test_a_run_that_paid_for_nothing_leaves_nothing(place: Path, provider: LocalProvider) -> None:
    provider.faults = Faults(status=401, error_code="invalid_api_key")
    config(place, provider, output={"checkpoint": None})
    process = start(place)
    process.communicate(timeout=60)
    assert process.returncode == 1
    assert not list((place / "out").iterdir())


# ---- a project that was moved or copied


@pytest.fixture
def moved(place: Path, provider: LocalProvider, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in mid-run that now lies in another folder."""
    old, new = place / "old", place / "new"
    old.mkdir()
    (place / "data").mkdir()
    monkeypatch.chdir(old)
    provider.faults = Faults(latency=0.1)
    config(old, provider)
    assert cut(old, provider, EXPANSIONS + 4).code == 130
    provider.faults = Faults()
    old.rename(new)
    monkeypatch.chdir(new)
    return new


def test_a_moved_project_asks_what_to_do_with_its_checkpoint(moved: Path, provider: LocalProvider) -> None:
    before = provider.counts.requests
    process = start(moved)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 2, out + err
    assert "old/out/dataset.jsonl" in err and "goes on with a copy" in err
    assert "--resume" in err and "--fresh" in err
    assert provider.counts.requests == before


def test_a_moved_project_goes_on_with_a_copy_of_its_checkpoint(moved: Path, provider: LocalProvider) -> None:
    place = moved.parent
    files = {path: path.read_bytes() for path in (place / "data").rglob("*.checkpoint.json*")}
    done = finish(moved)
    assert "copy of the checkpoint" in done.err
    dataset(moved, 9)
    assert paid_again(provider, 9) == 0
    assert {path: path.read_bytes() for path in files} == files
    assert finish(moved).out.startswith("Complete already")


def test_another_config_in_another_project_is_not_taken_for_a_moved_one(moved: Path, provider: LocalProvider) -> None:
    before = provider.counts.requests
    config(moved, provider, topics={"prompt": "Something else"})
    process = start(moved)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, out + err
    assert provider.counts.requests == before + CALLS


# ---- files


def test_all_files_and_folders_of_a_run_are_for_their_user_alone(place: Path, provider: LocalProvider) -> None:
    os.umask(0o022)
    provider.faults = Faults(latency=0.1)
    config(place, provider, topics={"save_as": "new/deep/topics.jsonl"})
    process = start(place)
    until(process, provider, answered=EXPANSIONS + 2)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    finish(place)
    process = start(place, "--output-save-as", "out/plain.jsonl", "--fresh")
    until(process, provider, answered=provider.counts.answered + EXPANSIONS + 2)
    process.kill()
    process.communicate()
    made = [path for top in ("data", "out", "new") for path in ((place / top), *(place / top).rglob("*"))]
    assert len(made) > 12
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in made}
    assert {path: oct(mode) for path, mode in modes.items() if mode & 0o077} == {}


def test_a_file_that_is_replaced_keeps_its_mode(place: Path, deepfabric: Run) -> None:
    write_config(place)
    (place / "out").mkdir(mode=0o755)
    (place / "out/dataset.jsonl").write_text("older")
    (place / "out/dataset.jsonl").chmod(0o640)
    assert deepfabric("generate", "config.yaml").returncode == 0
    assert stat.S_IMODE((place / "out/dataset.jsonl").stat().st_mode) == 0o640
    assert stat.S_IMODE((place / "out").stat().st_mode) == 0o755


def test_what_dead_processes_left_half_written_is_deleted_and_what_the_living_write_is_not(
    place: Path, deepfabric: Run
) -> None:
    write_config(place)
    (place / "out").mkdir()
    process = start(place, "--topic-only", "--output-save-as", "elsewhere/x.jsonl")
    process.communicate(timeout=60)
    dead = [
        f".dataset.jsonl.{process.pid}.tmp",
        f".dataset.jsonl.{process.pid}.probe",
        f".topics.jsonl.{process.pid}.tmp",
    ]
    living = [f".dataset.jsonl.{os.getpid()}.tmp", f".other.jsonl.{process.pid}.tmp", "dataset.jsonl.1.tmp"]
    for name in (*dead, *living):
        (place / "out" / name).write_text("half")
    assert deepfabric("generate", "config.yaml").returncode == 0
    assert {path.name for path in (place / "out").iterdir()} == {"dataset.jsonl", "topics.jsonl", *living}


@pytest.mark.parametrize("name", ["a**b.jsonl", "a[b].jsonl", "a?b*.jsonl", "-x.jsonl", "a b.jsonl"])
def test_names_that_a_shell_would_expand_are_names_like_any_other(
    place: Path, provider: LocalProvider, deepfabric: Run, name: str
) -> None:
    halfway(place, provider, output={"save_as": f"out/{name}"})
    finish(place)
    assert len(keys(place / "out" / name)) == 9
    assert not whole_left(place)
    assert paid_again(provider, 9) == 0


def whole_left(place: Path) -> list[Path]:
    return [path for path in place.rglob("*.checkpoint.jsonl") if whole(path)]


# ---- killed between two writes


def test_topics_that_were_loaded_may_be_loaded_again_whenever_it_was_killed(
    place: Path, provider: LocalProvider
) -> None:
    topics = place / "topics.jsonl"
    topics.write_text("".join(f'{{"path": ["Bicycles", "part {n}"]}}\n' for n in range(12)))
    provider.faults = Faults(latency=0.1)
    config(place, provider)
    cut(place, provider, 3, "--topics-load", "topics.jsonl")
    provider.faults = Faults()
    metadata = next(place.rglob("*.checkpoint.json"))
    said = json.loads(metadata.read_text())
    metadata.write_text(json.dumps({**said, "topics_digest": "", "topics": 0, "leaves": 0}))
    finish(place, "--topics-load", "topics.jsonl")
    dataset(place, 12)
    assert paid_again(provider, 12, expansions=0) == 0
