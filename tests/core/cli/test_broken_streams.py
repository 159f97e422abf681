"""A screen, a pipe or a disk that breaks under what is printed changes nothing: the run goes on to its end."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ROOT
from tests.core.commands import lines, wait_for
from tests.core.conftest import local_llm, write_config
from tests.provider import Faults, LocalProvider

PROGRAM = shlex.join([sys.executable, "-m", "deepfabric_core"])
EXPANSIONS, SAMPLES = 4, 9

# As a shell has them: where what is printed goes.
BROKEN = {
    "a closed pipe": "| true",
    "a pipe with errors": "2>&1 | true",
    "errors alone on a closed pipe": "2>&1 >/dev/null | true",
    "a pipe that is closed in between": "2>&1 | head -n 1",
    "a full disk": ">/dev/full",
    "errors on a full disk": "2>/dev/full",
    "both on a full disk": ">/dev/full 2>&1",
    "closed output": ">&-",
    "closed errors": "2>&-",
    "all closed": "<&- >&- 2>&-",
    "output that can't be written to": "1</dev/null",
    "errors that can't be written to": "1</dev/null 2</dev/null",
}
WORST = ("a pipe with errors", "both on a full disk", "all closed", "errors that can't be written to")
POOR = {
    "an ASCII terminal": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "ASCII output": {"PYTHONIOENCODING": "ascii"},
    "Latin-1 output": {"PYTHONIOENCODING": "latin-1"},
    "unbuffered output": {"PYTHONUNBUFFERED": "1"},
}


def shell(place: Path, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {script}"],  # noqa: S607
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=120,
        check=False,
    )


def silent(done: subprocess.CompletedProcess[str]) -> bool:
    """Whether neither Python nor we complain."""
    said = done.stdout + done.stderr
    return not any(word in said for word in ("Traceback", "Exception ignored", "unexpected", "Error"))


@pytest.mark.parametrize("broken", BROKEN)
def test_a_loop_until_it_succeeds_pays_once(place: Path, provider: LocalProvider, broken: str) -> None:
    config = write_config(place, llm=local_llm(provider))
    run = f"{PROGRAM} generate {config} {BROKEN[broken]}"
    done = shell(place, f"tries=1; while ! {run}; do [ $((tries++)) -lt 3 ] || exit 9; done")
    assert done.returncode == 0, done
    assert provider.counts.requests == EXPANSIONS + SAMPLES
    assert len(lines(place / "out/dataset.jsonl")) == SAMPLES
    assert sorted(path.name for path in (place / "out").iterdir()) == ["dataset.jsonl", "topics.jsonl"]
    assert silent(done)


@pytest.mark.parametrize("broken", WORST)
def test_the_code_still_says_that_samples_are_missing(place: Path, provider: LocalProvider, broken: str) -> None:
    provider.faults = Faults(status=401)
    done = shell(place, f"{PROGRAM} generate {write_config(place, llm=local_llm(provider))} {BROKEN[broken]}")
    assert done.returncode == 1
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize("broken", WORST)
def test_the_code_still_says_that_the_config_is_wrong(place: Path, broken: str) -> None:
    config = write_config(place, topics={"depht": 1})
    for command in ("generate", "validate"):
        done = shell(place, f"{PROGRAM} {command} {config} {BROKEN[broken]}")
        assert done.returncode == 2
        assert "unexpected" not in done.stderr
    assert shell(place, f"{PROGRAM} generate --no-such-flag {BROKEN[broken]}").returncode == 2


@pytest.mark.parametrize("broken", WORST)
def test_the_code_still_says_that_it_was_stopped(place: Path, provider: LocalProvider, broken: str) -> None:
    provider.faults = Faults(latency=0.1)
    config = write_config(place, llm=local_llm(provider), output={"num_samples": 500})
    (place / "run").write_text(f"echo $$ >pid\nexec {PROGRAM} generate {config}\n", encoding="utf-8")
    with subprocess.Popen(
        ["bash", "-c", f"set -o pipefail; bash run {BROKEN[broken]}"],  # noqa: S607
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        wait_for(provider, EXPANSIONS + 10)
        os.kill(int((place / "pid").read_text()), signal.SIGTERM)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert len(lines(place / "out/dataset.partial.jsonl")) == provider.counts.answered - EXPANSIONS
    assert provider.counts.abandoned == 0


@pytest.mark.parametrize("poor", POOR)
def test_an_encoding_without_its_characters_costs_nothing(place: Path, provider: LocalProvider, poor: str) -> None:
    config = write_config(place, llm=local_llm(provider), topics={"prompt": "Fahrräder, 自転車, 🚲"})
    for words in ("validate config.yaml", f"generate {config}", "topic inspect out/topics.jsonl --all"):
        done = shell(place, f"{PROGRAM} {words}", **POOR[poor])
        assert done.returncode == 0, done
        assert silent(done)
    assert provider.counts.requests == EXPANSIONS + SAMPLES
    assert len(lines(place / "out/dataset.jsonl")) == SAMPLES


def test_a_file_name_that_the_locale_cannot_write_is_one_sentence_and_costs_nothing(
    place: Path, provider: LocalProvider
) -> None:
    config = write_config(place, llm=local_llm(provider), output={"save_as": "数据.jsonl"})
    done = shell(place, f"{PROGRAM} generate {config}", **POOR["an ASCII terminal"])
    assert done.returncode == 2
    assert done.stderr.startswith("Error: this locale can't write")
    assert provider.counts.requests == 0


@pytest.mark.parametrize(
    "command", ["validate {config}", "info", "info --json", "checkpoint-status {config}", "--help"]
)
def test_other_commands_end_in_silence_where_nobody_reads_on(place: Path, command: str) -> None:
    done = shell(place, f"{PROGRAM} {command.format(config=write_config(place))} | true")
    assert done.returncode in (0, 1)
    assert done.stderr == ""


@pytest.mark.parametrize("command", ["validate {config}", "info", "info --json", "checkpoint-status {config}"])
def test_what_was_asked_for_and_cannot_be_written_is_one_sentence(place: Path, command: str) -> None:
    done = shell(place, f"{PROGRAM} {command.format(config=write_config(place))} >/dev/full")
    assert done.returncode == 1
    assert done.stderr == "Error: Standard output can't be written: no space left on device; send it elsewhere.\n"


def test_a_file_that_was_written_is_not_lost_by_a_message_that_was_not(place: Path) -> None:
    assert shell(place, f"{PROGRAM} init >/dev/full").returncode == 0
    assert shell(place, f"{PROGRAM} generate config.yaml --num-samples 1 --output-save-as a.jsonl").returncode == 0
    pruned = shell(place, f"{PROGRAM} topic prune a_topics.jsonl --level 1 -o b.jsonl | true")
    assert (pruned.returncode, pruned.stderr) == (0, "")
    assert (place / "b.jsonl").exists()


def test_a_closed_descriptor_is_not_given_to_a_file_that_then_gets_what_is_printed(place: Path) -> None:
    assert shell(place, f"{PROGRAM} generate {write_config(place)} --debug <&- >&- 2>&-").returncode == 0
    assert len(lines(place / "out/dataset.jsonl")) == SAMPLES
    assert len(lines(place / "out/topics.jsonl")) == 9


@pytest.mark.parametrize(
    "words",
    [
        "generate config.yaml",
        "generate {place}/config.yaml",
        "validate {place}/config.yaml",
        "validate config.yaml",
        "checkpoint-status config.yaml",
        "init",
        "visualize {place}/topics.jsonl -o x.svg",
        "topic inspect topics.jsonl",
        "topic prune {place}/topics.jsonl --level 1 -o x.jsonl",
        "replay data.jsonl {place}/config.yaml",
        "import-tools --transport stdio -c true -o x.json",
        "generate --provider simulated --topic-prompt a --generation-system-prompt b --output-save-as c.jsonl",
    ],
)
def test_in_a_working_folder_that_was_deleted_the_error_says_so(place: Path, words: str) -> None:
    write_config(place)
    (place / "topics.jsonl").write_text('{"path": ["a", "b"]}\n')
    words = words.format(place=place)
    done = shell(place, f"mkdir gone; cd gone; rmdir ../gone; {PROGRAM} {words}")
    assert done.returncode in (1, 2), done
    assert "unexpected" not in done.stderr and "Traceback" not in done.stderr
    assert "the working folder is gone; change to a folder that exists (cd), and run again." in done.stderr
