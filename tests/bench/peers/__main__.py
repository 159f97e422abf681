"""Install the peers of the benchmark, each in an environment of its own: python -m tests.bench.peers [FOLDER]."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.bench.peers.packages import FOLDER, PACKAGES, Package


def install(package: Package, folder: Path, uv: Path) -> str | None:
    """Install one of them, unless it is there; note why not, and say it."""
    environment, failure = package.environment(folder), package.failure(folder)
    if package.missing(folder) is None:
        return None
    failure.write_text("it was interrupted", encoding="utf-8")
    why = run(sys.executable, "-m", "venv", "--clear", "--without-pip", environment) or run(
        uv, "pip", "install", "-q", "--python", package.python(folder), package.requirement
    )
    if why:
        failure.write_text(why, encoding="utf-8")
    else:
        failure.unlink()
    return why


def run(*command: str | Path) -> str | None:
    """Run a command, and return the first line of what it says if it fails."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    said = [line.strip() for line in f"{done.stderr}\n{done.stdout}".splitlines() if line.strip()]
    return (said or [f"exit code {done.returncode}"])[0][:300] if done.returncode else None


def main(folder: Path) -> int:
    """Install all of them, with uv, which is much quicker than pip at it."""
    folder.mkdir(parents=True, exist_ok=True)
    tools = folder / "uv"
    why = run(sys.executable, "-m", "venv", tools) or run(tools / "bin" / "python", "-m", "pip", "install", "-q", "uv")
    if why:
        raise SystemExit(f"uv can't be installed: {why}")
    reasons = {package.title: install(package, folder, tools / "bin" / "uv") for package in PACKAGES}
    sys.stdout.write("".join(f"{title}: {why or 'installed'}\n" for title, why in reasons.items()))
    return 1 if any(reasons.values()) else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute() if sys.argv[1:] else FOLDER.absolute()))
