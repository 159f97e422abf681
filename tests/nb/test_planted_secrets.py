"""Secrets in a notebook's config and variables: found in no output, no widget, no data frame and no file."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
import yaml

from tests.core.test_planted_secrets import Scene, looks_up_once
from tests.planted import Quoting
from tests.provider import Faults, LocalProvider

# What a notebook would be asked for after a run, each a cell.
LOOKING = (
    "df",
    "df.attrs",
    "df.to_csv('tea.csv')\ndf.astype(str).to_parquet('tea.parquet')",  # pyarrow writes no call without arguments
    "from deepfabric_nb.extension import session_of\nruns = session_of(get_ipython()).runs\nruns",
    "run = list(runs.values())[-1]\nrun",
    "run.job",
    "run.job.config",
    "run.failures",
    "%deepfabric status",
    "%deepfabric topics",
)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


@pytest.fixture
def agents() -> Iterator[LocalProvider]:
    with LocalProvider(Faults(), agent=looks_up_once) as server:
        yield server


def cells_of(scene: Scene, *cells: str) -> None:
    """Run cells in a kernel of their own, and keep every output and message that they left."""
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in ("%load_ext deepfabric_nb", *cells)]
    )
    path = scene.place / "home/notebook.ipynb"
    nbformat.write(notebook, path)
    program = (
        "import sys, nbformat; from nbclient import NotebookClient; book = nbformat.read(sys.argv[1], 4); "
        "NotebookClient(book, timeout=120, allow_errors=True, resources={'metadata': {'path': '.'}}).execute(); "
        "outputs = [cell.pop('outputs') for cell in book.cells]; "
        "print(outputs, dict(book.metadata))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        cwd=scene.place / "work",
        env=scene.environment,
        capture_output=True,
        timeout=300,
        check=False,
    )
    path.unlink()
    assert done.returncode == 0, done.stderr.decode()
    scene.said[f"notebook {len(scene.said)}"] = done.stdout + done.stderr


def config_of(scene: Scene) -> str:
    """The config as the text of a cell, in which some secrets are variables' values."""
    content = yaml.safe_load((scene.place / "work/config.yaml").read_text(encoding="utf-8"))
    return yaml.safe_dump(content).replace(f"SERVICE_TOKEN: {scene['env']}", "SERVICE_TOKEN: !var token")


def test_a_run_that_is_complete_and_everything_that_is_shown_of_it(scene: Scene, agents: LocalProvider) -> None:
    scene.config(agents.base_url, {"mcp": {"telling": scene.tool_server()}})
    cell = f"%%deepfabric --out df\n{config_of(scene)}"
    again = "%deepfabric resume tea --out df"
    cells_of(scene, f"token = {scene['env']!r}", cell, *LOOKING, again, "%deepfabric export other.yaml")
    said = scene.said["notebook 0"].decode()
    assert "Nothing was called: all was made before (2 samples)" in said, "the same kernel knows the whole config"
    assert "all is well" in (scene.place / "work/tea.jsonl").read_text(encoding="utf-8")
    assert (scene.place / "work/tea.parquet").exists() and (scene.place / "work/tea.csv").exists()
    exported = yaml.safe_load((scene.place / "work/other.yaml").read_text(encoding="utf-8"))
    server = exported["generation"]["tools"]["mcp"]["telling"]
    assert server["env"] == {"SERVICE_TOKEN": "${SERVICE_TOKEN}", "PLACE": "${PLACE}"}
    assert "USER:PASSWORD@" in exported["llm"]["base_url"] and "What may be secret in" in said
    cells_of(
        scene, "%deepfabric status", "%deepfabric resume tea", "%deepfabric topics tea", "%deepfabric export tea x.yaml"
    )
    assert "run its cell again instead" in scene.said["notebook 1"].decode()
    assert scene.leaks() == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["crashing", "failing"])
def test_a_run_that_fails_with_and_without_its_traceback(scene: Scene, agents: LocalProvider, kind: str) -> None:
    scene.config(agents.base_url, {"mcp": {"telling": scene.tool_server(kind)}})
    text = f"token = {scene['env']!r}"
    cells = [f"%%deepfabric {flags}\n{config_of(scene)}" for flags in ("", "--debug --fresh")]
    looking = [cell for cell in LOOKING if "df" not in cell]
    cells_of(scene, text, *cells, *looking)
    assert b"[hidden]" in scene.said["notebook 0"]
    assert scene.leaks() == []


def test_a_provider_that_quotes_what_it_was_sent(scene: Scene) -> None:
    def answer(packet: bytes) -> tuple[int, str]:
        return 401, json.dumps({"error": {"message": f"{scene['base password']} {packet.decode(errors='replace')}"}})

    with Quoting(answer) as provider:
        scene.config(f"{provider.url}/v1")
        cells = [
            f"%%deepfabric {flags}\n{config_of(scene)}" for flags in ("", "--debug --fresh", "--fresh --background")
        ]
        wait = (
            "list(__import__('deepfabric_nb.extension').extension.session_of(get_ipython()).runs.values())[-1].wait()"
        )
        cells_of(scene, *cells, wait, "%deepfabric status")
    assert b"[hidden]" in scene.said["notebook 0"]
    assert scene.leaks() == []
