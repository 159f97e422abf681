"""The built-in tools: a plain dict within limits, a set of files for each sample, and nothing on the disk."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepfabric_core.chat.tools import ToolResult, arguments_of
from deepfabric_core.errors import ConfigError
from deepfabric_core.tools.definitions import tool_from
from deepfabric_core.tools.executor import ToolSession
from deepfabric_core.tools.virtual_files import BUILT_IN, FILE_BYTES, SESSION_BYTES, SESSION_FILES, VirtualFiles

SEED = {"main.py": "print('hello')\n", "./src//a.txt": "é"}
MIB = 1 << 20


def done(call: Coroutine[Any, Any, ToolResult]) -> ToolResult:
    """The result of a call, which never waits for anything."""
    with pytest.raises(StopIteration) as ended:
        call.send(None)
    result: ToolResult = ended.value.value
    return result


def use(session: ToolSession, name: str, **arguments: Any) -> ToolResult:
    result = done(session.call(name, arguments))
    json.dumps(result.content, ensure_ascii=False).encode()  # whatever happens, it can be recorded
    return result


def started(files: Mapping[str, str] = SEED) -> ToolSession:
    return VirtualFiles(files).session("key")


def listed(session: ToolSession) -> list[str]:
    paths: list[str] = json.loads(use(session, "list_files").content)
    return paths


# ---- what the tools are


def test_the_four_tools_are_as_deepfabric_defines_them() -> None:
    tools = VirtualFiles({}).tools
    assert [tool.name for tool in tools] == ["read_file", "write_file", "list_files", "delete_file"]
    described = {"type": "string", "description": "Path to the file to read"}
    schema = {"type": "object", "properties": {"file_path": described}, "required": ["file_path"]}
    assert tools[0].as_openai()["function"] == {
        "name": "read_file",
        "description": "Read content from a file",
        "parameters": schema,
    }
    assert arguments_of(BUILT_IN["list_files"], "") == {}
    assert all(tool_from(tool.as_openai(), where="here").parameters == tool.parameters for tool in tools)


def test_some_of_them_may_be_on_offer_in_their_usual_order() -> None:
    some = VirtualFiles(SEED, ["list_files", "read_file"])
    assert [tool.name for tool in some.tools] == ["read_file", "list_files"]
    refused = use(some.session("key"), "delete_file", file_path="main.py")
    assert refused.error == "InvalidArguments" and "there are read_file, list_files" in refused.content


def test_a_tool_that_is_not_built_in_is_a_mistake_in_the_config() -> None:
    with pytest.raises(
        ConfigError, match=r"components.builtin: there is no built-in tool move_file; there are read_file"
    ):
        VirtualFiles({}, ["read_file", "move_file"])


# ---- what they do


def test_a_session_begins_with_the_scenario_and_each_path_has_one_spelling() -> None:
    session = started()
    assert use(session, "list_files") == ToolResult('["main.py", "src/a.txt"]')
    for path in ("src/a.txt", "./src/./a.txt", "src//a.txt/"):
        assert use(session, "read_file", file_path=path) == ToolResult("é")


def test_a_file_is_written_read_overwritten_and_deleted() -> None:
    session = started({})
    assert use(session, "write_file", file_path="a", content="é") == ToolResult("Wrote 2 bytes to a")
    assert use(session, "write_file", file_path="./a", content="new") == ToolResult("Wrote 3 bytes to a")
    assert use(session, "read_file", file_path="a").content == "new"
    assert use(session, "delete_file", file_path="a") == ToolResult("Deleted a")
    assert listed(session) == []


def test_a_file_that_is_not_there_is_a_result_that_tells_how_to_go_on() -> None:
    missing = ToolResult("FileNotFound: no file 'x'; list_files shows what there is", "FileNotFound")
    session = started()
    assert use(session, "read_file", file_path="x") == use(session, "delete_file", file_path="./x") == missing
    assert use(session, "delete_file", file_path="main.py").error == ""
    assert use(session, "read_file", file_path="main.py").error == "FileNotFound"
    alone = VirtualFiles({}, ["read_file"]).session("key")
    assert use(alone, "read_file", file_path="x").content == "FileNotFound: no file 'x'"


def test_sessions_share_the_scenario_and_no_change() -> None:
    files = VirtualFiles(SEED)
    one, other = files.session("key"), files.session("key")
    use(one, "write_file", file_path="main.py", content="changed")
    use(one, "delete_file", file_path="src/a.txt")
    assert listed(one) == ["main.py"] and listed(other) == ["main.py", "src/a.txt"]
    assert use(other, "read_file", file_path="main.py").content == SEED["main.py"]
    asyncio.run(one.close())
    assert listed(one) == listed(other)
    asyncio.run(files.close())


PATHS = st.sampled_from(
    ["a", "./a", "b/c", "b//c", "seed", "", "/a", "../a", "b/../a", ".", "x" * 256, "a\0", "\ud800"]
)
CONTENTS = st.one_of(st.text(max_size=5), st.sampled_from(["\ud800", "\0\x1b\r\n\u2028", "x" * (MIB + 1)]))
ASKED: st.SearchStrategy[tuple[str, dict[str, str]]] = st.one_of(
    st.tuples(st.just("read_file"), st.fixed_dictionaries({"file_path": PATHS})),
    st.tuples(st.just("delete_file"), st.fixed_dictionaries({"file_path": PATHS})),
    st.tuples(st.just("list_files"), st.just({})),
    st.tuples(st.just("write_file"), st.fixed_dictionaries({"file_path": PATHS, "content": CONTENTS})),
)
SAME = {"a": "a", "./a": "a", "b/c": "b/c", "b//c": "b/c", "seed": "seed"}


def expected(model: dict[str, str], name: str, arguments: Mapping[str, str]) -> str:
    """Carry out a call on a plain dict; answers what is read or listed, or the error's name."""
    if name == "list_files":
        return json.dumps(sorted(model))
    path, content = SAME.get(arguments["file_path"]), arguments.get("content", "")
    if path is None or "\ud800" in content:
        return "InvalidArguments"
    if len(content) > MIB:
        return "IOError"
    if name == "write_file":
        model[path] = content
    elif path not in model:
        return "FileNotFound"
    return "" if name == "write_file" else model[path] if name == "read_file" else model.pop(path) and ""


