"""`RunRequest`: what a cell, a file or a Python call asks for: config, job and name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from deepfabric_core.config.llm import Llm, Recorded
from deepfabric_core.config.load import Loaded, load
from deepfabric_core.config.schema import Config
from deepfabric_core.config.yaml_document import as_yaml
from deepfabric_core.errors import ConfigError
from deepfabric_core.flags.job_from_flags import job_of
from deepfabric_core.flags.options import OPTIONS, overrides, spelled
from deepfabric_core.run.job import Job
from deepfabric_core.store.files import read_text
from deepfabric_nb.runs.variables import resolver

Values = Mapping[str, Any]
_YAML = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A checked config with its job. `text` is the config's YAML, if it is complete without flags and variables.

    `confirmed` says that a very large plan was confirmed.
    """

    loaded: Loaded
    job: Job
    text: str | None
    confirmed: bool = False

    @property
    def name(self) -> str:
        """The default name of its run: that of the dataset's file."""
        return self.job.dataset.stem


def request_from_cell(cell: str, values: Values, namespace: Mapping[str, Any]) -> RunRequest:
    """Return the request of the YAML below a magic. Line numbers are those of the cell, including the magic's line."""
    return _asked(f"\n{cell}", "the cell", values, namespace, None)


def request_from_file(path: Path, values: Values) -> RunRequest:
    """Return the request of a config file."""
    text = read_text(path.expanduser(), what="config")
    return _asked(text, str(path), values, None, path)


def request_from_call(
    config: Config | Mapping[str, Any] | str | Path, flags: Values, namespace: Mapping[str, Any]
) -> RunRequest:
    """Return the request of a call from Python: a config as a mapping, as YAML text, or as the path of a file.

    Raises:
        ConfigError: the config or a flag can't be used.
    """
    values = _values(flags)
    if isinstance(config, Path) or (isinstance(config, str) and _is_file_name(config)):
        return request_from_file(Path(config), values)
    if isinstance(config, str):
        return _asked(config, "the config", values, namespace, None)
    content = config.model_dump(mode="json", exclude_unset=True) if isinstance(config, Config) else config
    text = as_yaml(resolver({"config": dict(content)})("config"))
    return _asked(text, "the config", values, namespace, None)


def _in_place(config: Config) -> Config:
    """Return the config with absolute paths, so that it doesn't matter if the notebook changes its folder."""
    generation = config.generation.model_copy(update={"llm": _llm_in_place(config.generation.llm)})
    output = config.output.model_copy(update={"save_as": str(Path(config.output.save_as).absolute())})
    saved = config.topics.save_as
    update = {"save_as": str(Path(saved).absolute()) if saved else None, "llm": _llm_in_place(config.topics.llm)}
    topics = config.topics.model_copy(update=update)
    return config.model_copy(update={"output": output, "topics": topics, "generation": generation})


def _llm_in_place(llm: Llm) -> Llm:
    path = llm.recorded.path
    recorded = Recorded(path=str(Path(path).absolute()) if path else None)
    return llm.model_copy(update={"recorded": recorded})


def _is_file_name(text: str) -> bool:
    return "\n" not in text and text.endswith(_YAML)


def _values(flags: Values) -> dict[str, Any]:
    """Return every option's value, by name; omitted ones have the table's default.

    Raises:
        ConfigError: there is no such option.
    """
    known = {option.name: option.default for option in OPTIONS}
    if unknown := next((name for name in flags if name not in known), None):
        import difflib

        near = difflib.get_close_matches(unknown, known, n=1)
        raise ConfigError(
            f"There is no option {unknown}; " + (f"did you mean {near[0]}?" if near else "see %deepfabric help.")
        )
    return known | dict(flags)


def _asked(
    text: str, source: str, values: Values, namespace: Mapping[str, Any] | None, path: Path | None
) -> RunRequest:
    variables = None if namespace is None else resolver(namespace)
    given = overrides(values)
    loaded = load(text, source=source, overrides=given, spelled=spelled(values), variables=variables)
    job = job_of(_in_place(loaded.config), path, values)
    job = replace(job, command=(), trace=job.trace.absolute() if job.trace else None)
    alone = text.lstrip("\n") if not given and "!var" not in text else None
    return RunRequest(loaded, job, alone, confirmed=bool(values.get("yes")))
