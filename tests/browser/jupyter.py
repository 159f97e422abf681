"""A real Jupyter server, and a notebook that is open in JupyterLab or Notebook 7, driven by hand and eye.

A cell is named by its place, from 0. Whatever waits gives up after a timeout in seconds.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from playwright.sync_api import Locator, Page, expect

from tests import ROOT

App = Literal["lab", "notebook"]
Theme = Literal["JupyterLab Dark", "JupyterLab Light"]

_PAGES: dict[App, str] = {"lab": "lab/tree/{}?reset", "notebook": "notebooks/{}"}
_KERNEL = "tested"
_SECONDS_TO_START = 60.0
_SECONDS_TO_END = 20.0

# Every cell is in the page, seen or not; and nothing is fetched from elsewhere.
_SETTINGS = {
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
}
_PANEL = "window.jupyterapp.shell.currentWidget"
_READY = f"""() => {{
    const kernel = window.jupyterapp && {_PANEL}?.context?.sessionContext?.session?.kernel;
    return kernel?.status === 'idle' && kernel.connectionStatus === 'connected';
}}"""


class Jupyter:
    """A server of its own, in an empty folder, with all its settings and kernels there; its log is `server.log`.

    Kernels are of the given Python, with its ipykernel, or with the one that was installed into a folder of its own.
    """

    def __init__(self, place: Path, *, python: str = sys.executable, ipykernel: Path | None = None) -> None:
        self.notebooks = place / "notebooks"
        self.home = place / "home"
        self._place = place
        self._python = python
        self._ipykernel = ipykernel
        self.url = ""

    def __enter__(self) -> Self:
        self._write_settings()
        with (self._place / "server.log").open("wb") as log:
            self._process = subprocess.Popen(
                self._command(), env=self._environment(), stdout=log, stderr=log, cwd=self.notebooks
            )
        try:
            self.url = self._wait_for_url()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _write_settings(self) -> None:
        self.notebooks.mkdir(parents=True)
        _write_json(self._place / "config/labconfig/default_setting_overrides.json", _SETTINGS)
        argv = [self._python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        folders = os.pathsep.join(str(one) for one in (self._ipykernel, ROOT) if one)
        spec = {"argv": argv, "display_name": _KERNEL, "language": "python", "env": {"PYTHONPATH": folders}}
        _write_json(self._place / f"data/kernels/{_KERNEL}/kernel.json", spec)

    def _environment(self) -> dict[str, str]:
        place = self._place
        return {
            **os.environ,
            "JUPYTER_CONFIG_DIR": str(place / "config"),
            "JUPYTER_DATA_DIR": str(place / "data"),
            "JUPYTER_RUNTIME_DIR": str(place / "runtime"),
            "IPYTHONDIR": str(place / "ipython"),
            "XDG_DATA_HOME": str(self.home),
            "XDG_CACHE_HOME": str(self.home / "cache"),
        }

    def _command(self) -> list[str]:
        """Open to anybody on this machine, who can't guess the port: for tests only."""
        return [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1"),
            f"--port={_free_port()}",
            "--IdentityProvider.token=",
            "--ServerApp.password=",
            "--ServerApp.disable_check_xsrf=True",
            "--LabApp.expose_app_in_browser=True",
            "--JupyterNotebookApp.expose_app_in_browser=True",
        ]

    def _wait_for_url(self) -> str:
        """The address, which the server writes down where it found the port taken too."""
        deadline = time.monotonic() + _SECONDS_TO_START
        said = self._place / f"runtime/jpserver-{self._process.pid}.json"
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                self.url = json.loads(said.read_text(encoding="utf-8"))["url"]
                self.request("GET", "api/status")
            except (OSError, ValueError):
                time.sleep(0.1)
            else:
                return self.url
        raise AssertionError((self._place / "server.log").read_text(encoding="utf-8"))

    def request(self, method: str, path: str) -> bytes:
        """Ask the server's REST interface."""
        asked = urllib.request.Request(self.url + path, method=method, data=b"" if method == "POST" else None)  # noqa: S310 - our own server
        with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310 - our own server
            return bytes(answer.read())

    def _end(self) -> None:
        """A server that is asked to end ends its kernels too."""
        self._process.terminate()
        try:
            self._process.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def write_notebook(self, name: str, cells: list[str]) -> Path:
        """A notebook of code cells in the server's folder."""
        path = self.notebooks / name
        as_cells: list[dict[str, Any]] = [
            {
                "cell_type": "code",
                "id": f"cell-{n}",
                "metadata": {},
                "execution_count": None,
                "outputs": [],
                "source": s,
            }
            for n, s in enumerate(cells)
        ]
        kernel = {"kernelspec": {"name": _KERNEL, "display_name": _KERNEL, "language": "python"}}
        _write_json(path, {"nbformat": 4, "nbformat_minor": 5, "metadata": kernel, "cells": as_cells})
        return path


