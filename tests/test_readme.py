"""README.md and then GUIDE.md, done block by block in a fresh folder as a newcomer would, without a real key."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from IPython.core.interactiveshell import InteractiveShell

from deepfabric_core.cli.app import app
from deepfabric_nb.magic.commands import COMMANDS, flags_of
from tests import ROOT
from tests.hub_server import WRITES, HubServer
from tests.nb.conftest import place, provider, shell
from tests.provider import LocalProvider

__all__ = ["place", "provider", "shell"]

PAGES = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "GUIDE.md")}

# The only commands that are left out, each with its reason.
LEFT_OUT = {
    "python3 -m venv .venv": "the folder has a .venv already, whose deepfabric is the one under test",
    ".venv/bin/pip install": "it is installed, and nothing is downloaded here",
    ".venv/bin/pytest": "this is one of its tests",
    ".venv/bin/jupyter lab": "it serves until it is stopped; tests/browser opens it",
    "deepfabric generate bicycles.yaml --engine ray": "Ray isn't installed here; tests/cluster runs with it",
    "deepfabric generate bicycles.yaml --provider ray-vllm": "it needs GPUs; .ci/vllm does it with a small model",
    "deepfabric generate bicycles.yaml --provider local": "no model is installed here; tests/real does it with one",
}


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its page, language, text and line, and what is said before and after it."""

    page: str
    language: str
    text: str
    line: int
    before: str
    after: str

    @property
    def kind(self) -> str:
        """How it is run: `cell` and `output` are both without a language; what is for trainers tests/train runs."""
        if self.language in ("python", "yaml") and self.before.rpartition("\n## ")[2].startswith("Train on it\n"):
            return "trainer"
        return self.language or ("cell" if self.text.startswith("%") else "output")

    def __str__(self) -> str:
        return f"{self.page}, line {self.line}:\n{self.text}"


def blocks() -> Iterator[Block]:
    """All of them, in order."""
    for page, text in PAGES.items():
        for found in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            before, after = text[: found.start()], text[found.end() :]
            yield Block(page, found[1], found[2], before.count("\n") + 1, before, after)


def commands(script: str) -> list[str]:
    """The single commands of a script."""
    whole_lines = script.replace("\\\n", " ").splitlines()
    return [command.strip() for line in whole_lines for command in line.split("&&")]


def file_name(config: Block) -> str:
    """The name by which the page goes on to speak of a config."""
    named = re.search(r"\b[\w-]+\.yaml\b", config.after)
    assert named, f"No file name for this config:\n{config}"
    return named[0]


