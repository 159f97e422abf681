"""What the tests of uploads share: a dataset, the hub and Kaggle on this machine, and waits that take no time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from deepfabric_core.config.schema import HuggingFace
from deepfabric_core.hub import huggingface
from deepfabric_core.hub.huggingface import Uploaded
from deepfabric_core.hub.prepare import prepare
from deepfabric_core.hub.publish import publication_of
from tests.core.export.samples import answered, worked, write
from tests.hub_server import WRITES, HubServer

NAME = "someone/tea"


@pytest.fixture
def hub(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    with HubServer() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setenv("HF_TOKEN", WRITES)
        yield server


@pytest.fixture
def tea(place: Path) -> Path:
    """A dataset of five conversations and an agent's work, over three branches."""
    kinds = ("Green", "Black", "White", "Red", "Blue")
    asked = [answered(f"How long does {kind} tea steep?", f"{kind}: two minutes.", branch=kind) for kind in kinds]
    return write(place / "tea.jsonl", *asked, worked())


@dataclass
class Uploads:
    """Uploads a dataset; what was told and how long would have been waited is kept."""

    dataset: Path
    told: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    shard_bytes: int = 10**8
    count: int = 0

    def __call__(self, **settings: Any) -> Uploaded:
        wanted = HuggingFace.model_validate({"repository": NAME, **settings})
        self.count += 1
        folder = self.dataset.parent / f"upload-{self.count}"
        publication = publication_of(wanted, self.dataset, "tea", None)
        found = prepare(publication, folder, place=NAME, shard_bytes=self.shard_bytes)
        return huggingface.upload(
            found, wanted.repository, private=wanted.private, tell=self.told.append, sleep=self.waits.append
        )


@pytest.fixture
def upload(tea: Path) -> Uploads:
    return Uploads(tea)
