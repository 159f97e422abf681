"""The `deepfabric upload-kaggle` command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from deepfabric_core.cli.output import print_result, say
from deepfabric_core.cli.upload_dataset import dataset_and_config, needed
from deepfabric_core.flags.upload_options import given, refuse, with_upload_options

_KEYS = "KAGGLE_USERNAME and KAGGLE_KEY"


@click.command("upload-kaggle")
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option("--handle", metavar="NAME", help="Where to, as in my-name/my-dataset; made if it isn't there.")
@click.option(
    "--username", metavar="NAME", hidden=True, expose_value=False, callback=refuse(_KEYS), help="Isn't taken."
)
@click.option("--key", metavar="KEY", hidden=True, expose_value=False, callback=refuse(_KEYS), help="Isn't taken.")
@click.option("--version-notes", metavar="TEXT", help="What is new in this version.")
@with_upload_options
def command(dataset: Path, *, handle: str | None, dry_run: bool, **values: Any) -> None:
    """Upload a dataset to Kaggle, as Parquet files with a text that tells what it is and how it was made.

    DATASET is a dataset of ours or of DeepFabric's, or the config that made it, whose section `kaggle` counts as well.
    The key is read from KAGGLE_USERNAME and KAGGLE_KEY, or KAGGLE_API_TOKEN. What people rejected in a review is left
    out. A dataset that is there gets another version.
    """
    from deepfabric_core.config.schema import Kaggle
    from deepfabric_core.hub.publish import shown, to_kaggle

    path, config = dataset_and_config(dataset)
    written = config.kaggle.model_dump() if config and config.kaggle else {}
    name = needed(handle or written.get("handle"), "--handle my-name/my-dataset")
    settings = Kaggle(**{**written, **given(values), "handle": name})
    if dry_run:
        print_result(shown(settings, path, config))
        return
    uploaded = to_kaggle(settings, path, config, lambda text: say(text, err=True))
    say(f"{path} is at {uploaded.url} ({'private' if settings.private else 'public'}).")