class Newcomer:
    """Somebody with a clone and a terminal in it, whose provider is a local one."""

    def __init__(self, folder: Path, server: LocalProvider) -> None:
        self.folder = folder
        binaries = folder / ".venv/bin"
        binaries.mkdir(parents=True)
        command = binaries / "deepfabric"
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m deepfabric_core "$@"\n', encoding="utf-8")
        command.chmod(0o755)
        shutil.copytree(ROOT / "notebooks", folder / "notebooks", ignore=shutil.ignore_patterns("first-dataset"))
        self._environment = {
            **os.environ,
            "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "OPENAI_BASE_URL": server.base_url,
        }
        self._config: dict[str, Any] = {}
        self._servers = [server.base_url, server.base_url.replace("127.0.0.1", "localhost")]

    def bash(self, block: Block) -> None:
        """Type the commands of a block."""
        typed = [command for command in commands(block.text) if not command.startswith(tuple(LEFT_OUT))]
        done = self.type("\n".join(typed))
        assert done.returncode == 0, f"{block}\n{done.stderr}"

    def type(self, script: str) -> subprocess.CompletedProcess[str]:
        """Have a shell do it; nobody answers questions."""
        return subprocess.run(
            ["bash", "-e", "-c", script],  # noqa: S607 - the shell of whoever runs the tests
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def yaml(self, block: Block) -> None:
        """Save a config under the name that is used next; a part of one replaces those sections of the one before."""
        written = yaml.safe_load(block.text)
        if isinstance(written.get("llm", {}).get("base_url"), list):  # several servers, which nobody has at hand
            written["llm"]["base_url"] = self._servers
        if written.get("llm", {}).get("provider") == "ray-vllm":  # nor GPUs; its keys are checked all the same
            written["llm"]["provider"] = "simulated"
        if "topics" in written:
            name = file_name(block)
            (self.folder / name).write_text(block.text, encoding="utf-8")
            self._config = written
        else:
            name = f"{block.page}-line-{block.line}.yaml"
            (self.folder / name).write_text(yaml.safe_dump({**self._config, **written}), encoding="utf-8")
        done = self.type(f"deepfabric validate {name} && deepfabric generate {name} --output-save-as tried/tried.jsonl")
        assert done.returncode == 0, f"{block}\n{done.stderr}"
        assert "Note:" not in done.stderr, f"{block}\n{done.stderr}"


@pytest.fixture
def newcomer(place: Path, provider: LocalProvider, monkeypatch: pytest.MonkeyPatch) -> Iterator[Newcomer]:
    """In the same folder as the notebook's kernel, with a hub on this machine."""
    with HubServer(user="my-name") as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("HF_TOKEN", WRITES)
        yield Newcomer(place, provider)


def test_every_block_runs_as_written_one_after_the_other(
    newcomer: Newcomer, shell: InteractiveShell, provider: LocalProvider
) -> None:
    shell.run_line_magic("unload_ext", "deepfabric_nb")  # the page says when to load it
    for block in blocks():
        match block.kind:
            case "bash":
                newcomer.bash(block)
            case "yaml":
                newcomer.yaml(block)
            case "cell" | "python":
                done = shell.run_cell(block.text, store_history=True)
                assert done.success, f"{block}\n{done.error_before_exec or done.error_in_exec!r}"
            case "trainer":
                pass
            case "output":
                assert shown_command(block)
            case _:
                pytest.fail(f"Nobody knows how to try this:\n{block}")
    datasets = {path.name for path in newcomer.folder.glob("*.jsonl")}
    assert provider.counts.answered, "no block asks a real provider"
    assert {"bicycles.jsonl", "bicycles_topics.jsonl", "broad.jsonl"} <= datasets


def test_what_is_left_out_is_in_the_page_still() -> None:
    typed = [command for block in blocks() if block.language == "bash" for command in commands(block.text)]
    for beginning in LEFT_OUT:
        assert any(command.startswith(beginning) for command in typed), beginning


# ---- what a command is shown to print


def shown_command(block: Block) -> str:
    """The command whose output a block shows: the last one that is named before it."""
    *_, command = re.finditer(r"`(deepfabric [^`]*)`", block.before)
    return command[1]


def test_output_that_is_shown_has_the_labels_that_the_command_prints(newcomer: Newcomer) -> None:
    config = next(block for block in blocks() if block.language == "yaml")
    newcomer.yaml(config)
    leave_unfinished(newcomer, config)
    for block in blocks():
        if block.kind == "output":
            done = newcomer.type(shown_command(block))
            assert done.returncode == 0, done.stderr
            assert labels(done.stdout) == labels(block.text), str(block)


def leave_unfinished(newcomer: Newcomer, config: Block) -> None:
    """Have a run of the page's config fail in part, so that its checkpoint stays."""
    faulty = yaml.safe_load(config.text)
    faulty["llm"] = {"provider": "simulated", "simulated": {"malformed": 0.7}}
    name = file_name(config)
    (newcomer.folder / name).write_text(yaml.safe_dump(faulty), encoding="utf-8")
    done = newcomer.type(f"deepfabric generate {name} --num-samples 60 --checkpoint-interval 50")
    assert done.returncode == 1, done.stderr


def labels(output: str) -> list[str]:
    """What stands before two spaces, or before a value in the same column."""
    column = max(len(found[0]) for line in output.splitlines() if (found := re.match(r"\S+(?: \S+)*  +", line)))
    return [line[:column].strip() for line in output.splitlines()]


# ---- what the page names


def below(command: click.Command) -> Mapping[str, click.Command]:
    """The commands in a command, by name."""
    if not isinstance(command, click.Group):
        return {}
    context = click.Context(command)
    found = {name: command.get_command(context, name) for name in command.list_commands(context)}
    return {name: each for name, each in found.items() if each}


def all_flags(command: click.Command) -> set[str]:
    """Those of a command, and of the commands in it."""
    return {"--help", *flags_of(command)}.union(*map(all_flags, below(command).values()))


def test_every_flag_that_is_named_exists() -> None:
    known = all_flags(app).union(*map(all_flags, COMMANDS.values()))
    named = {
        flag
        for code in re.findall(r"`([^`\n]+)`", "\n".join(PAGES.values()))
        for flag in re.findall(r"(?<!\S)--[a-z-]+", code)
    }
    assert len(named) > 10
    assert named - known == set()


def test_every_command_that_is_named_exists() -> None:
    for shown, known in (("deepfabric", below(app)), ("%deepfabric", COMMANDS)):
        named = set(re.findall(rf"`{shown} ([a-z-]+)\b", "\n".join(PAGES.values())))
        assert len(named) > 3
        assert named - set(known) == set()


@pytest.mark.parametrize("page", ["README.md", "GUIDE.md", "CONTRIBUTING.md"])
def test_every_file_and_section_that_is_linked_is_there(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    linked = [target for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target]
    assert linked or page == "CONTRIBUTING.md"
    for target in linked:
        name, _, section = target.partition("#")
        assert (ROOT / (name or page)).exists(), target
        assert not section or section in sections_of(name or page), target


def sections_of(page: str) -> set[str]:
    """The anchors of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_is_read_in_five_minutes() -> None:
    assert PAGES["README.md"].count("\n") < 200
