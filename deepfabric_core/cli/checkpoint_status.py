"""The `deepfabric checkpoint-status` command."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deepfabric_core.cli.load_config import load_config
from deepfabric_core.cli.output import print_json, print_result
from deepfabric_core.printable import printable
from deepfabric_core.wording import counted, duration

if TYPE_CHECKING:
    from deepfabric_core.run.checkpoint.status import CheckpointStatus
    from deepfabric_core.run.job import Job


@click.command("checkpoint-status")
@click.argument("config_file", type=click.Path(path_type=Path))
@click.option("--checkpoint-path", type=click.Path(), help="Folder of the checkpoint, where it isn't the usual one.")
@click.option("--output-save-as", type=click.Path(), help="The dataset, where the config isn't what names it.")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks.")
def command(config_file: Path, as_json: bool, **values: str | None) -> None:
    """Show how far a checkpoint has come, without touching it."""
    from deepfabric_core.run.checkpoint.from_dataset import rejected_in_dataset
    from deepfabric_core.run.checkpoint.resume import mark_of_finished
    from deepfabric_core.run.checkpoint.status import checkpoint_status
    from deepfabric_core.run.job import Job

    folder = Path(values["checkpoint_path"]) if values["checkpoint_path"] else None
    job = Job(load_config(config_file, values).config, config_file=config_file, checkpoint_path=folder)
    if job.unfinished_files().exists:
        job = replace(job, config=load_config(config_file, _flags_of_the_run(job) | values).config)
    found = checkpoint_status(job)
    if as_json:
        print_json(_as_json(found, job))
    elif found is None and (mark := mark_of_finished(replace(job, resume=True))) is not None:
        print_result(f"Complete: {job.dataset} holds all {counted(mark.samples, 'sample')}; its checkpoint is gone.")
        if rejected := rejected_in_dataset(job):
            print_result(f"{_to_make_again(rejected)} by: deepfabric generate {config_file} --resume")
    elif found is None:
        print_result(f"No checkpoint of {config_file} (looked in {job.checkpoint_files().folder}).")
    else:
        print_result(_as_text(found, job))


def _flags_of_the_run(job: Job) -> dict[str, Any]:
    """Return the flags that the command to resume repeats, by option name."""
    from deepfabric_core.cli.generate import command as generate
    from deepfabric_core.store.checkpoint_files import recovered_metadata

    words = recovered_metadata(job.unfinished_files())[0].command[2:]
    return generate.make_context("generate", list(words), resilient_parsing=True).params


def _as_json(found: CheckpointStatus | None, job: Job) -> dict[str, Any]:
    from deepfabric_core.text.spending import cost_per_sample, spending_as_json

    if found is None:
        return {"exists": False, "folder": str(job.checkpoint_files().folder)}
    known = found.metadata
    return {
        "exists": True,
        "folder": str(found.files.folder),
        "dataset": known.dataset,
        "running": found.running,
        "process": known.process if found.running else None,
        "samples": {"wanted": found.wanted, "done": found.done, "failed": found.failed, "missing": found.missing},
        "rejected": found.rejected,
        "to_make_again": found.to_make_again,
        "failures": {kind.value: count for kind, count in found.failures.items()},
        "topics": {"complete": found.topics_complete, "topics": known.topics, "leaves": known.leaves},
        "usage": {
            "calls": known.calls,
            "prompt_tokens": known.prompt_tokens,
            "completion_tokens": known.completion_tokens,
            "cached_tokens": known.cached_tokens,
            "cost": known.cost,
            "cost_per_sample": cost_per_sample(known.spending, found.done),
            "stages": spending_as_json(known.spending),
        },
        "seconds": round(known.seconds, 3),
        "created_at": known.created_at,
        "updated_at": known.updated_at,
        "changed": list(found.changed),
        "budget": _budget_as_json(found),
        "resume": _resume_command(found, job),
    }


def _resume_command(found: CheckpointStatus, job: Job) -> str:
    from deepfabric_core.run.job import resume_command
    from deepfabric_core.run.larger_budget import larger_for_checkpoint

    larger = larger_for_checkpoint(job, found.budget, found.done)
    return resume_command(found.metadata.command, retry_failed=found.retry_failed, instead=larger)


def _budget_as_json(found: CheckpointStatus) -> dict[str, Any] | None:
    budget = found.budget
    if budget is None:
        return None
    parts = {"limits": budget.limits, "spent": budget.spent, "unanswered": budget.unanswered}
    return {"name": budget.name or None, **{name: asdict(part) for name, part in parts.items()}}


def _as_text(found: CheckpointStatus, job: Job) -> str:
    from deepfabric_core.amounts import total
    from deepfabric_core.run.state import RunState
    from deepfabric_core.text.budget_status import budget_status
    from deepfabric_core.text.run_facts import budget_facts
    from deepfabric_core.text.spending import by_purpose, cost_in_words

    known = found.metadata
    topics = f"{known.topics:,}, of them {counted(known.leaves, 'leaf')}" if found.topics_complete else "still growing"
    if known.failed_expansions:
        topics += f"; {known.failed_expansions:,} could not be expanded"
    cost = cost_in_words(total(known.spending), job.models)
    stages = by_purpose(known.spending)
    budget = budget_status(RunState(budget=found.budget, ending="stopped"), 0.0)
    rows = [
        ("Samples", f"{found.done:,} of {found.wanted:,} done, {found.missing:,} missing"),
        ("Failed", ", ".join(f"{count:,} {kind.value}" for kind, count in found.failures.items()) or "none"),
        ("Rejected", f"{found.rejected:,} by gates, and made again" if found.rejected else "none"),
        *([("Reviewed", _to_make_again(found.to_make_again))] if found.to_make_again else []),
        ("Topics", topics),
        ("Calls", f"{known.calls:,}, {known.prompt_tokens:,} tokens in, {known.completion_tokens:,} out"),
        ("Cost", f"{cost} ({stages})" if stages else cost),
        *((fact.label, fact.value) for fact in budget_facts(budget)),
        ("Begun", f"{_when(known.created_at)}, {duration(known.seconds)} of work"),
        ("Last saved", _when(known.updated_at)),
        ("Running", f"process {known.process} since {_when(known.process_started_at)}" if found.running else "no"),
        ("Changed", f"{', '.join(found.changed)} since then" if found.changed else "nothing that decides the data"),
        ("Dataset", printable(known.dataset)),
        ("Checkpoint", printable(str(found.files.folder))),
        ("Go on with", printable(_resume_command(found, job))),
    ]
    return "\n".join(f"{label:<11} {value}" for label, value in rows)


def _to_make_again(number: int) -> str:
    return f"{counted(number, 'sample')} rejected in review, to be made again"


def _when(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
