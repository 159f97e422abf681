"""The peers that are packages: which versions, where each is installed, and the script that makes calls with it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

# Outside of the repository: together they take about 2 GB.
FOLDER = Path(os.environ.get("DEEPFABRIC_PEERS") or platformdirs.user_cache_dir("deepfabric-peers", appauthor=False))


@dataclass(frozen=True)
class Package:
    """A peer by the name and version of its package."""

    name: str
    version: str
    product: str

    @property
    def title(self) -> str:
        """What the tables call it."""
        return f"{self.product} {self.version}"

    @property
    def requirement(self) -> str:
        """What pip is asked for."""
        return f"{self.name}=={self.version}"

    @property
    def script(self) -> Path:
        """The script that makes calls with it."""
        return Path(__file__).with_name(f"with_{self.product.lower().replace(' ', '_')}.py")

    def environment(self, folder: Path) -> Path:
        """The folder of its environment."""
        return folder / self.requirement

    def python(self, folder: Path) -> Path:
        """The Python that has it."""
        return self.environment(folder) / "bin" / "python"

    def failure(self, folder: Path) -> Path:
        """The file that says why it couldn't be installed."""
        return folder / f"{self.requirement}.failed"

    def missing(self, folder: Path) -> str | None:
        """Say why it can't take part, if it can't."""
        if self.failure(folder).exists():
            return f"not installed: {self.failure(folder).read_text(encoding='utf-8')}"
        if not self.python(folder).exists():
            return "not installed: python -m tests.bench.peers does it"
        return None


PACKAGES = (
    Package("data-designer", "0.9.7", "Data Designer"),
    Package("bespokelabs-curator", "0.1.31", "Curator"),
    Package("sdg-hub", "0.9.4", "sdg_hub"),
)
