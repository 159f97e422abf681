"""The secrets that a command comes to know, so that nothing it says holds one."""

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
    """The secrets of the environment, and those of the config once it is read. What it needs is imported when used."""

    @cached_property
    def redact(self) -> Redactor:
        """What hides them."""
        from deepfabric_core.redaction import Redactor, secrets_in_environment

        return Redactor(secrets_in_environment(os.environ))

    def log_to_stderr(self, *, details: bool) -> None:
        """Print what is logged from now on: warnings alone, or every detail."""
        import logging

        from deepfabric_core.llm.log_redaction import RedactingFormatter

        form = logging.Formatter(logging.BASIC_FORMAT if details else None)
        log_to_stderr(RedactingFormatter(self.redact, form), logging.DEBUG if details else logging.WARNING)

    def traceback(self, problem: BaseException) -> str:
        """The traceback of an error and of those behind it."""
        import traceback

        return self.redact("".join(traceback.format_exception(problem)))


def learn_secrets(section: BaseModel) -> None:
    """Let the command at work hide what is secret in its config, or in a part of one."""
    from deepfabric_core.config.secret_keys import secrets_in

    _of_command().redact.learn(secrets_in(section, os.environ))


def log_details() -> None:
    """Print everything that is logged, for `--debug`."""
    _of_command().log_to_stderr(details=True)


def _of_command() -> CommandSecrets:
    context = click.get_current_context(silent=True)
    return (context and context.find_object(CommandSecrets)) or CommandSecrets()
