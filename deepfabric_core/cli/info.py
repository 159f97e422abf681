"""The `deepfabric info` command."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from deepfabric_core import __version__
from deepfabric_core.cli.output import print_json, print_result

_PACKAGES = ("litellm", "mcp", "pandas", "ipython", "ipywidgets", "anywidget", "ipykernel", "jupyterlab")
_UNITS = ("bytes", "kB", "MB", "GB", "TB")
_THOUSAND = 1000


@click.command("info")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for scripts.")
@click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks.")
def command(*, as_json: bool) -> None:
    """Show versions, the providers whose keys are in the environment, and where runs are kept. Never a key itself."""
    found = {"versions": _versions(), "providers": _providers(os.environ), "paths": _paths()}
    if as_json:
        print_json(found)
    else:
        print_result(_as_text(found))


def _versions() -> dict[str, str | None]:
    import platform

    return {
        "deepfabric": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        **{package: _version(package) for package in _PACKAGES},
    }


def _version(package: str) -> str | None:
    """Return the version of an installed package, from its metadata: importing litellm alone takes seconds."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _providers(environment: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the variables that are set, by provider; providers without any are left out."""
    from deepfabric_core.llm.api_keys import KEY_VARIABLES

    present = {
        provider: [name for name in variables if environment.get(name, "").strip()]
        for provider, variables in KEY_VARIABLES.items()
    }
    return {provider: names for provider, names in present.items() if names}


def _paths() -> dict[str, Any]:
    from deepfabric_core.run.checkpoint.registry import kept_runs
    from deepfabric_core.store.user_folder import user_folder

    data = user_folder()
    checkpoints = data / "checkpoints"
    return {
        "data": str(data),
        "runs": {"path": str(data / "runs"), "count": len(kept_runs()), "bytes": _bytes_below(data / "runs")},
        "checkpoints": {
            "path": str(checkpoints),
            "count": sum(1 for _ in checkpoints.glob("*/*.checkpoint.json")),
            "bytes": _bytes_below(checkpoints),
        },
    }


def _bytes_below(folder: Path) -> int:
    return sum(_sizes(folder))


def _sizes(folder: Path) -> Iterator[int]:
    """Yield the sizes of all files below a folder; files that are deleted meanwhile are skipped."""
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                yield (Path(path) / name).lstat().st_size
            except OSError:
                continue


def _as_text(found: Mapping[str, Any]) -> str:
    from deepfabric_core.printable import printable

    paths, keys = found["paths"], found["providers"]
    rows = [
        *((name, version or "not installed") for name, version in found["versions"].items()),
        ("keys", "; ".join(f"{provider} ({', '.join(names)})" for provider, names in keys.items()) or "none"),
        ("data", paths["data"]),
        *((name, _kept(paths[name])) for name in ("runs", "checkpoints")),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {printable(value)}" for name, value in rows)


def _kept(place: Mapping[str, Any]) -> str:
    return f"{place['count']:,}, {_size(place['bytes'])}, in {place['path']}"


def _size(size: float) -> str:
    """Return a size with about three digits: 512 bytes, 3.4 MB."""
    unit = 0
    while size >= _THOUSAND and unit < len(_UNITS) - 1:
        size, unit = size / _THOUSAND, unit + 1
    return f"{size:.1f} {_UNITS[unit]}" if unit else f"{size} {_UNITS[0]}"