@settings(max_examples=200)
@given(st.lists(ASKED, max_size=20))
def test_any_sequence_of_calls_does_what_it_would_do_to_a_dict(asked: list[tuple[str, dict[str, str]]]) -> None:
    model, session = {"seed": "s"}, started({"seed": "s"})
    for name, arguments in asked:
        wanted, result = expected(model, name, arguments), use(session, name, **arguments)
        told = result.error or ("" if name in ("write_file", "delete_file") else result.content)
        assert told == wanted
    assert {path: use(session, "read_file", file_path=path).content for path in listed(session)} == model


# ---- what they refuse


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("../../etc/passwd", "leads out by `..`"),
        ("a/../b", "leads out by `..`"),
        ("..", "leads out by `..`"),
        ("/etc/passwd", "is absolute"),
        ("//x", "is absolute"),
        ("", "names no file"),
        ("././/", "names no file"),
        ("a\0b", "characters that no path may have"),
        ("a\udc80", "characters that no path may have"),
        ("x" * 256, "is too long"),
        ("x/" * 513, "is too long"),
        ("x" * 10_000_000, "is too long"),
    ],
)
def test_a_path_that_leads_out_or_is_none_is_refused_by_every_tool(path: str, said: str) -> None:
    session = started()
    for name, others in (("read_file", {}), ("delete_file", {}), ("write_file", {"content": "x"})):
        refused = use(session, name, file_path=path, **others)
        assert refused.error == "InvalidArguments" and said in refused.content
        assert len(refused.content) < 600
    assert listed(session) == ["main.py", "src/a.txt"]


def test_paths_may_be_long_and_hold_any_letters() -> None:
    session = started({})
    for path in ("x" * 255, "/".join(["x" * 100] * 10), "日本/é e\n.txt", "...", "a..b", "C:\\x"):
        use(session, "write_file", file_path=path, content="x")
        assert path in listed(session)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("read_file", {}),
        ("read_file", {"file_path": 1}),
        ("read_file", {"file_path": "main.py", "encoding": "utf-8"}),
        ("write_file", {"file_path": "a", "content": {"b": 1}}),
        ("list_files", {"path": "."}),
        ("chmod", {}),
    ],
)
def test_arguments_that_do_not_fit_are_an_error_and_no_exception(name: str, arguments: dict[str, Any]) -> None:
    assert use(started(), name, **arguments).error == "InvalidArguments"


