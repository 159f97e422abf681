"""A run that ended early goes on where it was: nothing is lost, nothing is made or paid twice."""

from __future__ import annotations

import json
import random
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests import ROOT
from tests.core.commands import keys, lines, start
from tests.core.conftest import Run, local_llm, write_config
from tests.provider import Faults, LocalProvider

EXPANSIONS = 4  # of 3 x 3 topics
SCHEMA = {"type": "object", "properties": {"fact": {"type": "string"}}, "required": ["fact"]}


class Done(NamedTuple):
    code: int
    out: str
    err: str


def until(process: subprocess.Popen[str], provider: LocalProvider, *, answered: int = 0, requests: int = 0) -> None:
    """Wait until the server has so many calls, or the process is over."""
    deadline = time.monotonic() + 60
    counts = provider.counts
    while counts.answered < answered or counts.requests < requests:
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError((process.communicate(), counts))
        time.sleep(0.005)


def cut(place: Path, provider: LocalProvider, calls: int, *arguments: str, by: signal.Signals = signal.SIGINT) -> Done:
    """Run until the server has answered so many more calls, then send a signal."""
    before = provider.counts.answered
    process = start(place, *arguments)
    until(process, provider, answered=before + calls)
    process.send_signal(by)
    out, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    return Done(process.returncode, out, err)


def finish(place: Path, *arguments: str, code: int = 0) -> Done:
    """Resume, and see how that ends."""
    process = start(place, "--resume", *arguments)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, out + err
    assert "Traceback" not in err
    return Done(process.returncode, out, err)


def config(place: Path, provider: LocalProvider, **sections: dict[str, Any]) -> str:
    """Nine topics, two calls at once, a checkpoint at every second sample."""
    sections["output"] = {"batch_size": 2, "checkpoint": {"interval": 2}, **sections.get("output", {})}
    return write_config(place, **{"llm": local_llm(provider), **sections})


def halfway(
    place: Path, provider: LocalProvider, *arguments: str, samples: int = 3, **sections: dict[str, Any]
) -> None:
    """A checkpoint with some samples, stopped by Ctrl-C, so that every call so far is known."""
    provider.faults = Faults(latency=0.1)
    config(place, provider, **sections)
    assert cut(place, provider, EXPANSIONS + samples, *arguments).code == 130
    provider.faults = Faults()


def test_samples_stay_when_weights_change_and_the_rest_is_shared_by_the_new_ones(
    place: Path, provider: LocalProvider
) -> None:
    halfway(place, provider, samples=5, output={"num_samples": 12})
    made = {(line["topic_id"], line["cycle"]) for line in lines(checkpoint(place, "jsonl"))}
    branch = json.loads(checkpoint(place, "topics").read_text("utf-8").splitlines()[-1])["path"][1]
    config(place, provider, output={"num_samples": 12}, topics={"weights": {branch: 3}})
    again = finish(place)
    said = f"{len(made)} samples made before stay, and {12 - len(made)} more are shared out by the weights"
    assert said in " ".join((again.out + again.err).split())
    records = lines(place / "out/dataset.jsonl")
    assert len(records) == 12 and made <= set(keys(place / "out/dataset.jsonl"))
    assert sum(record["metadata"]["topic_path"][1] == branch for record in records) >= 6
    assert provider.counts.answered == EXPANSIONS + 12, "nothing is made twice"


def checkpoint(place: Path, ending: str) -> Path:
    """The only checkpoint's file of that ending."""
    return next((place / "data/deepfabric/checkpoints").glob(f"*/*.checkpoint.{ending}"))


