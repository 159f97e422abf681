"""Render conversations through a chat template, as transformers does."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from deepfabric_core.errors import ConfigError

_NO_JINJA = "Jinja isn't installed, which chat templates need; install it with: pip install jinja2"
# Stand around what a template marks as the assistant's; no text of people's has such characters.
MARKS = ("\ue000\ue001", "\ue001\ue000")
_MARKED = re.compile(f"{MARKS[0]}(.*?){MARKS[1]}", re.DOTALL)
_HAS_MARKS = re.compile(r"\{%-?\+?\s*generation\b")


class TemplateRefusal(Exception):
    """A template can't render a conversation; the message says why, in the template's words."""


class ChatTemplate:
    """A chat template, compiled; it can neither change what it is given nor reach anything else.

    `has_marks` says whether it marks what the assistant says, by `{% generation %}`.

    Args:
        source: its text.
        name: what messages call it.
        variables: what it gets beside messages and tools, such as `bos_token`.
        marks: whether what it marks is wanted, by `render_marked`.

    Raises:
        ConfigError: it is no template, or Jinja isn't installed.
    """

    def __init__(
        self, source: str, name: str, variables: Mapping[str, Any] | None = None, *, marks: bool = False
    ) -> None:
        try:
            from jinja2 import TemplateError, TemplateSyntaxError
        except ImportError as problem:
            raise ConfigError(f"{name}: {_NO_JINJA}") from problem
        from deepfabric_core.export.template_environment import environment

        self.has_marks = bool(_HAS_MARKS.search(source))
        self._variables = {"bos_token": "", "eos_token": "", **(variables or {})}
        try:
            self._template = environment(MARKS if marks else ("", "")).from_string(source)
        except TemplateSyntaxError as problem:
            where = f"{name}, line {problem.lineno}"
            raise ConfigError(f"{where}: it isn't a Jinja template: {str(problem.message).rstrip('.')}.") from problem
        self._errors: tuple[type[Exception], ...] = (TemplateError, TypeError, ValueError, LookupError, AttributeError)

    def render(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] = (), *, asks: bool = False
    ) -> str:
        """Return the text of a conversation; if it `asks`, it ends where the assistant's answer begins.

        Raises:
            TemplateRefusal: the template raises an error.
        """
        try:
            return self._template.render(
                messages=messages, tools=list(tools) or None, add_generation_prompt=asks, **self._variables
            )
        except self._errors as problem:
            raise TemplateRefusal(" ".join(str(problem).split()) or type(problem).__name__) from problem

    def render_marked(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] = (), *, asks: bool = False
    ) -> tuple[str, str]:
        """Return the text of a conversation, and what of it is marked as the assistant's.

        Raises:
            TemplateRefusal: the template raises an error.
        """
        text = self.render(messages, tools, asks=asks)
        return text.replace(MARKS[0], "").replace(MARKS[1], ""), "\n".join(_MARKED.findall(text))
