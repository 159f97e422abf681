"""Upload datasets from a notebook: by a call, and once a run is complete whose config says so."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deepfabric_core.errors import ConfigError
from deepfabric_core.events import Emit, Notice
from deepfabric_core.printable import printable_text
from deepfabric_core.run.job import Job
from deepfabric_core.run.state import RunState
from deepfabric_nb.kernel import engine_thread

if TYPE_CHECKING:
    from deepfabric_core.config.schema import Config, HuggingFace


@dataclass(frozen=True, slots=True)
class Upload:
    """What an upload came to: `url` is where the dataset is, and `text` what is shown of it."""

    url: str
    text: str

    def __repr__(self) -> str:
        return printable_text(self.text)


def upload(
    dataset: Path, repository: str, *, config: Config | None = None, dry_run: bool = False, **settings: Any
) -> Upload:
    """Upload a dataset to the Hugging Face hub, and print each step.

    Args:
        dataset: the dataset.
        repository: its name on the hub.
        config: the config that made it, which the card tells of.
        dry_run: whether nothing is uploaded, and the card is shown instead.
        settings: keys of the config's section `huggingface`.

    Raises:
        ConfigError: something isn't as it must be: a setting, the dataset, the name, the token, the right to write.
        OutputError: the hub can't be reached, or doesn't take it now.
    """
    from deepfabric_core.hub.publish import shown, to_huggingface

    wanted = _section(repository, config, settings)
    if dry_run:
        return Upload("", shown(wanted, dataset, config))
    found = to_huggingface(wanted, dataset, config, lambda text: click.echo(printable_text(text)))
    return Upload(found.url, f"{dataset.name} is at {found.url} ({'private' if wanted.private else 'public'}).")


def _section(repository: str, config: Config | None, settings: dict[str, Any]) -> HuggingFace:
    from pydantic import ValidationError

    from deepfabric_core.config.schema import HuggingFace

    written = config.huggingface.model_dump() if config and config.huggingface else {}
    try:
        return HuggingFace.model_validate({**written, **settings, "repository": repository})
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        key = first["loc"][0] if first["loc"] else "upload"
        raise ConfigError(f"{key}: {first['msg'].lower()}.") from problem


async def publish_complete(job: Job, state: RunState, emit: Emit) -> None:
    """Upload the dataset of a complete run wherever its config says; what becomes of it is told by notices."""
    config = job.config
    wanted = (config.huggingface or config.kaggle) and not job.topic_only and job.preview is None
    if not wanted or state.ending != "complete":
        return
    from deepfabric_core.hub.after_run import missing_keys, publish_made

    def tell(text: str) -> None:
        engine_thread.call_soon(lambda: emit(Notice(text)))

    for note in missing_keys(config):
        emit(Notice(note))
    await asyncio.to_thread(publish_made, config, job.dataset, tell, is_new=state.calls > 0)