class Notebook:
    """A notebook in a page of a browser. Cells run in the kernel, and everything is read from the page."""

    def __init__(self, jupyter: Jupyter, page: Page, app: App, name: str = "test.ipynb") -> None:
        self.page = page
        self.app = app
        self.name = name
        self._jupyter = jupyter
        page.on("dialog", lambda dialog: dialog.accept())

    @property
    def path(self) -> Path:
        """The file, as it was saved last."""
        return self._jupyter.notebooks / self.name

    def open(self, cells: list[str]) -> None:
        """Write a notebook of these cells and open it; its kernel is ready then."""
        self._jupyter.write_notebook(self.name, cells)
        self.open_file()

    def open_file(self) -> None:
        """Open the notebook that is in the server's folder; its kernel is ready then."""
        self.page.goto(self._jupyter.url + _PAGES[self.app].format(self.name))
        self._wait_until_ready()

    def _wait_until_ready(self, timeout: float = _SECONDS_TO_START) -> None:
        milliseconds = timeout * 1000
        self.cell(0).wait_for(timeout=milliseconds)
        self.page.locator("#jupyterlab-splash").wait_for(state="detached", timeout=milliseconds)
        self.page.wait_for_function(_READY, timeout=milliseconds)

    def close(self) -> None:
        """End the kernel and close the page."""
        self._jupyter.request("DELETE", f"api/kernels/{self.kernel}")
        self.page.close()

    # ---- cells

    def cell(self, index: int) -> Locator:
        """A cell, its input and its outputs."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index)

    def run_cell(self, index: int) -> None:
        """Begin to run a cell, or queue it behind one that is running; the number of an earlier time goes away."""
        self.page.evaluate(
            f"""index => {{
                const notebook = {_PANEL}.content;
                notebook.activeCellIndex = index;
                notebook.activeCell.model.executionCount = null;
                void window.jupyterapp.commands.execute('notebook:run-cell');
            }}""",
            index,
        )

    def prompt(self, index: int) -> str:
        """What stands before a cell: [ ], [*] or its number."""
        return self.cell(index).locator(".jp-InputPrompt").inner_text().strip().removesuffix(":")

    def wait_done(self, index: int, timeout: float = 30.0) -> None:
        """Wait until a cell has its number."""
        prompt = self.cell(index).locator(".jp-InputPrompt")
        expect(prompt).to_have_text(re.compile(r"\[\d+\]"), timeout=timeout * 1000)

    def run_to_end(self, index: int, timeout: float = 30.0) -> None:
        """Run a cell and wait for its end."""
        self.run_cell(index)
        self.wait_done(index, timeout)

    def run_first(self, index: int) -> None:
        """Run a cell to its end in a kernel that has just begun: one that never heard of it is restarted, once."""
        self.run_cell(index)
        try:
            self.wait_done(index, timeout=45)
        except AssertionError:
            self.restart_kernel()
            self.run_to_end(index, timeout=60)

    def outputs(self, index: int) -> list[str]:
        """The text of each output of a cell, as a reader sees it."""
        return self.cell(index).locator(".jp-OutputArea-output").all_inner_texts()

    def widget(self, index: int, selector: str) -> Locator:
        """A part of what a cell shows."""
        return self.cell(index).locator(".jp-OutputArea-output").locator(selector)

    # ---- the kernel

    @property
    def kernel(self) -> str:
        """The kernel's id."""
        return str(self.page.evaluate(f"() => {_PANEL}.context.sessionContext.session.kernel.id"))

    def interrupt(self) -> None:
        """Interrupt the kernel, as the button of the toolbar does."""
        self._jupyter.request("POST", f"api/kernels/{self.kernel}/interrupt")

    def restart_kernel(self) -> None:
        """Restart the kernel; it is ready then, and outputs stay."""
        self.page.evaluate(f"() => {_PANEL}.context.sessionContext.session.kernel.restart()")
        self._wait_until_ready()

    # ---- the page

    def save(self) -> None:
        """Save the notebook to its file."""
        self.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")

    def saved(self) -> dict[str, Any]:
        """Save the notebook, and read its file; a text in it is a list of lines."""
        self.save()
        content: dict[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
        return content

    def reload(self) -> None:
        """Load the page again, while a cell may be running."""
        self.page.reload()
        self.cell(0).wait_for(timeout=_SECONDS_TO_START * 1000)
        self.page.wait_for_function(
            f"() => window.jupyterapp && {_PANEL}?.context?.sessionContext?.session?.kernel?.connectionStatus"
            " === 'connected'",
            timeout=_SECONDS_TO_START * 1000,
        )

    def set_theme(self, theme: Theme) -> None:
        """Draw everything light or dark."""
        self.page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", theme)
        self.page.locator(f'body[data-jp-theme-name="{theme}"]').wait_for(state="attached")

    def screenshot(self, path: Path) -> None:
        """A picture of the page as it is."""
        self.page.screenshot(path=path)


def _write_json(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
