"""The secrets that a command knows, which are removed from everything it prints."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING

import click

from deepfabric_core.cli.output import log_to_stderr

if TYPE_CHECKING:
    from pydantic import BaseModel

    from deepfabric_core.redaction import Redactor


class CommandSecrets:
    """The secrets of the environment, and of the config once it is read. Modules are imported when they are needed."""

    @cached_property
    def redact(self) -> Redactor:
        """A function that removes the secrets from a text."""
        from deepfabric_core.redaction import Redactor, secrets_in_environment

        return Redactor(secrets_in_environment(os.environ))

    def log_to_stderr(self, *, details: bool) -> None:
        """Print log lines from now on: warnings only, or all details."""
        import logging

        from deepfabric_core.llm.log_redaction import RedactingFormatter

        form = logging.Formatter(logging.BASIC_FORMAT if details else None)
        log_to_stderr(RedactingFormatter(self.redact, form), logging.DEBUG if details else logging.WARNING)

    def traceback(self, problem: BaseException) -> str:
        """Return the traceback of an error and of its causes, without secrets."""
        import traceback

        return self.redact("".join(traceback.format_exception(problem)))


def learn_secrets(section: BaseModel) -> None:
    """Make the running command hide the secrets of its config or of a section."""
    from deepfabric_core.config.secret_keys import secrets_in

    _of_command().redact.learn(secrets_in(section, os.environ))


def log_details() -> None:
    """Print all log lines, for `--debug`."""
    _of_command().log_to_stderr(details=True)


def _of_command() -> CommandSecrets:
    context = click.get_current_context(silent=True)
    return (context and context.find_object(CommandSecrets)) or CommandSecrets()
