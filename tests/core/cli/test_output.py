"""Nothing that a terminal obeys reaches it from a model, a server, a file or a command line, whoever prints it."""

from __future__ import annotations

import ast
import fcntl
import itertools
import json
import os
import pty
import re
import select
import shlex
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import deepfabric_core
from deepfabric_core.printable import printable_json, printable_text
from tests import ROOT
from tests.answers import HOLE, Json, schema_of, skeleton
from tests.core.conftest import local_llm, write_config
from tests.provider import Faults, LocalProvider

# The clipboard, the title, a cursor that jumps, an 8-bit escape, writing backwards, invisible tags, and a mark to find.
HOSTILE = "\x1b]52;c;aGVsbG8h\x07\x1b]0;title\x07\x1b[98;99H\x9b31m\u202e\U000e0041\x7f\rplanted"
DRAWING = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u206f\ud800-\udfff\U000e0000-\U000e007f]")

Show = Callable[..., str]


def piped(place: Path, *arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "deepfabric_core", *arguments],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
        check=False,
    )
    return done.stdout.decode()


def on_a_terminal(place: Path, *arguments: str, **environment: str) -> str:
    """What reaches the terminal, without the sequences that a screen draws with."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "deepfabric_core", *arguments],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", **environment},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    raw, deadline = b"", time.monotonic() + 60
    while time.monotonic() < deadline:
        if not select.select([ours], [], [], 0.05)[0]:
            continue
        try:
            piece = os.read(ours, 65536)
        except OSError:  # Linux says so when the other side has closed
            break
        raw += piece
    process.wait(timeout=10)
    os.close(ours)
    text = raw.decode()
    assert "\x1b[98;99H" not in text
    return DRAWING.sub("", text).replace("\r", "")


def showing(place: Path, run: Callable[..., str]) -> Show:
    """How to run a command and have what it printed, which holds the mark and nothing unfit."""

    def show(*arguments: str, **environment: str) -> str:
        text = run(place, *arguments, **environment)
        assert not UNFIT.search(text), ascii(text)
        assert "planted" in text, text
        assert "unexpected" not in text, text
        return text

    return show


@pytest.fixture
def shown(place: Path) -> Show:
    """On a pipe."""
    return showing(place, piped)


@pytest.fixture(params=[piped, on_a_terminal])
def shown_anywhere(request: pytest.FixtureRequest, place: Path) -> Show:
    """On a pipe, and on a terminal, where a screen may draw."""
    return showing(place, request.param)


# ---- configs and the words of a command line


@pytest.mark.parametrize(
    "sections",
    [
        {HOSTILE: {"a": 1}, "topics": {HOSTILE: 1, "mode": HOSTILE}},
        {"llm": {"provider": HOSTILE}},
        {"llm": {"model": HOSTILE}, "output": {"save_as": f"{HOSTILE}.jsonl"}},
        {"generation": {"tools": {"mcp": {HOSTILE: {HOSTILE: HOSTILE}}}}},
    ],
)
def test_the_keys_and_values_of_a_config(place: Path, shown: Show, sections: dict[str, Any]) -> None:
    shown("validate", write_config(place, **sections))


def test_the_words_of_a_command_line(shown: Show) -> None:
    shown("generate", f"--{HOSTILE}")
    shown("generate", "--depth", HOSTILE)
    shown("generate", f"{HOSTILE}.yaml")
    shown(HOSTILE)
    shown("replay", HOSTILE, HOSTILE)
    shown("visualize", HOSTILE, "-o", f"{HOSTILE}.nope")
    shown("init", f"{HOSTILE}/{HOSTILE}.yaml")


def test_the_environment(place: Path, shown: Show) -> None:
    config = write_config(place)
    data = str(place / HOSTILE)
    shown("info", XDG_DATA_HOME=data)
    shown("checkpoint-status", config, XDG_DATA_HOME=data)


# ---- topics and datasets of others


def test_a_topics_file(place: Path, shown: Show) -> None:
    file, path = f"{HOSTILE}.jsonl", [HOSTILE, f"{HOSTILE} 1", f"{HOSTILE} \ud800 2"]
    (place / file).write_text(json.dumps({"path": path}) + "\n", encoding="utf-8")
    shown("topic", "inspect", file)
    shown("topic", "inspect", file, "--all", "--uuid")
    shown("topic", "inspect", file, "--all", "--format", "table", "--uuid")
    shown("topic", "inspect", file, "--all", "--format", "json", "--uuid")
    shown("topic", "prune", file, "--level", "1")
    shown("topic", "prune", file, "--level", "1", "--json")
    shown("visualize", file)


@pytest.mark.parametrize("style", ["svg", "html", "mermaid"])
def test_a_picture_is_the_same_on_a_pipe_as_in_a_file(place: Path, shown: Show, style: str) -> None:
    path = [HOSTILE, f"{HOSTILE} 1", "é世界🧵"]
    (place / "topics.jsonl").write_text(json.dumps({"path": path}) + "\n", encoding="utf-8")
    text = shown("visualize", "topics.jsonl", "--format", style)
    shown("visualize", "topics.jsonl", "--format", style, "-o", "planted")
    assert (place / "planted").read_text(encoding="utf-8") == text


def test_json_is_whole_and_says_exactly_what_the_file_does(place: Path) -> None:
    path = [HOSTILE, f"{HOSTILE} 1", "é世界🧵\ud800"]
    (place / "topics.jsonl").write_text(json.dumps({"path": path}) + "\n", encoding="utf-8")
    for encoding in ("utf-8", "ascii", "latin-1"):
        text = piped(place, "topic", "inspect", "topics.jsonl", "--all", "--format", "json", PYTHONIOENCODING=encoding)
        assert json.loads(text)["topics"][-1]["path"] == path, encoding


def test_the_tools_and_the_content_of_a_dataset(place: Path, shown: Show) -> None:
    function = {"name": HOSTILE, "arguments": json.dumps({HOSTILE: HOSTILE}, ensure_ascii=False)}
    messages = [
        {"role": "user", "content": HOSTILE},
        {"role": "assistant", "content": HOSTILE, "tool_calls": [{"id": HOSTILE, "function": function}]},
        {"role": "tool", "content": HOSTILE, "tool_call_id": HOSTILE},
        {"role": "assistant", "content": HOSTILE},
    ]
    tools = [{"type": "function", "function": {"name": HOSTILE, "description": HOSTILE, "parameters": {}}}]
    lines = [json.dumps({"messages": messages, "tools": kept}) for kept in (tools, [])]
    (place / "data.jsonl").write_text("\n".join(lines), encoding="utf-8")
    shown("replay", "data.jsonl", write_config(place, generation={"tools": {"max_per_query": 4}}))


# ---- models and servers


_numbers = itertools.count()


def hostile_reply(body: Json) -> str:
    """What was asked for, each string of it hostile and its own."""
    schema = schema_of(body)
    if schema is None:
        return f"{HOSTILE} {next(_numbers)}"
    text = skeleton(schema, 3, terse=False)
    return HOLE.sub(lambda _: json.dumps(f"{HOSTILE} {next(_numbers)}")[1:-1], text)


@pytest.mark.parametrize("flags", [(), ("--tui", "simple"), ("--debug",)])
def test_a_models_replies(place: Path, shown_anywhere: Show, flags: tuple[str, ...]) -> None:
    with LocalProvider(Faults(), reply=hostile_reply) as provider:
        shown_anywhere("generate", write_config(place, llm=local_llm(provider), topics={"prompt": HOSTILE}), *flags)


@pytest.mark.parametrize("flags", [(), ("--debug",)])
@pytest.mark.parametrize("status", [400, 500])
def test_a_providers_error(
    place: Path, shown_anywhere: Show, provider: LocalProvider, flags: tuple[str, ...], status: int
) -> None:
    provider.faults = Faults(status=status, error_message=f"{HOSTILE} refused")
    limit = {"max_retries": 1, "rate_limit": {"base_delay": 0.01}}
    config = write_config(place, llm=local_llm(provider), generation=limit, topics={"depth": 1})
    shown_anywhere("generate", config, *flags)


NAMING = """
import json, sys
hostile = sys.argv[1]
sys.stderr.write(hostile + "\\n")
for line in sys.stdin:
    asked = json.loads(line)
    if asked["method"] == "tools/list":
        tools = [{"name": hostile, "description": hostile, "inputSchema": {"type": "object"}}]
        result = {"tools": [{**tool, "name": sys.argv[2]} for tool in tools]}
    else:
        result = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}}
        result["serverInfo"] = {"name": hostile, "version": hostile}
    if "id" in asked:
        print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}), flush=True)
