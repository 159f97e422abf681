"""Publish what a run has made, where its config says so: checked before the run, done once it is complete."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

from deepfabric_core.config.schema import Config, HuggingFace
from deepfabric_core.errors import ConfigError, DeepFabricError, MissingKeyError
from deepfabric_core.hub import huggingface, kaggle
from deepfabric_core.hub.huggingface import Uploaded
from deepfabric_core.hub.publish import AnyPlace, check_place, publication_of, to_huggingface, to_kaggle

Tell = Callable[[str], None]


def places(config: Config) -> Iterator[AnyPlace]:
    """Yield where a config publishes its dataset."""
    yield from (section for section in (config.huggingface, config.kaggle) if section is not None)


def check_publishing(config: Config) -> list[str]:
    """Check before a run that its dataset can be published, and return a note for each place that has no key yet.

    Raises:
        ConfigError: a name, a format or a split can't be used, or a library isn't installed.
    """
    return [note for section in places(config) if (note := _checked(section, config))]


def missing_keys(config: Config) -> list[str]:
    """Return a note for each place to which nothing is uploaded, since its key is missing."""
    return [note for section in places(config) if (note := _without_key(section))]


def _without_key(section: AnyPlace) -> str:
    try:
        _check_key(section)
    except MissingKeyError as problem:
        return f"the dataset isn't uploaded to {_name(section)}. {problem}"
    return ""


def _checked(section: AnyPlace, config: Config) -> str:
    if note := _without_key(section):
        return note
    place = check_place(section)
    publication_of(section, Path(config.output.save_as), place, config)
    library = "huggingface_hub" if isinstance(section, HuggingFace) else "kagglehub"
    missing = next((name for name in (library, "pyarrow") if find_spec(name) is None), None)
    if missing:
        raise ConfigError(
            f"Uploading to {_name(section)} needs {missing}, which isn't installed; install it with: "
            'pip install "deepfabric-nb[hub]", or take the section out of the config.'
        )
    return ""


def _check_key(section: AnyPlace) -> None:
    if isinstance(section, HuggingFace):
        huggingface.required_token(os.environ)
    else:
        kaggle.check_key(os.environ)


def _name(section: AnyPlace) -> str:
    return "Hugging Face" if isinstance(section, HuggingFace) else "Kaggle"


def publish_made(config: Config, dataset: Path, tell: Tell, *, is_new: bool) -> bool:
    """Upload a complete dataset wherever its config says and there is a key; return whether nothing failed.

    Args:
        config: the config that made it.
        dataset: the dataset.
        tell: called with a sentence for each step, and for what failed.
        is_new: whether this run made any of it; if not, Kaggle gets no other version of the same.
    """
    done = [_published(section, config, dataset, tell, is_new=is_new) for section in places(config)]
    return all(done)


def _upload(section: AnyPlace, config: Config, dataset: Path, tell: Tell) -> Uploaded:
    if isinstance(section, HuggingFace):
        return to_huggingface(section, dataset, config, tell)
    return to_kaggle(section, dataset, config, tell)


def _published(section: AnyPlace, config: Config, dataset: Path, tell: Tell, *, is_new: bool) -> bool:
    if _without_key(section):
        return True
    if not isinstance(section, HuggingFace) and not is_new:
        tell("Nothing in it is new, so Kaggle gets no other version; deepfabric upload-kaggle uploads it all the same.")
        return True
    try:
        done = _upload(section, config, dataset, tell)
    except DeepFabricError as problem:
        command = "upload-hf" if isinstance(section, HuggingFace) else "upload-kaggle"
        tell(f"{dataset} is complete, but wasn't uploaded; deepfabric {command} does that alone. {problem}")
        return False
    tell(f"{dataset} is at {done.url} ({'private' if section.private else 'public'}).")
    return True
