"""Find evaluation sets on this machine: files, benchmarks in a folder, datasets in Hugging Face's local caches.

Nothing is ever downloaded: what isn't there is an error that says how to get it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from deepfabric_core.errors import ConfigError
from deepfabric_core.quality.benchmarks import (
    BENCHMARKS,
    Benchmark,
    benchmark_named,
    item_texts,
    nearest_benchmark,
    plain_name,
)
from deepfabric_core.quality.contamination import EvaluationItem
from deepfabric_core.store.evaluation_tables import READERS, evaluation_records

# The folder with the files of benchmarks, unless the config names one.
FOLDER_VARIABLE = "DEEPFABRIC_EVALS"

_HUB = "hf:"
_PARTS_OF_A_DATASET = 2
_SPLIT = re.compile(r"(?:^|[-_./])((?:auxiliary_)?train|test|validation|valid|val|dev|eval)(?=$|[-_./\d])")
_TRAINING = ("train", "auxiliary_train")


@dataclass(frozen=True, slots=True)
class EvaluationSet:
    """An evaluation set: its name in messages, its files, and the benchmark that it is, if that is known."""

    name: str
    files: tuple[Path, ...]
    benchmark: Benchmark | None = None

    def items(self) -> Iterator[EvaluationItem]:
        """Yield the items of all files; places name the file where there are several.

        Raises:
            ConfigError: a file can't be read, or none of them holds an item.
        """
        found = False
        for path in self.files:
            where = f"{path.name}, " if len(self.files) > 1 else ""
            for number, record in enumerate(evaluation_records(path), 1):
                if texts := item_texts(record, self.benchmark):
                    found = True
                    yield EvaluationItem(self.name, f"{where}item {number:,}", texts)
        if not found:
            raise ConfigError(f"{self.files[0]}: the evaluation set {self.name} holds no text.")


def evaluation_items(
    against: Iterable[str], folder: str | None = None, environment: Mapping[str, str] = os.environ
) -> Iterator[EvaluationItem]:
    """Yield the items of all sets that `quality.contamination.against` names; see `evaluation_set`."""
    for one in [evaluation_set(name, folder, environment) for name in against]:
        yield from one.items()


def evaluation_set(name: str, folder: str | None = None, environment: Mapping[str, str] = os.environ) -> EvaluationSet:
    """Return the set of a name: a file, `hf:` and a dataset (with its config), or a known benchmark.

    Of a benchmark or a dataset, the training split counts only if there is no other.

    Raises:
        ConfigError: it isn't on this machine; the message says how to get it.
    """
    if name.startswith(_HUB):
        return _of_hub(name.removeprefix(_HUB), environment)
    path = Path(name).expanduser()
    if _exists(path):
        return EvaluationSet(path.name, (path,), benchmark_named(path.stem))
    benchmark = benchmark_named(name)
    if benchmark is None:
        raise ConfigError(f"{name}: there is no such evaluation set; {_advice(name)}")
    places = [Path(one).expanduser() for one in (folder, environment.get(FOLDER_VARIABLE)) if one]
    files = next(filter(None, (_in_folder(place, benchmark) for place in places)), ())
    for dataset in benchmark.datasets:
        files = files or _in_caches(dataset, None, environment)
    if not files:
        raise ConfigError(_how_to_get(benchmark, places))
    return EvaluationSet(benchmark.name, _unseen(files), benchmark)


def _exists(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # such as a name that is too long
        return False


def _of_hub(name: str, environment: Mapping[str, str]) -> EvaluationSet:
    parts = [part for part in name.split("/") if part]
    dataset = "/".join(parts[:_PARTS_OF_A_DATASET])
    config = parts[_PARTS_OF_A_DATASET] if len(parts) > _PARTS_OF_A_DATASET else None
    if not parts or len(parts) > _PARTS_OF_A_DATASET + 1:
        raise ConfigError(f"{_HUB}{name}: write {_HUB}owner/name or {_HUB}owner/name/config.")
    files = _in_caches(dataset, config, environment)
    if not files:
        raise ConfigError(
            f"{_HUB}{name}: it isn't in a local cache of Hugging Face, and nothing is downloaded here. Get it with "
            f"`hf download --repo-type dataset {dataset}`, or name a file."
        )
    return EvaluationSet(name, _unseen(files), benchmark_named(dataset))


def _advice(name: str) -> str:
    if "/" in name or "\\" in name or Path(name).suffix:
        return "the file doesn't exist."
    near = nearest_benchmark(name)
    meant = f"did you mean {near}? " if near else ""
    return f"{meant}Name a file, hf:owner/name, or one of {', '.join(BENCHMARKS)}."


def _how_to_get(benchmark: Benchmark, places: Iterable[Path]) -> str:
    looked = ", ".join(map(str, places))
    where = f"in {looked}, nor" if looked else f"in a folder ({FOLDER_VARIABLE} or quality.contamination.folder), nor"
    return (
        f"{benchmark.name}: the benchmark is neither {where} in a local cache of Hugging Face, and nothing is "
        f"downloaded here. Get it with `hf download --repo-type dataset {benchmark.datasets[0]}`, or put it into a "
        f"folder as {benchmark.name}.jsonl."
    )


def _in_folder(folder: Path, benchmark: Benchmark) -> tuple[Path, ...]:
    """Return the files of a benchmark in a folder: named after it, or in a folder that is."""
    names = {benchmark.name, *map(plain_name, benchmark.datasets)}
    names |= {plain_name(dataset.rpartition("/")[2]) for dataset in benchmark.datasets}
    found: list[Path] = []
    for entry in sorted(folder.iterdir()) if folder.is_dir() else ():
        if entry.is_dir() and plain_name(entry.name) in names:
            found += _readable(entry)
        elif entry.suffix.lower() in READERS and _is_of(entry.stem, names):
            found.append(entry)
    return tuple(found)


def _is_of(stem: str, names: set[str]) -> bool:
    """Return whether a file's name is one of these, perhaps with the name of a split after it, as in gsm8k_test."""
    ends = [found.start() for found in _SPLIT.finditer(stem.casefold())]
    return any(plain_name(stem[:end]) in names for end in (*ends, None))