"""
LAST_WORDS = "import sys; sys.stderr.write(sys.argv[1] + chr(10)); sys.exit(3)"


def test_an_mcp_servers_name_and_its_tools(shown: Show) -> None:
    for name in ("look_up", HOSTILE):
        command = shlex.join([sys.executable, "-c", NAMING, HOSTILE, name])
        shown("import-tools", "--transport", "stdio", "-c", command, "--debug")


def test_an_mcp_servers_last_words(place: Path, shown_anywhere: Show) -> None:
    command = shlex.join([sys.executable, "-c", LAST_WORDS, HOSTILE])
    shown_anywhere("import-tools", "--transport", "stdio", "-c", command, "--debug")
    server = {"command": sys.executable, "args": ["-c", LAST_WORDS, HOSTILE]}
    tools = {"mcp": {"a": server}}
    shown_anywhere("generate", write_config(place, generation={"tools": tools}))


def test_import_tools_prints_json_that_says_exactly_what_the_server_does(place: Path) -> None:
    command = shlex.join([sys.executable, "-c", NAMING, HOSTILE, "look_up"])
    done = subprocess.run(
        [sys.executable, "-m", "deepfabric_core", "import-tools", "--transport", "stdio", "-c", command],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=True,
    )
    assert not UNFIT.search(done.stdout.decode())
    [tool] = json.loads(done.stdout)["tools"]
    assert tool["description"] == HOSTILE


# ---- whoever else prints

ELSEWHERE = {
    "a print": "print(hostile)",
    "an error": "print(hostile, file=sys.stderr)",
    "a warning": "import warnings; warnings.warn(hostile)",
    "a log": "import logging; logging.getLogger('x').error(hostile)",
    "a debug log": "from deepfabric_core.cli.command_secrets import log_details; log_details(); import logging; "
    "logging.debug(hostile)",
    "a traceback": "raise ValueError(hostile)",
    "a thread": "import threading; threading.Thread(target=lambda: 1 / len(hostile[:0]), name=hostile).start()",
    "click": "import click; click.echo(hostile); click.secho(hostile, err=True)",
}


def test_whoever_prints_it() -> None:
    for way, words in ELSEWHERE.items():
        code = f"import sys; from deepfabric_core.cli.output import *; make_streams_safe(); hostile = {HOSTILE!a}\n"
        done = subprocess.run([sys.executable, "-c", code + words], cwd=ROOT, capture_output=True, check=False)
        text = (done.stdout + done.stderr).decode()
        assert "planted" in text, way
        assert not UNFIT.search(text), (way, ascii(text))


def test_only_one_module_prints() -> None:
    """So there is one place that cleans; logging and warnings come out there as well."""
    folder = Path(deepfabric_core.__file__).parent
    assert {
        str(path.relative_to(folder))
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and _prints(ast.unparse(node.func))
    } == {"cli/output.py"}


def _prints(function: str) -> bool:
    python = r"print|(pprint\.)?pprint|sys\.(__)?std(out|err).*\.write|logging\.basicConfig|traceback\.print_\w+"
    click = r"click\.(echo|secho|prompt|confirm|pause|progressbar|echo_via_pager)"
    return bool(re.fullmatch(f"{python}|{click}", function))


@given(st.text(st.characters()))
def test_a_text_keeps_its_lines_and_loses_what_a_terminal_obeys(text: str) -> None:
    clean = printable_text(text)
    assert not UNFIT.search(clean)
    assert clean.count("\n") == text.count("\n")
    assert printable_text(clean) == clean
    if not UNFIT.search(text) and not re.search("[\u2028\u2029]", text):
        assert clean == text


@given(st.recursive(st.text(st.characters()), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_a_document_is_the_same_when_it_is_read_back_and_holds_nothing_unfit(document: Any) -> None:
    for encoding in ("utf-8", "ascii", "latin-1"):
        text = printable_json(document, encoding)
        assert not UNFIT.search(text)
        assert json.loads(text.encode(encoding).decode(encoding)) == json.loads(json.dumps(document))
