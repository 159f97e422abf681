"""The `deepfabric upload-hf` command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from deepfabric_core.cli.output import print_result, say
from deepfabric_core.cli.upload_dataset import dataset_and_config, needed
from deepfabric_core.flags.upload_options import given, refuse, with_upload_options


@click.command("upload-hf")
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option("--repo", metavar="NAME", help="Where to, as in my-name/my-dataset; made if it isn't there.")
@click.option(
    "--token", metavar="TOKEN", hidden=True, expose_value=False, callback=refuse("HF_TOKEN"), help="Isn't taken."
)
@with_upload_options
def command(dataset: Path, *, repo: str | None, dry_run: bool, **values: Any) -> None:
    """Upload a dataset to the Hugging Face hub, as Parquet files with a card that tells what it is and how it was made.

    DATASET is a dataset of ours or of DeepFabric's, or the config that made it, whose section `huggingface` counts as
    well. The token is read from HF_TOKEN. What people rejected in a review is left out. An upload that broke off is run
    again: what has arrived isn't sent again.
    """
    from deepfabric_core.config.schema import HuggingFace
    from deepfabric_core.hub.publish import shown, to_huggingface

    path, config = dataset_and_config(dataset)
    written = config.huggingface.model_dump() if config and config.huggingface else {}
    name = needed(repo or written.get("repository"), "--repo my-name/my-dataset")
    settings = HuggingFace(**{**written, **given(values), "repository": name})
    if dry_run:
        print_result(shown(settings, path, config))
        return
    uploaded = to_huggingface(settings, path, config, lambda text: say(text, err=True))
    say(f"{path} is at {uploaded.url} ({'private' if settings.private else 'public'}).")