def _in_caches(dataset: str, config: str | None, environment: Mapping[str, str]) -> tuple[Path, ...]:
    """Return the files of a dataset in the caches of Hugging Face: that of `datasets`, else that of downloads."""
    home = Path(environment.get("HF_HOME") or "~/.cache/huggingface").expanduser()
    prepared = Path(environment.get("HF_DATASETS_CACHE") or home / "datasets").expanduser()
    downloaded = Path(environment.get("HF_HUB_CACHE") or home / "hub").expanduser()
    owner, _, name = dataset.rpartition("/")
    folders = [
        *_matching(prepared, f"{owner}___{name}" if owner else name),
        *_matching(downloaded, f"datasets--{owner}--{name}" if owner else f"datasets--{name}"),
    ]
    for folder in folders:
        if files := [path for path in _readable(folder) if config is None or _is_in(path, folder, config)]:
            return tuple(files)
    return ()


def _matching(folder: Path, name: str) -> list[Path]:
    """Return the folders of a name in a cache, where an underscore may stand in it, as in google___if_eval."""
    if not folder.is_dir():
        return []
    return [
        entry for entry in sorted(folder.iterdir()) if entry.is_dir() and plain_name(entry.name) == plain_name(name)
    ]


def _is_in(path: Path, folder: Path, config: str) -> bool:
    parts = path.relative_to(folder).parts
    return any(plain_name(part) == plain_name(config) for part in (*parts[:-1], path.stem))


def _readable(folder: Path) -> list[Path]:
    """Return the files below a folder that can be read, but for descriptions and what is being made."""
    found = (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in READERS and path.is_file())
    return [path for path in found if not _is_about(path.name.casefold()) and not path.name.startswith(("cache-", "."))]


def _is_about(name: str) -> bool:
    return name in ("dataset_info.json", "dataset_infos.json", "state.json", "readme.txt", "license.txt")


def _unseen(files: tuple[Path, ...]) -> tuple[Path, ...]:
    """Return the files that aren't for training; all of them if all are."""
    others = tuple(path for path in files if _split_of(path) not in _TRAINING)
    return others or files


def _split_of(path: Path) -> str:
    found = _SPLIT.findall(path.stem.casefold())
    return found[-1] if found else ""
