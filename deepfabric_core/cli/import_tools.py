"""The `deepfabric import-tools` command."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deepfabric_core.cli.command_secrets import learn_secrets, log_details
from deepfabric_core.cli.output import print_json, say
from deepfabric_core.printable import printable_json
from deepfabric_core.wording import counted

if TYPE_CHECKING:
    from deepfabric_core.chat.tools import Tool
    from deepfabric_core.config.schema import McpServer

_FINE = range(200, 300)
_SHOWN_CHARACTERS = 200
# More than is shown, so that a secret isn't cut in two before it is found.
_LOOKED_AT_BYTES = 1 << 14


@click.command("import-tools")
@click.option("--transport", type=click.Choice(["stdio", "http"]), required=True, help="How the server is reached.")
@click.option("-c", "--command", "command_line", help="Command that starts the server, with --transport stdio.")
@click.option("-e", "--endpoint", help="Address of the server, with --transport http.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="File to write, .yaml or .json; otherwise JSON is printed."
)
@click.option("-s", "--spin", help="Address of a Spin service whose mock component gets the definitions.")
@click.option(
    "--format",
    "style",
    type=click.Choice(["deepfabric", "openai"]),
    default="deepfabric",
    show_default=True,
    help="Format of the definitions. OpenAI's keeps what is inside lists and objects.",
)
@click.option("--env", multiple=True, metavar="K=V", help="Variable for the server that is started; repeatable.")
@click.option("--header", multiple=True, metavar="K=V", help="HTTP header for the server; repeatable.")
@click.option(
    "--timeout",
    type=click.FloatRange(0, 3600, min_open=True),
    default=30.0,
    show_default=True,
    help="Seconds for an answer.",
)
@click.option("--debug", is_flag=True, help="Show tracebacks and log details.")
def command(**values: Any) -> None:
    """Fetch the definitions of an MCP server's tools, for `generation.tools.file` and for training frameworks.

    A value may name a variable of the environment, as in --header 'Authorization=Bearer ${TOKEN}'.
    """
    from deepfabric_core.redaction import without_user
    from deepfabric_core.store.files import replace_file

    output, spin, style = values["output"], values["spin"], values["style"]
    if output is not None and output.suffix not in {".json", ".yaml", ".yml"}:
        raise click.UsageError(f"--output: {output} ends neither in .yaml nor in .json.")
    if values["debug"]:
        log_details()
    settings = _settings(values)
    learn_secrets(settings)
    definitions, tools = _fetch(settings)
    if spin:
        asyncio.run(_push(spin, definitions, settings.timeout))
        say(f"{without_user(spin)} has loaded {_count(tools)}.", err=True)
    if output is not None:
        replace_file(output, [_text(_document(tools, style), yaml=output.suffix != ".json").encode()])
        say(f"{output} has the definitions of {_count(tools)}.", err=True)
    elif not spin:
        print_json(_document(tools, style))


def _count(tools: tuple[Tool, ...]) -> str:
    return counted(len(tools), "tool")


def _settings(values: dict[str, Any]) -> McpServer:
    from deepfabric_core.config.schema import McpServer

    env, headers = _pairs("--env", values["env"]), _pairs("--header", values["header"])
    if values["transport"] == "stdio":
        _only("stdio", "-c COMMAND", values["command_line"], {"-e": values["endpoint"], "--header": headers})
        program, *args = _split(values["command_line"])
        return McpServer(command=program, args=args, env=env, timeout=values["timeout"])
    _only("http", "-e ENDPOINT", values["endpoint"], {"-c": values["command_line"], "--env": env})
    try:
        return McpServer(url=values["endpoint"], headers=headers, timeout=values["timeout"])
    except ValueError as problem:
        raise click.UsageError("--endpoint: an address begins with http:// or https:// and has a host.") from problem


def _only(transport: str, needed: str, given: object, others: dict[str, object]) -> None:
    if not given:
        raise click.UsageError(f"--transport {transport} needs {needed}.")
    for flag, value in others.items():
        if value:
            raise click.UsageError(f"{flag} has no meaning with --transport {transport}; leave it out.")


def _split(text: str) -> list[str]:
    try:
        words = shlex.split(text)
    except ValueError as problem:
        raise click.UsageError(f"--command: {str(problem).lower()}.") from problem
    if not words:
        raise click.UsageError("--command: it names no program.")
    return words


def _pairs(flag: str, given: tuple[str, ...]) -> dict[str, str]:
    """Return the key-value pairs of a repeatable flag. Errors show no value, since it may be secret."""
    pairs = [text.partition("=") for text in given]
    for number, (key, equals, _) in enumerate(pairs, 1):
        if not key.strip() or not equals:
            raise click.UsageError(f"{flag} number {number} isn't of the form K=V.")
    return {key.strip(): value for key, _, value in pairs}


def _fetch(settings: McpServer) -> tuple[list[dict[str, Any]], tuple[Tool, ...]]:
    import os

    from deepfabric_core.errors import ConfigError, DeepFabricError
    from deepfabric_core.tools.mcp.connection import Unreachable, fetch_definitions
    from deepfabric_core.tools.mcp.executor import target, wanted

    server = target(settings, "import-tools", os.environ)
    try:
        definitions = asyncio.run(fetch_definitions(server))
        return definitions, wanted(definitions, (), server.shown)
    except Unreachable as problem:
        raise DeepFabricError(f"{problem}.") from problem
    except ConfigError as problem:  # the server's mistake, not the user's
        raise DeepFabricError(str(problem)) from problem


def _document(tools: tuple[Tool, ...], style: str) -> dict[str, Any]:
    from deepfabric_core.tools.definitions import as_deepfabric

    return {"tools": [tool.as_openai() if style == "openai" else as_deepfabric(tool) for tool in tools]}


def _text(document: dict[str, Any], *, yaml: bool) -> str:
    if not yaml:
        return printable_json(document) + "\n"
    from yaml import safe_dump

    return safe_dump(document, sort_keys=False, allow_unicode=True)


async def _push(spin: str, definitions: list[dict[str, Any]], seconds: float) -> None:
    """Send the definitions, in MCP's format, to the mock component of a Spin service."""
    import aiohttp

    from deepfabric_core.config.secret_values import Holds, secrets_of
    from deepfabric_core.errors import DeepFabricError
    from deepfabric_core.redaction import Redactor, without_user

    address = f"{spin.rstrip('/')}/mock/load-schema"
    shown, redact = without_user(address), Redactor(secrets_of(spin, Holds.ADDRESS))
    try:
        async with (
            aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(seconds), headers={"Accept-Encoding": "identity"}, auto_decompress=False
            ) as session,
            session.post(address, json={"tools": definitions}, allow_redirects=False) as answer,
        ):
            status, raw = answer.status, await answer.content.read(_LOOKED_AT_BYTES)
    except (aiohttp.ClientError, TimeoutError, ValueError) as problem:
        said = redact(str(problem)) or "no answer in time"
        raise DeepFabricError(f"{shown} can't be reached ({said}); check --spin, and that it runs.") from problem
    if status not in _FINE:
        said = redact(raw.decode(errors="replace"))[:_SHOWN_CHARACTERS]
        raise DeepFabricError(f"{shown} answered HTTP {status} ({said}); check that --spin is a Spin service.")
