"""A server and a browser for each module of tests, and a notebook for each test.

Without Chromium or Playwright these tests are skipped, but never where CI runs them.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser.jupyter import App, Jupyter, Notebook

OpenNotebook = Callable[..., "Notebook"]

_CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
_CALM = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With `--dist loadgroup`, one worker has all of them: two browsers at once would wait for each other."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.xdist_group("browser"))


class _WithoutPlaywright(pytest.Module):
    """A module that can't even be imported."""

    def collect(self) -> NoReturn:
        pytest.skip("Playwright isn't installed: pip install playwright", allow_module_level=True)


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """Without Playwright its tests are skipped with a reason; where CI runs them, they fail to import it."""
    if importlib.util.find_spec("playwright") or os.environ.get("CI"):
        return None
    return _WithoutPlaywright.from_parent(parent, path=module_path)


def not_here(reason: str) -> NoReturn:
    """Skip what can't be tried on this machine; where CI runs it, that is a failure."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
        found = next(filter(None, map(shutil.which, _CHROMIUMS)), str(own) if own.exists() else None)
        if found is None:
            not_here("Chromium isn't installed: apt-get install chromium, or playwright install chromium")
        chromium = playwright.chromium.launch(executable_path=found, args=list(_CALM))
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def jupyter(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    """A server whose kernels run the Python of the tests."""
    from tests.browser.jupyter import Jupyter

    with Jupyter(tmp_path_factory.mktemp("jupyter")) as server:
        yield server


@pytest.fixture
def open_notebook(browser: Browser, jupyter: Jupyter) -> Iterator[OpenNotebook]:
    """Opens a notebook of some cells, in JupyterLab or in Notebook 7."""
    from tests.browser.jupyter import Notebook

    with ExitStack() as opened:

        def begin(app: App, cells: list[str], *, on: Jupyter = jupyter, width: int = 1280) -> Notebook:
            context = browser.new_context(viewport={"width": width, "height": 900})
            opened.callback(context.close)
            notebook = Notebook(on, context.new_page(), app)
            opened.callback(notebook.close)
            notebook.open(cells)
            return notebook

        yield begin
