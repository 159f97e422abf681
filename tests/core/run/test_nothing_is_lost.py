"""What is finished stays finished: through a kill, a full disk, and two runs at once."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

from tests.core.commands import keys, lines, start, wait_for
from tests.core.conftest import local_llm, write_config
from tests.provider import Faults, LocalProvider


def test_after_a_kill_every_finished_sample_is_in_the_journal(place: Path, provider: LocalProvider) -> None:
    provider.faults = Faults(latency=0.1)
    write_config(place, llm=local_llm(provider), output={"num_samples": 500, "batch_size": 8})
    process = start(place)
    wait_for(provider, 60)
    process.kill()
    process.communicate()
    whole = list((place / "out/dataset.journal.jsonl").read_text().splitlines(keepends=True))
    facts = [json.loads(line) for line in whole if line.endswith("\n")]
    assert provider.counts.answered - 4 - len(facts) <= 8
    assert all(fact["sample"]["messages"] for fact in facts)
    assert len(lines(place / "out/topics.jsonl")) == 9
    assert not (place / "out/dataset.jsonl").exists()


def test_a_kill_while_topics_grow_leaves_a_file_that_loads(place: Path, provider: LocalProvider) -> None:
    provider.faults = Faults(latency=0.3)
    write_config(place, llm=local_llm(provider), topics={"depth": 4, "max_concurrent": 2})
    process = start(place, "--topic-only")
    wait_for(provider, 8)
    process.kill()
    process.communicate()
    provider.faults = Faults()
    again = start(place, "--topics-load", "out/topics.jsonl")
    out, err = again.communicate(timeout=60)
    assert again.returncode == 0, out + err


def test_a_disk_that_fills_up_stops_the_run_and_names_what_is_safe(place: Path) -> None:
    write_config(place, output={"num_samples": 200})
    process = start(place, largest_file=40_000)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1, out + err
    assert "Traceback" not in err
    assert "finished samples are safe" in err
    kept = [path for path in (place / "out").iterdir() if "journal" in path.name or "partial" in path.name]
    assert len(kept) == 1
    assert kept[0].name in err
    assert all(json.loads(line) for line in kept[0].read_text(encoding="utf-8").splitlines())
    assert not (place / "out/dataset.jsonl").exists()


def test_of_two_runs_at_once_with_one_dataset_the_second_is_refused_whatever_its_config(
    place: Path, provider: LocalProvider
) -> None:
    provider.faults = Faults(latency=0.1)
    write_config(place, llm=local_llm(provider), output={"num_samples": 60})
    (place / "other.yaml").write_text((place / "config.yaml").read_text().replace("bicycles", "boats"))
    first = start(place)
    wait_for(provider, 6)
    provider.faults = Faults(latency=3)
    for config in ("config.yaml", "other.yaml"):
        second = start(place, config=config)
        out, err = second.communicate(timeout=60)
        assert second.returncode == 2, out + err
        assert f"Process {first.pid} " in err and "out/dataset.jsonl" in err
    provider.faults = Faults()
    out, err = first.communicate(timeout=60)
    assert first.returncode == 0, out + err
    found = keys(place / "out/dataset.jsonl")
    assert len(found) == len(set(found)) == 60
    assert provider.counts.requests == 4 + 60
    assert sorted(path.name for path in (place / "out").iterdir()) == ["dataset.jsonl", "topics.jsonl"]


def test_a_second_ctrl_c_leaves_at_once_with_the_journal_in_place(place: Path, provider: LocalProvider) -> None:
    provider.faults = Faults(latency=3.0)
    write_config(place, llm=local_llm(provider), topics={"depth": 1, "degree": 1}, output={"num_samples": 50})
    process = start(place)
    wait_for(provider, 3)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, out + err
    assert time.monotonic() - began < 2
    assert "Traceback" not in err
    assert (place / "out/dataset.journal.jsonl").exists()
