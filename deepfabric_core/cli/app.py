"""The command group, and what all commands share: late imports, errors as one sentence, exit codes."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import click

from deepfabric_core import __version__
from deepfabric_core.cli.command_secrets import CommandSecrets
from deepfabric_core.cli.output import make_streams_safe, note, say, show_usage_error
from deepfabric_core.errors import ConfigError, DeepFabricError

_STOPPED = 130
_FOLDER_IS_GONE = "the working folder is gone; change to a folder that exists (cd), and run again."

# Command to (module, short help). A module is imported when its command is used, so that help is fast.
_COMMANDS = {
    "init": ("deepfabric_core.cli.init", "Write a config to start from; it runs as it is."),
    "generate": ("deepfabric_core.cli.generate", "Grow topics from a config and write a dataset of samples."),
    "estimate": ("deepfabric_core.cli.estimate", "Reckon what a run will take: calls, tokens, money and time."),
    "checkpoint-status": ("deepfabric_core.cli.checkpoint_status", "Show how far a checkpoint has come."),
    "costs": ("deepfabric_core.cli.costs", "List past runs with what they cost."),
    "import": ("deepfabric_core.cli.import_dataset", "Import a dataset that another tool wrote."),
    "import-tools": ("deepfabric_core.cli.import_tools", "Fetch the definitions of an MCP server's tools."),
    "info": ("deepfabric_core.cli.info", "Show versions, which keys are set, and where runs are kept."),
    "judge": ("deepfabric_core.cli.judge", "Have models score the samples of any dataset."),
    "limits": ("deepfabric_core.cli.limits", "Show the limits that were learned of providers, or forget them."),
    "replay": ("deepfabric_core.cli.replay", "Carry out a dataset's tool calls again, and compare the results."),
    "report": (
        "deepfabric_core.cli.report",
        "Report on a dataset, as a page or as JSON.",
    ),
    "export": ("deepfabric_core.cli.export", "Export a dataset for training, in the format of a trainer."),
    "topic": ("deepfabric_core.cli.topic", "Look at a topics file, and prune it."),
    "trace": ("deepfabric_core.cli.trace", "Look at the calls to models that a run has recorded."),
    "upload-hf": ("deepfabric_core.cli.upload_hf", "Upload a dataset to the Hugging Face hub, with a card."),
    "upload-kaggle": ("deepfabric_core.cli.upload_kaggle", "Upload a dataset to Kaggle."),
    "validate": ("deepfabric_core.cli.validate", "Check a config without spending anything, and print the plan."),
    "visualize": ("deepfabric_core.cli.visualize", "Draw topics: as SVG, as an interactive page or as Mermaid text."),
}


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(_COMMANDS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, what) for name, (_, what) in _COMMANDS.items()])


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="deepfabric")
@click.pass_context
def app(context: click.Context) -> None:
    """Training data for language models from a short YAML config."""
    if isinstance(context.obj, CommandSecrets):
        context.obj.log_to_stderr(details=False)


def main() -> None:
    """Run the command line and exit with its code."""
    make_streams_safe()
    debug = "--debug" in sys.argv
    secrets = CommandSecrets()
    try:
        sys.exit(app.main(standalone_mode=False, obj=secrets) or 0)
    except click.exceptions.Abort:
        sys.exit(_STOPPED)
    except click.ClickException as problem:
        show_usage_error(problem)
        sys.exit(problem.exit_code)
    except KeyboardInterrupt:
        say("Stopped.", err=True)
        sys.exit(_STOPPED)
    except DeepFabricError as problem:
        say(secrets.traceback(problem) if debug else f"Error: {secrets.redact.known(str(problem))}", err=True)
        if _folder_is_gone():
            note(_FOLDER_IS_GONE)
        sys.exit(problem.exit_code)
    except Exception as problem:  # noqa: BLE001 - any error is shown without secrets
        known = _known(problem)
        unexpected = f"unexpected {type(problem).__name__}: {problem}; run again with --debug for details."
        said = secrets.traceback(problem) if debug else f"Error: {secrets.redact(known or unexpected)}"
        say(said, err=True)
        sys.exit(ConfigError.exit_code if known else 1)


def _known(problem: Exception) -> str:
    """Return the explanation of an error that is caused by the program's environment; empty for any other error."""
    if isinstance(problem, FileNotFoundError) and _folder_is_gone():
        return _FOLDER_IS_GONE
    if isinstance(problem, UnicodeEncodeError) and problem.encoding == sys.getfilesystemencoding() != "utf-8":
        unfit = problem.object[problem.start : problem.end]
        return f"this locale can't write {unfit} in a file's name; set LC_ALL=C.UTF-8, and run again."
    return ""


def _folder_is_gone() -> bool:
    try:
        Path.cwd()
    except FileNotFoundError:
        return True
    return False
