"""The file of learned limits: what it holds, who may read it, and what becomes of it when something is wrong."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import filelock
import pytest

from deepfabric_core.errors import ConfigError
from deepfabric_core.llm.limits.learned import Learned
from deepfabric_core.llm.limits.learned_file import (
    SALT_VARIABLE,
    Target,
    all_kept,
    endpoint_of,
    is_off,
    keep,
    recall,
    remove,
    salt,
    target_of,
)
from tests import ROOT

KEY = "sk-of-nobody-1234567890"
FIFTY = Learned(50.0, None, 40, 0.2)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own for each test, and limits that are kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("DEEPFABRIC_LEARNED_LIMITS")
    return tmp_path / "deepfabric"


def target(model: str = "m", key: str | None = KEY, address: str = "https://example.com/v1") -> Target:
    return target_of("openai", address, model, key)


def file_of(folder: Path) -> Path:
    return folder / "learned_limits.json"


def holding(folder: Path, content: str) -> None:
    folder.mkdir(exist_ok=True)
    file_of(folder).write_text(content, encoding="utf-8")


def document(folder: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(file_of(folder).read_text(encoding="utf-8"))
    return read


def aged(folder: Path, seconds: float) -> None:
    """Have all that is kept be older."""
    content = document(folder)
    for entry in content["limits"]:
        entry["at"] -= seconds
    holding(folder, json.dumps(content))


def models() -> list[str]:
    return [kept.target.model for kept in all_kept()]


def started(code: str) -> subprocess.Popen[bytes]:
    """Run code in another process, which has the names of this module."""
    names = "import os\nfrom tests.core.llm.limits.test_learned_file import FIFTY, keep, target\n"
    on = "del os.environ['DEEPFABRIC_LEARNED_LIMITS']\n"
    return subprocess.Popen([sys.executable, "-c", names + on + code], env={**os.environ, "PYTHONPATH": str(ROOT)})


def test_what_was_kept_is_recalled_for_the_same_endpoint_model_and_key() -> None:
    keep(target(), FIFTY)
    found = recall(target())
    assert found is not None and found.per_second == pytest.approx(50.0, rel=1e-3)
    assert (found.at_once, found.accepted_at_once, found.delay) == (None, 40, 0.2)


@pytest.mark.parametrize(
    "other",
    [{"model": "n"}, {"key": "sk-of-somebody-else"}, {"key": None}, {"address": "https://example.com/v2"}],
    ids=str,
)
def test_another_model_key_or_endpoint_knows_nothing_of_it(other: dict[str, Any]) -> None:
    keep(target(), FIFTY)
    assert recall(target(**other)) is None


def test_it_is_trusted_less_with_age_and_forgotten_in_the_end(folder: Path) -> None:
    keep(target(), FIFTY)
    aged(folder, 43_200)
    found = recall(target())
    assert found is not None and found.per_second == pytest.approx(40.0, rel=1e-3)
    aged(folder, 3 * 86_400)
    assert recall(target()) is None
    assert models() == []
    keep(target("n"), FIFTY)
    assert [entry["model"] for entry in document(folder)["limits"]] == ["n"], "what is forgotten is not written again"


def test_neither_the_key_nor_what_is_secret_in_the_address_is_in_the_file(folder: Path) -> None:
    secrets = (KEY, "pass-word-1", "query-secret-1", "q9X7zB4mK2vR8tW5nJ3pL6sD")
    address = f"https://me:{secrets[1]}@example.com/{secrets[3]}/v1?api_key={secrets[2]}"
    keep(target(address=address), FIFTY)
    held = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert b"example.com" in held
    assert not [secret for secret in secrets if secret.encode() in held]


def test_other_secrets_in_the_address_are_another_key() -> None:
    first, second = (target(address=f"https://me:{password}@example.com/v1") for password in ("one", "two"))
    assert first.endpoint == second.endpoint == "example.com/v1"
    assert first.key != second.key


def test_no_key_has_no_hash() -> None:
    assert target(key=None).key == ""


def test_each_user_has_hashes_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = target().key
    assert target().key == here
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "of another"))
    assert target().key != here


def test_user_and_query_are_no_part_of_an_endpoint() -> None:
    assert endpoint_of("https://me:password@example.com/v1/?key=1") == "example.com/v1"
    assert endpoint_of("http://[") == "[hidden]"
    assert endpoint_of("") == ""


def test_it_is_for_its_user_alone(folder: Path) -> None:
    keep(target(), FIFTY)
    assert stat.S_IMODE(file_of(folder).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        '"text"',
        "[" * 100_000,
        '{"version": 99, "limits": []}',
        '{"version": 1, "salt": "short", "limits": {"a": 1}}',
        '{"version": 1, "salt": 7, "limits": [1, null, {"at": "now"}, {"at": NaN, "per_second": 1}]}',
        '{"version": 1, "limits": [{"provider": 1, "endpoint": [], "model": {}, "key": null, "at": 1.0}]}',
        "\x00" * 1000,
        " " * (2 << 20),
    ],
    ids=range(12),
)
def test_a_damaged_file_is_ignored_and_replaced(folder: Path, content: str) -> None:
    holding(folder, content)
    assert recall(target()) is None
    assert models() == []
    keep(target(), FIFTY)
    assert recall(target()) is not None


def test_bytes_that_are_no_text_are_ignored_too(folder: Path) -> None:
    folder.mkdir()
    file_of(folder).write_bytes(b"\xff\xfe{}")
    assert recall(target()) is None


def test_damaged_entries_are_left_out_and_the_others_kept(folder: Path) -> None:
    keep(target(), FIFTY)
    content = document(folder)
    content["limits"] += [{"model": "x"}, None, {**content["limits"][0], "model": "y", "per_second": "many"}]
    holding(folder, json.dumps(content))
    assert models() == ["m", "y"]


def test_a_place_that_can_not_be_written_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", Path("/proc"), tmp_path / ("x" * 300)):
        monkeypatch.setenv("XDG_CACHE_HOME", str(place))
        assert target() == target(), "within a process the hash stays the same"
        keep(target(), FIFTY)
        assert recall(target()) is None
        assert remove(None) == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_read_and_not_written(folder: Path) -> None:
    keep(target(), FIFTY)
    folder.chmod(0o500)
    try:
        keep(target("n"), FIFTY)
        assert models() == ["m"]
        with pytest.raises(ConfigError, match="can't be changed: permission denied; delete it instead"):
            remove(None)
    finally:
        folder.chmod(0o700)


def test_a_lock_that_is_held_too_long_costs_an_entry_and_no_more(folder: Path) -> None:
    keep(target(), FIFTY)
    with filelock.FileLock(folder / ".learned_limits.json.lock", thread_local=False):
        began = time.monotonic()
        keep(target("n"), FIFTY)
        assert time.monotonic() - began < 3
        with pytest.raises(ConfigError, match="can't be changed"):
            remove(None)
    assert models() == ["m"]


@pytest.mark.parametrize("is_off", [False, True])
def test_a_process_elsewhere_has_the_same_targets_by_the_salt_of_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_off: bool
) -> None:
    if is_off:
        monkeypatch.setenv("DEEPFABRIC_LEARNED_LIMITS", "off")
    here, own_salt = target(), salt().hex()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    said = f"os._exit(target().key != {here.key!r})"
    assert started(said).wait(60) == 1
    monkeypatch.setenv(SALT_VARIABLE, own_salt)
    assert started(said).wait(60) == 0


def test_processes_that_write_at_the_same_time_lose_none_of_each_others_entries() -> None:
    writers = [started(f"for turn in range(10): keep(target(f'{number}-{{turn}}'), FIFTY)") for number in range(4)]
    assert [writer.wait(60) for writer in writers] == [0] * 4
    assert len(models()) == 40
    assert len({kept.target.key for kept in all_kept()}) == 1, "all of them have one salt"


def test_a_process_that_is_killed_while_it_writes_leaves_a_whole_file_and_no_lock(folder: Path) -> None:
    keep(target(), FIFTY)
    for after in (0.0, 0.01, 0.03):
        writer = started("while True: keep(target('n'), FIFTY)")
        while "n" not in models() and writer.poll() is None:
            time.sleep(0.01)
        time.sleep(after)
        writer.send_signal(signal.SIGKILL)
        assert writer.wait(10) == -signal.SIGKILL
        assert models() == ["m", "n"]
        began = time.monotonic()
        assert remove("n") == 1
        assert time.monotonic() - began < 0.5
    left = {f"{start}learned_limits.json{end}" for start, end in (("", ""), (".", ".lock"), (".", ".tmp"))}
    assert {path.name for path in folder.iterdir()} <= left


def test_no_more_than_five_hundred_are_kept_the_latest_ones(folder: Path) -> None:
    keep(target(), FIFTY)
    content = document(folder)
    content["limits"] = [{**content["limits"][0], "model": str(number)} for number in range(600)]
    holding(folder, json.dumps(content))
    keep(target("latest"), FIFTY)
    assert len(models()) == 500
    assert {"latest", "599"} <= set(models()) and "100" not in models()


@pytest.mark.parametrize(
    ("word", "left"),
    [
        (None, []),
        ("m", ["n"]),
        ("M", ["n"]),
        ("openai/m", ["n"]),
        ("example.com", []),
        ("example.com/v1", []),
        ("https://example.com/v1/", []),
        ("exam", ["m", "n"]),
        ("", ["m", "n"]),
    ],
)
def test_an_endpoint_a_model_or_everything_is_removed(word: str | None, left: list[str]) -> None:
    keep(target(), FIFTY)
    keep(target("n"), FIFTY)
    assert remove(word) == 2 - len(left)
    assert models() == left


def test_where_nothing_is_kept_nothing_is_removed_and_no_file_made(folder: Path) -> None:
    assert remove(None) == 0
    assert not folder.exists()


@pytest.mark.parametrize(("value", "off"), [("off", True), (" OFF ", True), ("0", True), ("", False), ("on", False)])
def test_a_variable_turns_it_off(value: str, off: bool, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("DEEPFABRIC_LEARNED_LIMITS", value)
    assert is_off() == off
    target()
    assert folder.exists() != off, "turned off, not even the salt is made"


def test_entries_come_by_endpoint_and_model() -> None:
    for model, address in (("b", "https://b.com"), ("b", "https://a.com"), ("a", "https://a.com")):
        keep(target(model, address=address), FIFTY)
    found = [(kept.target.endpoint, kept.target.model) for kept in all_kept()]
    assert found == [("a.com", "a"), ("a.com", "b"), ("b.com", "b")]
