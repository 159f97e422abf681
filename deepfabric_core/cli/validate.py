"""The `deepfabric validate` command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from deepfabric_core.cli.load_config import load_config
from deepfabric_core.cli.output import note, print_result, terminal_width

if TYPE_CHECKING:
    from deepfabric_core.config.llm import Llm
    from deepfabric_core.config.schema import Config


@click.command("validate")
@click.argument("config_file", type=click.Path(path_type=Path))
@click.option(
    "--check-api/--no-check-api",
    default=False,
    help="Also try each model with a few tiny calls: in which ways it keeps to a schema, and whether it calls tools.",
)
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def command(config_file: Path, *, check_api: bool, debug: bool) -> None:  # noqa: ARG001 - main reads --debug
    """Check a config and the files it names, and print the plan. Nothing is spent.

    A provider's key that isn't in the environment is told in a note: the config itself may be fine.
    """
    from deepfabric_core.cluster.shard_sizes import workers_fact
    from deepfabric_core.cluster.validate import validate
    from deepfabric_core.run.job import Job
    from deepfabric_core.text.estimate_text import expected_facts
    from deepfabric_core.text.plan_summary import exports_fact, largeness, missing_keys, planned

    loaded = load_config(config_file, {})
    config = loaded.config
    for notice in loaded.notices:
        note(notice)
    job = Job(config, config_file=config_file)
    facts = (*workers_fact(config), *exports_fact(job), *expected_facts(job))
    print_result(planned(config, facts, terminal_width()))
    for sentence in (*largeness(config), *missing_keys(config)):
        note(sentence)
    validate(job, note)
    _check_publishing(config)
    if check_api:
        _check_api(config)
    print_result(f"{config_file} is valid.")


def _check_publishing(config: Config) -> None:
    """Check that the dataset can be published, if the config says where."""
    if config.huggingface or config.kaggle:
        from deepfabric_core.hub.after_run import check_publishing

        for sentence in check_publishing(config):
            note(sentence)


def _check_api(config: Config) -> None:
    """Try each model at each of its addresses with a few tiny calls, and print what comes of each.

    Raises:
        DeepFabricError: one doesn't answer; all were tried.
    """
    import asyncio

    from deepfabric_core.errors import DeepFabricError, ModelError
    from deepfabric_core.events import Event, Notice
    from deepfabric_core.llm.check_api import try_model
    from deepfabric_core.llm.ray_serving import serving
    from deepfabric_core.stop import Stop

    problems: list[str] = []

    def tell(event: Event) -> None:
        if isinstance(event, Notice):
            note(event.message)

    async def try_each(models: list[Llm]) -> None:
        async with serving(models, config.run, tell, Stop()):
            for settings in models:
                await try_endpoints(settings)

    async def try_endpoints(settings: Llm) -> None:
        tools = config.uses_tools and settings == config.generation.llm
        for one in settings.endpoints:
            at = f" at {one.host}" if len(settings.endpoints) > 1 else ""
            print_result(f"{settings.name}{at}:")
            try:
                async for trial in try_model(one, tools=tools):
                    said = f"no: {trial.fault}" if trial.fault else f"yes, in {trial.seconds:.1f} s"
                    print_result(f"  {trial.name:<40} {said}")
            except ModelError as problem:
                print_result(f"  {'an answer':<40} no: {problem.kind.value}")
                problems.append(str(problem))

    asyncio.run(try_each(config.models))
    if problems:
        raise DeepFabricError("\n".join(dict.fromkeys(problems)))
    print_result("Each model answers.")
