"""Publish a dataset: prepare it in a folder that is deleted afterwards, and upload it or show what would be."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from deepfabric_core.config.schema import Config, HuggingFace, Kaggle, Published
from deepfabric_core.errors import ConfigError
from deepfabric_core.export.find_format import find_format
from deepfabric_core.export.splits import SplitRules, shares_of
from deepfabric_core.hub import huggingface, kaggle
from deepfabric_core.hub.huggingface import Uploaded
from deepfabric_core.hub.prepare import prepare
from deepfabric_core.hub.prepared import Prepared
from deepfabric_core.hub.publication import Publication
from deepfabric_core.wording import counted, digits

Tell = Callable[[str], None]
_PREPARING = "Preparing the files and the card"
AnyPlace = HuggingFace | Kaggle


def split_rules(settings: Published) -> SplitRules | None:
    """Return how a dataset is divided; None if it isn't.

    Raises:
        ConfigError: it can't be divided like that.
    """
    if settings.split is None:
        if settings.hold_out:
            raise ConfigError("hold_out divides a dataset; give the sides by split, too.")
        return None
    return SplitRules(shares_of(settings.split), settings.by, tuple(settings.hold_out))


def publication_of(settings: Published, dataset: Path, name: str, run: Config | None) -> Publication:
    """Return what these settings publish of a dataset.

    Raises:
        ConfigError: a format isn't known, or the dataset can't be divided like that.
    """
    for format_name in settings.configs:
        find_format(format_name)
    return Publication(
        dataset=dataset,
        name=name,
        formats=tuple(settings.configs),
        split=split_rules(settings),
        tags=tuple(settings.tags),
        license=settings.license,
        description=settings.description or "",
        run=run,
    )


@contextmanager
def prepared(settings: AnyPlace, dataset: Path, run: Config | None) -> Iterator[Prepared]:
    """Prepare what is published of a dataset in a folder that is deleted afterwards.

    Raises:
        ConfigError: the dataset, a format or the name to publish it under can't be used.
        OutputError: there is nothing to publish, or it can't be written.
    """
    place = check_place(settings)
    wanted = publication_of(settings, dataset, place.rpartition("/")[2], run)
    if not dataset.is_file():
        raise ConfigError(f"{dataset} isn't there; make it first, or name another dataset.")
    with tempfile.TemporaryDirectory(prefix="deepfabric-upload-") as folder:
        yield prepare(wanted, Path(folder), place=place, is_on_kaggle=isinstance(settings, Kaggle))


def to_huggingface(settings: HuggingFace, dataset: Path, run: Config | None, tell: Tell) -> Uploaded:
    """Upload a dataset to the Hugging Face hub, and return where it is.

    Raises:
        ConfigError: something isn't as it must be: the dataset, the repository's name, the token, the right to write.
        OutputError: there is nothing to publish.
        UploadError: the hub can't be reached, or doesn't take it now.
    """
    place = check_place(settings)
    huggingface.required_token(os.environ)
    tell(_PREPARING)
    with prepared(settings, dataset, run) as found:
        _tell_prepared(found, tell)
        return huggingface.upload(found, place, private=settings.private, tell=tell)


def to_kaggle(settings: Kaggle, dataset: Path, run: Config | None, tell: Tell) -> Uploaded:
    """Upload a dataset to Kaggle, and return where it is.

    Raises:
        ConfigError: something isn't as it must be: the dataset, its name on Kaggle, the key, the right to write.
        OutputError: there is nothing to publish.
        UploadError: Kaggle can't be reached, or doesn't take it now.
    """
    place = check_place(settings)
    kaggle.check_key(os.environ)
    tell(_PREPARING)
    with prepared(settings, dataset, run) as found:
        _tell_prepared(found, tell)
        text = kaggle.text_of(found, place, private=settings.private)
        return kaggle.upload(found, text, notes=settings.version_notes, tell=tell)


def check_place(settings: AnyPlace) -> str:
    """Return the name under which a dataset is published.

    Raises:
        ConfigError: it can't be one.
    """
    if isinstance(settings, Kaggle):
        return kaggle.check_handle(settings.handle)
    return huggingface.check_repository(settings.repository)


def _tell_prepared(found: Prepared, tell: Tell) -> None:
    simulated = found.facts.report["making"]["simulated"]
    if simulated:
        tell(f"A simulated model made up {counted(simulated, 'sample')} of it, and the card says so first.")
    total = sum(map(found.bytes_of, found.data))
    tell(f"{counted(len(found.data), 'file')} of data to upload, {total / 1e6:.1f} MB")


def shown(settings: AnyPlace, dataset: Path, run: Config | None) -> str:
    """Return what an upload would write: the card, and the files with their sizes.

    Raises:
        ConfigError: the dataset, a format or the name to publish it under can't be used.
        OutputError: there is nothing to publish.
    """
    with prepared(settings, dataset, run) as found:
        if isinstance(settings, Kaggle):
            text = kaggle.text_of(found, check_place(settings), private=settings.private)
            kaggle.write_texts(found, text)
            return f"{text.description}\n{listing(found)}"
        return f"{found.write_card()}\n{listing(found)}"


def listing(found: Prepared) -> str:
    """Return the files that are uploaded, a line each with its bytes."""
    names = sorted(path.relative_to(found.folder).as_posix() for path in found.folder.rglob("*") if path.is_file())
    width = max(map(len, names))
    return "\n".join(f"{name:<{width}}  {digits(found.bytes_of(name)):>15} bytes" for name in names)
