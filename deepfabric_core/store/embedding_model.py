"""Load a static embedding model (model2vec) from a folder or, by its full name, from the Hugging Face hub."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from deepfabric_core.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from deepfabric_core.quality.meanings import Embed

_EXTRA = 'pip install "deepfabric-nb[embeddings]"'
_JSON_FILES = ("tokenizer.json", "config.json")
_FILES = ("model.safetensors", *_JSON_FILES, "modules.json", "0_StaticEmbedding/*", "README.md")


def embedding_model(name: str, say: Callable[[str], None]) -> Embed:
    """Return what makes vectors of texts, by a model in a folder or one of the hub as "owner/name".

    A model of the hub is downloaded only if it isn't in the cache; `say` is told so before.

    Raises:
        ConfigError: model2vec isn't installed, or the model can't be found or read.
    """
    if importlib.util.find_spec("model2vec") is None:
        raise ConfigError(f"duplicates.embeddings needs model2vec: {_EXTRA}.")
    folder = Path(name).expanduser()
    if name.strip() and folder.is_dir():
        return _loaded(folder)
    if not _is_hub_name(name) or folder.exists():
        raise ConfigError(
            f"duplicates.embeddings: {name} is no folder with a model; name one, or a model of the hub as owner/name."
        )
    return _loaded(_from_hub(name, say))


def _from_hub(name: str, say: Callable[[str], None]) -> Path:
    """Return the folder of a model in the cache, after downloading it if it isn't there."""
    from huggingface_hub import snapshot_download, try_to_load_from_cache
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        cached = isinstance(try_to_load_from_cache(name, "model.safetensors"), str)
        if not cached:
            say(f"Downloading the embedding model {name} from the Hugging Face hub")
        return Path(snapshot_download(name, allow_patterns=list(_FILES), local_files_only=cached))
    except (OSError, HfHubHTTPError, HFValidationError) as problem:
        raise ConfigError(
            f"duplicates.embeddings: the model {name} can't be had: {_first_line(problem)}. Put its files into a "
            "folder and name that, or go online."
        ) from problem


def _is_hub_name(name: str) -> bool:
    owner, slash, rest = name.partition("/")
    return bool(owner.strip(".~") and slash and rest and "/" not in rest and "\\" not in name)


def _check_json(folder: Path) -> None:
    """Check what the tokenizer's library would report without saying which file it is.

    Raises:
        ConfigError: a file is damaged.
    """
    for path in (folder / name for name in _JSON_FILES):
        try:
            json.loads(path.read_bytes())
        except FileNotFoundError:
            continue  # another layout, or an incomplete one, which the loader reports
        except (OSError, ValueError, RecursionError) as problem:
            raise ConfigError(f"duplicates.embeddings: {path} can't be read: {_first_line(problem)}.") from problem


def _loaded(folder: Path) -> Embed:
    from model2vec import StaticModel
    from safetensors import SafetensorError

    _check_json(folder)
    try:
        model = StaticModel.from_pretrained(str(folder))
    except (OSError, ValueError, KeyError, SafetensorError) as problem:
        raise ConfigError(
            f"duplicates.embeddings: no model of model2vec in {folder} can be read: {_first_line(problem)}."
        ) from problem

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        vectors: NDArray[np.float32] = model.encode(list(texts), use_multiprocessing=False)
        return vectors

    return embed


def _first_line(problem: Exception) -> str:
    return (str(problem).strip() or type(problem).__name__).split("\n")[0].rstrip(".")