def whole(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a file, without a torn last one."""
    return [json.loads(line) for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]


def dataset(place: Path, samples: int) -> list[tuple[str, int]]:
    """The keys of the dataset, which has exactly so many."""
    found = keys(place / "out/dataset.jsonl")
    assert len(found) == len(set(found)) == samples
    return found


def paid_again(provider: LocalProvider, samples: int, expansions: int = EXPANSIONS) -> int:
    """How many calls there were beyond the one that each sample and each expansion needs."""
    return provider.counts.requests - samples - expansions


# ---- kill -9


def test_after_kills_in_sampling_every_sample_is_there_once_and_only_calls_in_flight_are_paid_again(
    place: Path, provider: LocalProvider
) -> None:
    provider.faults = Faults(latency=0.02)
    config(place, provider, output={"num_samples": 400, "batch_size": 16, "checkpoint": {"interval": 50}})
    dice, kept, kills = random.Random(4), list[dict[str, Any]](), 5
    for kill in range(kills):
        first = 0 if kill else EXPANSIONS
        cut(place, provider, first + dice.randrange(10, 60), *["--resume"][:kill], by=signal.SIGKILL)
        facts = whole(checkpoint(place, "jsonl"))
        assert facts[: len(kept)] == kept
        assert provider.counts.answered - EXPANSIONS - len(facts) <= 16 * (kill + 1)
        kept = facts
    provider.faults = Faults()
    finish(place)
    dataset(place, 400)
    assert 0 <= paid_again(provider, 400) <= 16 * kills
    delivered = lines(place / "out/dataset.jsonl")
    assert all(fact["sample"] in delivered for fact in kept)


def test_after_kills_while_topics_grow_no_expansion_that_had_come_back_is_paid_again(
    place: Path, provider: LocalProvider
) -> None:
    provider.faults = Faults(latency=0.05)
    config(place, provider, topics={"depth": 3, "degree": 4}, output={"num_samples": 5})
    cut(place, provider, 5, by=signal.SIGKILL)
    known = whole(checkpoint(place, "expansions.jsonl"))
    cut(place, provider, 8, "--resume", by=signal.SIGKILL)
    assert whole(checkpoint(place, "expansions.jsonl"))[: len(known)] == known
    finish(place)
    dataset(place, 5)
    paths = {tuple(line["path"]) for line in lines(place / "out/topics.jsonl")}
    assert len(paths) == 64
    inner = {path[:depth] for path in paths for depth in range(1, 4)}
    assert {(*line["path"], name) for line in known for name, _ in line["children"]} <= inner | paths
    assert paid_again(provider, 5, expansions=21) <= 2 * 4


def test_a_graph_that_grew_in_two_runs_is_the_one_that_grows_in_one(place: Path, deepfabric: Run) -> None:
    def graph(name: str) -> Any:
        return json.loads((place / name).read_text(encoding="utf-8"))["nodes"]

    sections: dict[str, dict[str, Any]] = {
        "topics": {"mode": "graph", "depth": 3, "save_as": "once.json", "max_concurrent": 2},
        "output": {"num_samples": 2, "checkpoint": {"interval": 1}},
    }
    write_config(place, llm={"provider": "simulated", "seed": 7}, **sections)
    assert deepfabric("generate", "config.yaml", "--topic-only").returncode == 0
    slow = {"provider": "simulated", "seed": 7, "simulated": {"latency": 0.1}}
    sections["topics"]["save_as"] = "twice.json"
    write_config(place, llm=slow, **sections)
    process = start(place)
    while not list(place.rglob("*.expansions.jsonl")) or len(whole(checkpoint(place, "expansions.jsonl"))) < 4:
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    process.kill()
    process.communicate()
    finish(place)
    assert graph("twice.json") == graph("once.json")
    assert any(len(node["parents"]) > 1 for node in graph("once.json").values())


# ---- stops


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_pays_nothing_twice_and_the_command_it_prints_finishes_the_rest(
    place: Path, provider: LocalProvider, by: signal.Signals
) -> None:
    provider.faults = Faults(latency=0.1)
    config(place, provider)
    stopped = cut(place, provider, EXPANSIONS + 5, "--num-samples", "30", "--topic-prompt", 'It\'s "bikes"', by=by)
    assert stopped.code == 130
    assert "Stopping" in stopped.err
    assert not (place / "out/dataset.jsonl").exists()
    assert len(whole(checkpoint(place, "jsonl"))) == provider.counts.requests - EXPANSIONS < 30
    program, *words = shlex.split(stopped.err.split("Go on with: ")[1].splitlines()[0])
    assert program == "deepfabric"
    done = subprocess.run(
        [sys.executable, "-m", "deepfabric_core", *words],
        cwd=place,
        env={"PYTHONPATH": str(ROOT), "XDG_DATA_HOME": str(place / "data")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    dataset(place, 30)
    assert paid_again(provider, 30) == 0
    assert not list(place.rglob("*.checkpoint.json*"))


def test_a_stop_while_topics_grow_pays_nothing_twice(place: Path, provider: LocalProvider) -> None:
    provider.faults = Faults(latency=0.05)
    config(place, provider, topics={"depth": 3})
    assert cut(place, provider, 5).code == 130
    assert provider.counts.requests < 13
    finish(place, "--num-samples", "4")
    dataset(place, 4)
    assert paid_again(provider, 4, expansions=13) == 0


def test_a_stop_between_topics_and_samples_pays_nothing_twice(place: Path, provider: LocalProvider) -> None:
    provider.faults = Faults(latency=0.3)
    config(place, provider, topics={"depth": 1})
    process = start(place)
    until(process, provider, requests=1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, out + err
    assert "Go on with" in err
    assert provider.counts.requests == provider.counts.answered == 1
    finish(place)
    dataset(place, 3)
    assert paid_again(provider, 3, expansions=1) == 0


def test_a_second_ctrl_c_ends_within_a_second_and_the_journal_loads(place: Path, provider: LocalProvider) -> None:
    halfway(place, provider, samples=4)
    made = len(whole(checkpoint(place, "jsonl")))
    before = provider.counts.requests
    provider.faults = Faults(latency=60)
    process = start(place, "--resume", "--tui", "simple")
    until(process, provider, requests=before + 2)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    assert any("Stopping" in line for line in process.stderr)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert time.monotonic() - began < 1
    assert process.returncode == 130, out + err
    assert "Traceback" not in err
    provider.faults = Faults()
    assert f"{made} samples were there already" in finish(place).out
    dataset(place, 9)
    assert paid_again(provider, 9) == 2


# ---- what lies in the checkpoint


def test_a_torn_last_line_is_made_anew(place: Path, provider: LocalProvider) -> None:
    halfway(place, provider)
    journal = checkpoint(place, "jsonl")
    journal.write_bytes(journal.read_bytes()[:-10])
    finish(place)
    dataset(place, 9)
    assert paid_again(provider, 9) == 1


def test_a_repeated_line_and_one_of_a_foreign_topic_do_not_change_the_dataset(
    place: Path, provider: LocalProvider
) -> None:
    halfway(place, provider)
    journal = checkpoint(place, "jsonl")
    first = journal.read_bytes().splitlines(keepends=True)[0]
    foreign = first.replace(json.loads(first)["topic_id"].encode(), b"0123456789abcdef")
    journal.write_bytes(journal.read_bytes() + first + foreign)
    finish(place)
    assert "0123456789abcdef" not in {topic for topic, _ in dataset(place, 9)}
    assert paid_again(provider, 9) == 0


@pytest.mark.parametrize("ending", ["jsonl", "failures.jsonl", "expansions.jsonl"])
def test_a_damaged_line_is_named_and_nothing_is_spent(place: Path, provider: LocalProvider, ending: str) -> None:
    halfway(place, provider)
    path = checkpoint(place, ending)
    before = provider.counts.requests
    path.write_bytes(path.read_bytes() + b'{"topic_id": "a", "cyc\n{}\n')
    number = path.read_bytes().count(b"\n") - 1
    if ending == "expansions.jsonl":
        checkpoint(place, "topics").unlink()
    err = finish(place, code=2).err
    assert path.name in err and f"line {number}:" in err
    assert provider.counts.requests == before


# ---- how the resume is asked for


@pytest.mark.parametrize("arguments", [(), ("--num-samples", "12")])
def test_without_resume_nothing_is_spent_and_both_flags_are_named(
    place: Path, provider: LocalProvider, deepfabric: Run, arguments: tuple[str, ...]
) -> None:
    halfway(place, provider)
    before, files = provider.counts.requests, {path: path.read_bytes() for path in place.rglob("*.checkpoint.*")}
    done = deepfabric("generate", "config.yaml", *arguments)
    assert done.returncode == 2
    assert "--resume" in done.stderr and "--fresh" in done.stderr
    assert provider.counts.requests == before
    assert {path: path.read_bytes() for path in place.rglob("*.checkpoint.*")} == files


def test_fresh_moves_the_old_checkpoint_aside_and_deletes_nothing(
    place: Path, provider: LocalProvider, deepfabric: Run
) -> None:
    halfway(place, provider)
    before, folder = provider.counts.requests, checkpoint(place, "json").parent
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".lock"}
    done = deepfabric("generate", "config.yaml", "--fresh")
    assert done.returncode == 0, done.stderr
    assert provider.counts.requests == before + EXPANSIONS + 9
    dataset(place, 9)
    aside = next(path for path in folder.iterdir() if path.is_dir())
    assert str(aside) in done.stderr
    assert {path.name: path.read_bytes() for path in aside.iterdir()} == files


@pytest.mark.parametrize("other", ["out/other.jsonl", "elsewhere/dataset.jsonl"])
def test_a_resume_never_puts_the_samples_of_one_dataset_into_another(
    place: Path, provider: LocalProvider, other: str
) -> None:
    halfway(place, provider)
    before, files = provider.counts.requests, {path: path.read_bytes() for path in place.rglob("*.checkpoint.*")}
    assert "No checkpoint to resume" in finish(place, "--output-save-as", other).err
    assert len(keys(place / other)) == 9
    assert provider.counts.requests == before + EXPANSIONS + 9
    assert {path: path.read_bytes() for path in files} == files
    finish(place)
    dataset(place, 9)
    assert paid_again(provider, 9) == EXPANSIONS + 9


def test_a_key_may_come_from_a_flag_in_one_run_and_from_the_config_in_the_other(
    place: Path, provider: LocalProvider
) -> None:
    halfway(place, provider, "--temperature", "0.3", "--num-samples", "12")
    config(place, provider, llm={**local_llm(provider), "temperature": 0.3}, output={"num_samples": 12})
    finish(place)
    dataset(place, 12)
    assert paid_again(provider, 12) == 0


def test_a_run_by_flags_alone_is_resumed_by_the_same_flags(place: Path, provider: LocalProvider) -> None:
    provider.faults = Faults(latency=0.05)
    flags = ["--provider", "openai", "--base-url", provider.base_url, "--topic-prompt", "Bicycles", "--depth", "1"]
    flags += ["--generation-system-prompt", "You teach.", "--output-save-as", "out/dataset.jsonl", "--batch-size", "2"]
    flags += ["--num-samples", "20"]
    root = [sys.executable, "-m", "deepfabric_core", "generate", *flags]
    environment = {"PYTHONPATH": str(ROOT), "XDG_DATA_HOME": str(place / "data")}
    process = subprocess.Popen(
        [*root, "--checkpoint-interval", "5"], cwd=place, env=environment, stderr=subprocess.PIPE, text=True
    )
    until(process, provider, answered=5)
    process.send_signal(signal.SIGINT)
    assert "Go on with" in process.communicate(timeout=60)[1]
    done = subprocess.run([*root, "--resume"], cwd=place, env=environment, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    dataset(place, 20)
    assert paid_again(provider, 20, expansions=1) == 0


@pytest.mark.parametrize("by_flag", [True, False])
def test_a_checkpoint_may_be_kept_in_a_folder_of_ones_own(place: Path, provider: LocalProvider, by_flag: bool) -> None:
    own: dict[str, Any] = {} if by_flag else {"output": {"checkpoint": {"interval": 2, "path": "own/folder"}}}
    flags = ["--checkpoint-path", "own/folder"] if by_flag else []
    halfway(place, provider, *flags, **own)
    assert (place / "own/folder/dataset.checkpoint.json").exists()
    assert not (place / "data/deepfabric/checkpoints").exists()
    finish(place, *flags)
    dataset(place, 9)
    assert paid_again(provider, 9) == 0
    assert {path.name for path in (place / "own/folder").iterdir()} == {
        "dataset.checkpoint.lock",
        "dataset.finished.json",
    }


def test_a_resume_without_a_checkpoint_says_so_and_starts_afresh(place: Path, provider: LocalProvider) -> None:
    config(place, provider)
    assert "No checkpoint to resume" in finish(place).err
    dataset(place, 9)
    assert paid_again(provider, 9) == 0


# ---- what may change in between


def test_what_only_changes_the_speed_or_the_screen_may_change(place: Path, provider: LocalProvider) -> None:
    halfway(place, provider)
    with LocalProvider(Faults()) as other:
        config(place, other, output={"batch_size": 7, "checkpoint": {"interval": 1}}, topics={"max_concurrent": 1})
        finish(place, "--tui", "simple")
        dataset(place, 9)
        assert provider.counts.requests + other.counts.requests == EXPANSIONS + 9


CHANGES: dict[str, dict[str, dict[str, Any]]] = {
    "topics.prompt": {"topics": {"prompt": "Repairing boats"}},
    "generation.system_prompt": {"generation": {"system_prompt": "You doubt."}},
    "generation.llm.temperature": {"generation": {"llm": {"temperature": 0.1}}},
    "generation.llm.model": {"generation": {"llm": {"model": "gpt-4o-mini"}}},
    "generation.output_schema": {"generation": {"output_schema": SCHEMA}},
}


def test_what_changes_the_data_is_refused_by_name_until_it_is_accepted(place: Path, provider: LocalProvider) -> None:
    halfway(place, provider)
    before = provider.counts.requests
    for key, change in CHANGES.items():
        config(place, provider, **change)
        err = finish(place, code=2).err
        assert f"decides the data: {key}." in err
        assert "--accept-changes" in err
    config(place, provider, llm={**local_llm(provider), "model": "gpt-4o-mini"})
    assert "generation.llm.model, topics.llm.model." in finish(place, code=2).err
    assert provider.counts.requests == before
    config(place, provider, **CHANGES["generation.llm.temperature"])
    finish(place, "--accept-changes")
    dataset(place, 9)
    assert paid_again(provider, 9) == 0


@pytest.mark.parametrize(("asked", "samples"), [("20", 20), ("200%", 18), ("auto", 9)])
def test_a_larger_number_of_samples_extends_the_dataset(
    place: Path, provider: LocalProvider, asked: str, samples: int
) -> None:
    halfway(place, provider, samples=1, output={"num_samples": "70%"})
    made = len(whole(checkpoint(place, "jsonl")))
    assert f"{made} samples were there already" in finish(place, "--num-samples", asked).out
    dataset(place, samples)
    assert paid_again(provider, samples) == 0


def test_a_smaller_number_of_samples_is_delivered_and_the_others_are_kept(place: Path, provider: LocalProvider) -> None:
    halfway(place, provider, samples=6, output={"num_samples": 18})
    before = provider.counts.requests
    finish(place, "--num-samples", "3")
    dataset(place, 3)
    assert provider.counts.requests == before
    finish(place)
    dataset(place, 18)
    assert paid_again(provider, 18) == 0


# ---- failures


def broken(place: Path, provider: LocalProvider, *arguments: str, **output: Any) -> int:
    """A run some of whose samples fail; answers how many."""
    (place / "topics.jsonl").write_text("".join(f'{{"path": ["Bicycles", "part {n}"]}}\n' for n in range(12)))
    provider.faults = Faults(malformed=0.5)
    config(place, provider, generation={"sample_retries": 0}, output=output)
    process = start(place, "--topics-load", "topics.jsonl", *arguments)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1, out + err
    provider.faults = Faults()
    return len(lines(place / "out/dataset.failures.jsonl"))


def test_failures_stay_until_they_are_retried_and_then_are_superseded(place: Path, provider: LocalProvider) -> None:
    failed = broken(place, provider)
    assert 0 < failed < 12
    before = provider.counts.requests
    finish(place, code=1)
    dataset(place, 12 - failed)
    assert provider.counts.requests == before
    finish(place, "--retry-failed")
    dataset(place, 12)
    assert provider.counts.requests == before + failed
    assert not (place / "out/dataset.failures.jsonl").exists()


def test_a_config_may_ask_for_failures_to_be_retried(place: Path, provider: LocalProvider) -> None:
    failed = broken(place, provider, checkpoint={"interval": 3, "retry_failed": True})
    before = provider.counts.requests
    finish(place)
    dataset(place, 12)
    assert provider.counts.requests == before + failed


def test_failures_beyond_a_smaller_number_of_samples_do_not_count(place: Path, provider: LocalProvider) -> None:
    halfway(place, provider, output={"num_samples": 18})
    fact = whole(checkpoint(place, "jsonl"))[0]
    failure = {"topic_id": fact["topic_id"], "cycle": 1, "kind": "timeout", "error": "it took too long"}
    checkpoint(place, "failures.jsonl").write_text(json.dumps(failure) + "\n")
    done = finish(place, "--num-samples", "9")
    dataset(place, 9)
    assert "timeout" not in done.out
    assert not (place / "out/dataset.failures.jsonl").exists()


def test_a_key_that_stops_working_leaves_samples_to_do_rather_than_failures(
    place: Path, provider: LocalProvider
) -> None:
    provider.faults = Faults(latency=0.1)
    config(place, provider)
    process = start(place)
    until(process, provider, answered=EXPANSIONS + 3)
    provider.faults = Faults(status=401, error_code="invalid_api_key")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1, out + err
    assert "Go on with" in err and "Traceback" not in err
    provider.faults = Faults()
    finish(place)
    dataset(place, 9)
    assert not (place / "out/dataset.failures.jsonl").exists()


def test_usage_adds_up_over_all_runs(place: Path, provider: LocalProvider) -> None:
    halfway(place, provider, output={"num_samples": 30})
    first = json.loads(checkpoint(place, "json").read_text())
    assert first["calls"] == provider.counts.requests
    provider.faults = Faults(latency=0.03)
    cut(place, provider, 5, "--resume")
    second = json.loads(checkpoint(place, "json").read_text())
    assert second["calls"] == provider.counts.requests
    made = whole(checkpoint(place, "jsonl"))[first["samples_done"] :]
    for kind in ("prompt_tokens", "completion_tokens"):
        assert second[kind] - first[kind] == sum(fact["usage"][kind] for fact in made) > 0
    assert second["seconds"] > first["seconds"]


def test_a_run_refused_before_it_began_leaves_no_checkpoint_behind(place: Path, deepfabric: Run) -> None:
    write_config(place, output={"checkpoint": {"interval": 1}})
    (place / "topics.jsonl").write_text('{"path": ["Bicycles", "brakes"]}\n')
    for wrong in (("--output-save-as", "config.yaml/x"), ("--topics-load", "nowhere.jsonl")):
        for right in ((), ("--topics-load", "topics.jsonl")):
            assert deepfabric("generate", "config.yaml", *right, *wrong).returncode == 2
    done = deepfabric("generate", "config.yaml")
    assert done.returncode == 0, done.stderr


# ---- every kind of run


def test_records_of_the_users_own_schema_are_resumed_too(place: Path, provider: LocalProvider) -> None:
    output = {"format": "custom", "num_samples": 12}
    halfway(place, provider, generation={"output_schema": SCHEMA}, output=output)
    finish(place)
    records = lines(place / "out/dataset.jsonl")
    assert len(records) == 12 and all(list(record) == ["fact"] for record in records)
    assert paid_again(provider, 12) == 0


def test_cycles_are_resumed_in_the_middle(place: Path, provider: LocalProvider) -> None:
    halfway(place, provider, samples=13, output={"num_samples": "300%"})
    finish(place)
    found = dataset(place, 27)
    assert [cycle for _, cycle in found] == [0] * 9 + [1] * 9 + [2] * 9
    assert paid_again(provider, 27) == 0


def test_loaded_topics_are_kept_and_others_are_refused(place: Path, provider: LocalProvider) -> None:
    topics = place / "topics.jsonl"
    topics.write_text("".join(f'{{"path": ["Bicycles", "part {n}"]}}\n' for n in range(12)))
    provider.faults = Faults(latency=0.1)
    config(place, provider)
    assert cut(place, provider, 3, "--topics-load", "topics.jsonl").code == 130
    before = provider.counts.requests
    topics.write_text('{"path": ["Bicycles", "something else"]}\n')
    assert "other topics" in finish(place, "--topics-load", "topics.jsonl", code=2).err
    assert provider.counts.requests == before
    topics.unlink()
    finish(place)
    dataset(place, 12)
    assert paid_again(provider, 12, expansions=0) == 0


def test_topics_alone_are_resumed_too(place: Path, provider: LocalProvider) -> None:
    provider.faults = Faults(latency=0.05)
    config(place, provider, topics={"depth": 3})
    assert cut(place, provider, 5, "--topic-only").code == 130
    finish(place, "--topic-only")
    assert len(lines(place / "out/topics.jsonl")) == 27
    assert paid_again(provider, 0, expansions=13) == 0


def test_asking_for_topics_alone_does_not_throw_samples_away(place: Path, provider: LocalProvider) -> None:
    halfway(place, provider)
    finish(place, "--topic-only")
    finish(place)
    dataset(place, 9)
    assert paid_again(provider, 9) == 0


def test_a_resume_of_topics_alone_asks_again_for_those_that_could_not_be_had(
    place: Path, provider: LocalProvider
) -> None:
    provider.faults = Faults(latency=0.1)
    config(place, provider, topics={"expansion_retries": 0, "max_retries": 0})
    process = start(place, "--topic-only")
    until(process, provider, answered=1)
    provider.faults = Faults(malformed=1)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1, out + err
    provider.faults = Faults()
    finish(place, "--topic-only")
    assert len(lines(place / "out/topics.jsonl")) == 9
    assert not (place / "out/topics_failed.jsonl").exists()
    assert provider.counts.answered == EXPANSIONS


# ---- the end


def test_a_dataset_that_can_not_be_written_at_the_end_keeps_the_checkpoint(
    place: Path, provider: LocalProvider
) -> None:
    provider.faults = Faults(latency=0.1)
    config(place, provider)
    process = start(place)
    until(process, provider, answered=EXPANSIONS + 2)
    (place / "out/dataset.jsonl").mkdir()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1, out + err
    assert "Traceback" not in err and "safe in" in err and "Go on with" in err
    (place / "out/dataset.jsonl").rmdir()
    finish(place)
    dataset(place, 9)
    assert paid_again(provider, 9) == 0


def test_a_stop_without_a_checkpoint_leaves_a_partial_file_that_it_names(place: Path, provider: LocalProvider) -> None:
    provider.faults = Faults(latency=0.03)
    config(place, provider, output={"checkpoint": None, "num_samples": 30})
    stopped = cut(place, provider, EXPANSIONS + 4)
    assert stopped.code == 130
    assert "out/dataset.partial.jsonl" in stopped.out
    assert len(lines(place / "out/dataset.partial.jsonl")) == provider.counts.requests - EXPANSIONS


def test_a_kill_loses_nothing_of_what_finished_samples_took(place: Path, provider: LocalProvider) -> None:
    provider.faults = Faults(latency=0.1)
    config(place, provider, output={"num_samples": 40, "checkpoint": {"interval": 1000}})
    cut(place, provider, EXPANSIONS + 10, by=signal.SIGKILL)
    saved = json.loads(checkpoint(place, "json").read_text())
    after = cut(place, provider, 2, "--resume")
    made = sum(fact["usage"]["prompt_tokens"] for fact in whole(checkpoint(place, "jsonl")))
    assert after.code == 130
    assert json.loads(checkpoint(place, "json").read_text())["prompt_tokens"] >= made > saved["prompt_tokens"]
