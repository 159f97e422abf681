"""`export`: write a run's config and checkpoint to files, for the command line to continue, or its accepted samples."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepfabric_core.config.secret_keys import portable_config
from deepfabric_core.config.yaml_document import as_yaml
from deepfabric_core.errors import ConfigError
from deepfabric_core.printable import printable_text
from deepfabric_core.run.job import Job
from deepfabric_core.store.files import replace_file
from deepfabric_core.wording import are, counted, were
from deepfabric_nb.runs.run import Run
from deepfabric_nb.runs.session import Session, find_kept, latest_kept

if TYPE_CHECKING:
    from deepfabric_core.run.checkpoint.registry import KeptRun
    from deepfabric_nb.samples.exported import Exported

_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False, allow_nan=False).encode


def export(session: Session, name: str | None, path: Path) -> str:
    """Write the config, and a copy of the checkpoint beside it; return instructions.

    Without a name it is the latest run of the session, or else the latest one of this folder.

    Raises:
        ConfigError: there is no such run, or its config isn't known.
        OutputError: a file can't be written.
    """
    from deepfabric_core.run.checkpoint.registry import job_again
    from deepfabric_core.store.checkpoint_files import CheckpointFiles, copy_checkpoint

    run = session.run(name)
    if run is not None:
        job, text = run.job, session.texts.get(run.name)
        written, of = run.written, run.name
    elif (kept := _kept(name)) is not None:
        job, written, text, of = job_again(kept), kept.written or {}, None, kept.name
    else:
        raise ConfigError("There is no such run to export; %deepfabric status lists them.")
    if not written:
        raise ConfigError(f"The config of {job.dataset.stem} isn't known here: run its cell first.")
    content, left_out = portable_config(written)
    exported = text if text and not left_out else as_yaml(content)
    replace_file(path, [exported.encode()])
    folder = path.with_suffix(".checkpoint")
    place = job.checkpoint_files()
    copied = place.exists
    if copied:
        copy_checkpoint(place, CheckpointFiles(folder, place.name))
    until = ""
    if run is not None and not run.over:
        until = f"Stop the run first (%deepfabric stop {run.name}), else both make the same samples. "
    command = f"deepfabric generate {_command(path, job, folder, copied)}"
    return ExportResult(f"{path} has the config of {of}. {_advice(left_out)}{until}Run it with:\n  {command}")


def export_accepted(session: Session, name: str | None, path: Path) -> str:
    """Write the samples that nobody rejected, as they were edited, to a JSONL file; return how many, and of which run.

    Without a name it is the run whose samples `%deepfabric samples` shows.

    Raises:
        ConfigError: there is no such run, or it has no samples, or the file is its dataset.
        OutputError: the file can't be written.
    """
    from deepfabric_core.run.results import results
    from deepfabric_core.samples.reviews import sample_id
    from deepfabric_core.store.review_log import reviews_of

    of, job = _to_read(session, name)
    if path.absolute() == job.dataset.absolute():
        raise ConfigError(f"{path} is the dataset itself, which a review never changes: give another name.")
    records = [dict(line["sample"]) for line in results(job).samples]
    if not records:
        raise ConfigError(f"There are no samples of {job.dataset.stem} to export yet.")
    reviews = reviews_of(job.dataset)
    reviewed = [(record, reviews.of(sample_id(record))) for record in records]
    taken = [(record, review) for record, review in reviewed if not review.is_rejected]
    edited = sum(review.edited is not None for _, review in taken)
    lines = (_encode(review.applied_to(record)).encode("utf-8", "backslashreplace") + b"\n" for record, review in taken)
    replace_file(path, lines)
    left_out = len(records) - len(taken)
    said = f"{left_out:,} rejected {were(left_out)} left out, {edited:,} {are(edited)} as edited by hand"
    if not left_out and not edited:
        said = "none was rejected or edited"
    which = f"of the run {of} ({job.dataset.name})"
    return ExportResult(f"{path} has {len(taken):,} of {counted(len(records), 'sample')} {which}: {said}.")


def export_for_trainer(session: Session, names: Mapping[str, Any], values: Mapping[str, Any]) -> Exported:
    """Export what a line of the magic names in the format of a trainer, by default the latest run.

    Raises:
        ConfigError: there is no such thing, or it can't be exported so.
        OutputError: a file can't be written.
    """
    from deepfabric_core.config.exports import export_from
    from deepfabric_nb.samples.exported import export_mix, export_samples

    what, *more = values["words"] or (None,)
    if len(more) > 1 and not values["output"]:
        raise ConfigError("Say what to export and where to: %deepfabric export bicycles.jsonl --to trl -o train.jsonl.")
    weighted = what is not None and "=" in what and not Path(what).exists()
    mixed = values["words"] if (more or weighted) and values["output"] else ()
    path = values["output"] or (more[0] if more else None)
    options = export_from(
        to=values["to"],
        path=str(path) if path else None,
        reasoning=values["reasoning"],
        split=values["split"],
        by=values["by"],
        hold_out=list(values["held_out"]),
        check=values["target"],
        context=values["context"],
        assistant_only=values["assistant_only"],
    )
    if mixed:
        done = export_mix(mixed, options, seed=values["seed"], keep_duplicates=values["keep_duplicates"])
    else:
        done = export_samples(_to_export(session, names, what), options)
    if values["report"] is not None:
        done.save_report(values["report"])
    return done


def _to_export(session: Session, names: Mapping[str, Any], what: str | None) -> Any:
    held = names.get(what or "")
    if isinstance(held, Run) or hasattr(held, "to_dict") or isinstance(held, list):
        return held
    if what and Path(what).expanduser().is_file():
        return what
    if (run := session.run(what)) is not None:
        return run
    if (kept := _kept(what)) is not None:
        return session.known(kept)
    if what:
        raise ConfigError(f"There is no dataset and no run {what}; %deepfabric status lists the runs.")
    raise ConfigError("There is no run to export yet: name a dataset, or make one.")


def _kept(name: str | None) -> KeptRun | None:
    return find_kept(name) if name else latest_kept()


def _to_read(session: Session, name: str | None) -> tuple[str, Job]:
    """Return the name of a run, and its job.

    Raises:
        ConfigError: there is no such run.
    """
    from deepfabric_core.run.checkpoint.registry import job_to_look_at

    if (run := session.run(name)) is not None:
        return run.name, run.job
    if (kept := _kept(name)) is not None:
        return kept.name, job_to_look_at(kept)
    raise ConfigError("There is no such run to export; %deepfabric status lists them.")


def _advice(left_out: tuple[str, ...]) -> str:
    """Return advice about secrets that weren't written to the file."""
    if not left_out:
        return ""
    return (
        f"What may be secret in {' and '.join(left_out)} isn't: set the variables that it names as ${{NAME}}, and fill "
        "in the rest. "
    )


class ExportResult(str):
    """A text that is displayed without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return printable_text(self)


def _command(path: Path, job: Job, folder: Path, copied: bool) -> str:
    import shlex

    words = [str(path)]
    if job.topics_load:
        words += ["--topics-load", str(job.topics_load)]
    if job.topic_only:
        words.append("--topic-only")
    if copied:
        words += ["--checkpoint-path", str(folder), "--resume"]
    return shlex.join(words)
