"""The Jinja environment of chat templates: sandboxed, with what transformers offers to them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from jinja2 import TemplateError, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

# Stand around what the assistant says where a template marks it; no text of people's has such characters.
MARK_BEGIN, MARK_END = "\ue000\ue001", "\ue001\ue000"


class Generation(Extension):
    """The block `{% generation %}`, which marks what a model learns."""

    tags = {"generation"}  # noqa: RUF012 - the name and type are Jinja's

    def parse(self, parser: Parser) -> nodes.Node:
        """Read the block."""
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_marked"), [], [], body).set_lineno(line)

    def _marked(self, caller: Callable[[], str]) -> str:
        text = caller()
        return f"{MARK_BEGIN}{text}{MARK_END}" if self.environment.globals["mark_generation"] else text


def environment(*, mark_generation: bool = False) -> ImmutableSandboxedEnvironment:
    """Return the environment; if asked to, it marks what stands in `{% generation %}` blocks."""
    found = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols], autoescape=False
    )
    found.filters["tojson"] = _tojson
    found.globals.update(raise_exception=_refuse, strftime_now=_now, mark_generation=mark_generation)
    return found


def _tojson(value: Any, indent: int | None = None, **more: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent, **more)


def _refuse(message: str) -> None:
    raise TemplateError(message)


def _now(form: str) -> str:
    return datetime.now(UTC).strftime(form)