def test_a_file_may_hold_one_mebibyte_of_utf_8_and_no_more() -> None:
    session = started({})
    for content in ("x" * FILE_BYTES, "é" * (FILE_BYTES // 2)):
        assert use(session, "write_file", file_path="a", content=content).error == ""
        refused = use(session, "write_file", file_path="a", content=content + "x")
        assert refused == ToolResult("IOError: the file is too large: it may hold 1048576 bytes", "IOError")
        assert use(session, "read_file", file_path="a").content == content


def test_a_write_of_a_gigabyte_is_refused_without_a_copy_of_it() -> None:
    session, content = started({}), "x" * (1 << 30)
    tracemalloc.start()
    refused = done(session.call("write_file", {"file_path": "a", "content": content}))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert refused.error == "IOError" and peak < MIB
    assert listed(session) == []


def test_ten_thousand_files_stop_at_the_limit_and_a_deleted_one_makes_room() -> None:
    session = started()
    errors = [use(session, "write_file", file_path=f"f{number}", content="").error for number in range(10_000)]
    assert errors == [""] * (SESSION_FILES - len(SEED)) + ["IOError"] * (10_000 - SESSION_FILES + len(SEED))
    assert len(listed(session)) == SESSION_FILES
    assert use(session, "write_file", file_path="f1", content="an old one may change").error == ""
    use(session, "delete_file", file_path="main.py")
    assert use(session, "write_file", file_path="new", content="").error == ""
    assert "there may be 1000 files" in use(session, "write_file", file_path="more", content="").content


def test_all_files_together_have_a_limit_that_counts_what_is_there_now() -> None:
    session = started({"seed": "x" * MIB})
    for number in range(SESSION_BYTES // MIB - 1):
        assert use(session, "write_file", file_path=f"f{number}", content="x" * MIB).error == ""
    assert "no space left" in use(session, "write_file", file_path="more", content="x").content
    assert use(session, "write_file", file_path="seed", content="x" * (MIB - 1)).error == ""
    assert use(session, "write_file", file_path="more", content="x").error == ""
    use(session, "delete_file", file_path="f0")
    assert use(session, "write_file", file_path="f0", content="x" * MIB).error == ""
    assert use(session, "write_file", file_path="f0", content="").error == ""


def test_binary_content_is_kept_and_half_a_character_is_refused() -> None:
    session = started({})
    binary = "".join(map(chr, range(256))) + "\ufeff\ufffe\u2028\U0010ffff"
    use(session, "write_file", file_path="a", content=binary)
    assert use(session, "read_file", file_path="a").content == binary
    refused = use(session, "write_file", file_path="a", content="\ud800")
    assert refused.error == "InvalidArguments" and "half a character" in refused.content
    assert use(session, "read_file", file_path="a").content == binary


def test_a_session_holds_no_more_than_it_changed() -> None:
    files = VirtualFiles({f"f{number}": "x" * MIB for number in range(15)})
    tracemalloc.start()
    sessions = [files.session(str(number)) for number in range(200)]
    for session in sessions:
        done(session.call("write_file", {"file_path": "own", "content": "x"}))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * MIB


# ---- the scenario


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"/abs": ""}, "'/abs': InvalidArguments: the path '/abs' is absolute"),
        ({"a/b": "", "a//b": ""}, "another file there has the same path 'a/b'"),
        ({"a": "x" * (MIB + 1)}, "'a': IOError: the file is too large"),
        ({f"f{number}": "x" * MIB for number in range(17)}, "17 files of 17825792 bytes are too much"),
        ({f"f{number}": "" for number in range(1001)}, "1001 files of 0 bytes are too much"),
    ],
)
def test_a_scenario_beyond_the_limits_is_a_mistake_in_the_config(files: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=f"scenario_seed.files.*{said}"):
        VirtualFiles(files)


def test_what_yaml_makes_of_an_escaped_emoji_is_put_together() -> None:
    session = started({"a": "\ud83d\ude00 \ud800"})
    assert use(session, "read_file", file_path="a").content == "😀 \N{REPLACEMENT CHARACTER}"


# ---- the disk


def test_nothing_is_ever_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "real").write_text("real", encoding="utf-8")
    session = started()
    for path in ("a", "b/c", "../out", f"{tmp_path}/abs", "real", "~/x", "$HOME/x"):
        use(session, "write_file", file_path=path, content="virtual")
        use(session, "delete_file", file_path=path)
    assert use(session, "read_file", file_path="real").error == "FileNotFound"
    assert [path.name for path in tmp_path.iterdir()] == ["real"]
    assert (tmp_path / "real").read_text(encoding="utf-8") == "real"
    assert not (tmp_path.parent / "out").exists()
