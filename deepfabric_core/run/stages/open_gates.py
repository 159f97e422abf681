"""Open the gates that a config asks for, before any money is spent."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deepfabric_core.config.quality import Contamination, Duplicates
from deepfabric_core.errors import ConfigError
from deepfabric_core.quality.candidate import Candidate
from deepfabric_core.quality.checks.check import Check, Settings
from deepfabric_core.quality.checks.choose import choose
from deepfabric_core.quality.checks.examine import examine
from deepfabric_core.quality.finding import Finding
from deepfabric_core.run.job import Job
from deepfabric_core.run.stages.gates import Comparing, Examine, Gates, Judging

if TYPE_CHECKING:
    from deepfabric_core.quality.meanings import Embed
    from deepfabric_core.run.stages.duplicate_gate import OtherSamples
    from deepfabric_core.store.print_file import PrintFile

TextOf = Callable[[int], Candidate | None]


@dataclass(frozen=True)
class PreparedGates:
    """What the gates of a run need, whatever its plan."""

    examining: Sequence[Examine] = ()
    duplicates: Duplicates | None = None
    others: OtherSamples | None = None
    embed: Embed | None = None

    def of_plan(
        self, samples: int, prints: Callable[[], PrintFile], text_of: TextOf, judging: Judging | None = None
    ) -> Gates:
        """Return the gates of a plan with so many samples; `text_of` reads an accepted one by its place.

        Raises:
            OutputError: the file of prints can't be written.
        """
        comparing = [] if self.duplicates is None else list(self._comparing(self.duplicates, samples, prints, text_of))
        return Gates(self.examining, comparing, judging)

    def _comparing(
        self, settings: Duplicates, samples: int, prints: Callable[[], PrintFile], text_of: TextOf
    ) -> Iterator[Comparing]:
        from deepfabric_core.quality.duplicates import DuplicateRules
        from deepfabric_core.run.stages.duplicate_gate import DuplicateGate

        rules = DuplicateRules(settings.threshold)
        yield DuplicateGate(rules, prints(), text_of, expected=samples, others=self.others)
        if self.embed is not None:
            from deepfabric_core.run.stages.meaning_gate import MeaningGate

            yield MeaningGate(self.embed, settings.similarity, text_of, expected=samples, others=self.others)


def open_gates(job: Job, say: Callable[[str], None]) -> PreparedGates:
    """Return what the gates of a job's samples need; `say` is told of a model that is downloaded for them.

    Raises:
        ConfigError: a check, a file or a package that the config names can't be had.
    """
    quality, generation = job.config.quality, job.config.generation
    prompts = tuple(filter(None, (generation.system_prompt, generation.instructions)))
    own_schema = job.config.output.format == "custom"
    with importable(job.config_file.parent if job.config_file else Path.cwd()), _at(job, "quality."):
        checks = choose(quality.checks, Settings(generation.language, prompts, own_schema), job.checks)
        embed = _embedding(quality.duplicates, say)
    examining = [_examining(checks)] if checks else []
    if quality.contamination is not None:
        with _at(job, "quality.contamination.against: "):
            examining.append(_decontaminating(quality.contamination))
    with _at(job, "quality.duplicates.against: "):
        others = _others(quality.duplicates)
    return PreparedGates(examining, quality.duplicates, others, embed)


@contextmanager
def _at(job: Job, key: str) -> Iterator[None]:
    """Say in errors where it is in the config."""
    try:
        yield
    except ConfigError as problem:
        where = f"{job.config_file}: " if job.config_file else ""
        raise ConfigError(f"{where}{key}{problem}") from problem


@contextmanager
def importable(folder: Path) -> Iterator[None]:
    """Let modules of a folder be imported, after all others: a config may name functions in files beside it."""
    sys.path.append(str(folder.absolute()))
    try:
        yield
    finally:
        sys.path.remove(str(folder.absolute()))


def _examining(checks: tuple[Check, ...]) -> Examine:
    def examining(candidate: Candidate) -> Finding | None:
        return examine(candidate, checks)

    return examining


def _decontaminating(settings: Contamination) -> Examine:
    from deepfabric_core.quality.contamination import ContaminationIndex
    from deepfabric_core.store.evaluation_files import evaluation_items

    return ContaminationIndex(evaluation_items(settings.against, settings.folder), settings.ngram).finding


def _others(duplicates: Duplicates | None) -> OtherSamples | None:
    if duplicates is None or not duplicates.against:
        return None
    from deepfabric_core.run.stages.duplicate_gate import other_samples
    from deepfabric_core.store.dataset_reader import ComparedDatasets

    return other_samples(ComparedDatasets([Path(path) for path in duplicates.against]))


def _embedding(duplicates: Duplicates | None, say: Callable[[str], None]) -> Embed | None:
    if duplicates is None or duplicates.embeddings is None:
        return None
    from deepfabric_core.store.embedding_model import embedding_model

    return embedding_model(duplicates.embeddings, say)
