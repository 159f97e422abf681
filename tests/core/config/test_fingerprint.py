"""A checkpoint knows what decides the data, and no secret: tokens may change, and earlier versions are understood."""

from __future__ import annotations

import json
import multiprocessing
import stat
from pathlib import Path
from typing import Any

import pytest

from deepfabric_core import ConfigError, load
from deepfabric_core.config.fingerprint import (
    Fingerprint,
    changed,
    fingerprint,
    without_secrets,
)
from deepfabric_core.config.schema import Config
from deepfabric_core.run.checkpoint.registry import job_again, job_to_look_at, kept_runs, record
from deepfabric_core.run.checkpoint.reuse import with_reuse
from deepfabric_core.run.checkpoint.status import checkpoint_status
from deepfabric_core.run.job import Job, resume_command
from deepfabric_core.store.checkpoint_files import CheckpointFiles, Metadata, read_metadata, write_metadata
from deepfabric_core.store.keyed_hash import key_file, keyed_hash
from tests.core.conftest import place
from tests.planted import files_below, found, planted

__all__ = ["place"]

SECRETS = planted("env", "header", "flag", "word", "password", "query", "prompt")
SERVER: dict[str, Any] = {"command": "serve", "args": ["--db", SECRETS["word"], "--token", SECRETS["flag"]]}


def config(server: dict[str, Any] | None = None, **tools: Any) -> Config:
    mcp = {"here": {**SERVER, "env": {"TOKEN": SECRETS["env"]}, **(server or {})}}
    return Config.model_validate(
        {
            "topics": {"prompt": "Tea"},
            "generation": {"system_prompt": f"Bearer {SECRETS['prompt']}", "tools": {"mcp": mcp, **tools}},
            "output": {"save_as": "tea.jsonl"},
        }
    )


def plain(config: Config) -> Fingerprint:
    """As versions before this one wrote it: every value as it stands in the config."""

    def leaves(value: Any, key: str) -> Any:
        if isinstance(value, dict) and value:
            return {k: v for name, part in value.items() for k, v in leaves(part, f"{key}.{name}".strip(".")).items()}
        return {key: json.dumps(value, sort_keys=True, ensure_ascii=False)}

    known: Fingerprint = {}
    keys = fingerprint(config, keyed_hash)
    known.update((key, value) for key, value in leaves(config.model_dump(mode="json"), "").items() if key in keys)
    return known


def differing(before: Config, now: Config) -> list[str]:
    return changed(fingerprint(before, keyed_hash), fingerprint(now, keyed_hash))


HERE = "generation.tools.mcp.here"


@pytest.mark.parametrize(
    ("server", "keys"),
    [
        ({"env": {"TOKEN": "another-one"}}, []),
        ({"env": {"OTHER": "another-one"}}, [f"{HERE}.env.OTHER", f"{HERE}.env.TOKEN"]),
        ({"args": ["--db", SECRETS["word"], "--token", "another-one"]}, []),
        ({"args": ["--db", "another-one", "--token", SECRETS["flag"]]}, [f"{HERE}.args"]),
        ({"command": "another-one"}, [f"{HERE}.command"]),
    ],
)
def test_a_token_may_be_exchanged_and_what_decides_the_data_may_not(
    place: Path, server: dict[str, Any], keys: list[str]
) -> None:
    assert differing(config(), config(server)) == keys


@pytest.mark.parametrize(
    ("address", "same"),
    [
        ("http://me:other@host/tools?key=other&db=a", True),
        ("http://host/tools?key=&db=a", True),
        ("http://me:pw@elsewhere/tools?key=k&db=a", False),
        ("http://me:pw@host/tools?key=k&db=b", False),
    ],
)
def test_of_an_address_host_path_and_what_is_no_secret_in_the_query_decide(
    place: Path, address: str, same: bool
) -> None:
    before = config(spin_endpoint="http://me:pw@host/tools?key=k&db=a")
    assert (differing(before, config(spin_endpoint=address)) == []) == same


def test_no_secret_is_in_it_and_a_hash_can_be_compared_only_with_the_key(place: Path) -> None:
    address = f"http://me:{SECRETS['password']}@host/?token={SECRETS['query']}"
    remote: dict[str, Any] = {"command": None, "args": [], "url": address, "headers": {"X": SECRETS["header"]}}
    for one in (config(tools_endpoint=address), config(remote)):
        said = json.dumps(fingerprint(one, keyed_hash))
        assert not found({"fingerprint": said.encode()}, SECRETS)
    first = fingerprint(config(), keyed_hash)
    key_file().unlink()
    second = fingerprint(config(), keyed_hash)
    assert first != second and changed(first, second) == [], "made by two keys, they say nothing of each other"


def test_a_config_that_holds_nothing_secret_needs_no_key(place: Path) -> None:
    text = "{topics: {prompt: Tea}, generation: {system_prompt: Teach., tools: {}}, output: {save_as: tea.jsonl}}"
    plain_config = load(text, source="here").config
    assert fingerprint(plain_config, keyed_hash) == plain(plain_config)
    assert not (place / "data").exists()


def test_of_a_trace_its_name_decides_and_only_where_it_is_answered_from(place: Path) -> None:
    def answering(provider: str, path: str) -> Config:
        text = "{topics: {prompt: Tea}, generation: {system_prompt: Teach.}, output: {save_as: tea.jsonl}}"
        given = {"llm.provider": provider, "llm.recorded.path": path}
        overrides = {f"{stage}.{key}": value for stage in ("topics", "generation") for key, value in given.items()}
        return load(text, source="here", overrides=overrides).config

    before = answering("recorded", "a/calls.jsonl")
    assert differing(before, answering("recorded", "/b/calls.jsonl")) == []
    paths = ["generation.llm.recorded.path", "topics.llm.recorded.path"]
    assert differing(before, answering("recorded", "a/other.jsonl")) == paths
    assert differing(answering("openai", "one.jsonl"), answering("openai", "other.jsonl")) == []


def test_weights_change_no_sample_that_is_made_so_they_count_for_nothing(place: Path) -> None:
    def prints(**topics: Any) -> Fingerprint:
        given = {"topics": {"prompt": "Tea", **topics}, "generation": {"system_prompt": "Teach."}}
        return fingerprint(Config.model_validate({**given, "output": {"save_as": "tea.jsonl"}}), keyed_hash)

    none, some = prints(), prints(weights={"Green": 2})
    assert none == some
    of_old = {**none, "topics.weights.Green": "2"}
    for given in (False, True):
        assert changed(of_old, none, topics_given=given) == []


def test_a_fingerprint_of_an_earlier_version_is_compared_and_made_safe(place: Path) -> None:
    before = plain(config(spin_endpoint="http://me:pw@host"))
    assert SECRETS["env"] in json.dumps(before)
    safe = without_secrets(before, keyed_hash)
    assert safe == fingerprint(config(spin_endpoint="http://host"), keyed_hash) == without_secrets(safe, keyed_hash)


def test_a_checkpoint_of_an_earlier_version_is_resumed_and_loses_its_secrets(place: Path) -> None:
    job = Job(config(), checkpoint_path=place / "checkpoint")
    where = CheckpointFiles(place / "checkpoint", "tea")
    command = ("deepfabric", "generate", "--base-url", f"http://me:{SECRETS['password']}@host/v1")
    write_metadata(where, Metadata(fingerprint=plain(config()), command=command))
    seen = checkpoint_status(job)
    assert seen is not None and seen.changed == ()
    assert resume_command(seen.metadata.command) == (
        "deepfabric generate --base-url http://USER:PASSWORD@host/v1 --resume"
    )
    write_metadata(where, read_metadata(where))
    assert not found(files_below(place), SECRETS)


def test_without_a_key_that_can_be_kept_nothing_is_refused_and_nothing_is_told(place: Path) -> None:
    (place / "data").write_text("no folder")
    prints = fingerprint(config(), keyed_hash)
    assert prints[f"{HERE}.args"] == "[hidden]"
    assert changed(plain(config()) | prints, fingerprint(config({"command": "other"}), keyed_hash)) == []


def _hash_of(_: int) -> str:
    return keyed_hash("the same")


def test_many_processes_at_once_make_one_key_which_is_the_users_own(place: Path) -> None:
    with multiprocessing.get_context("fork").Pool(8) as pool:
        assert len(set(pool.map(_hash_of, range(32), chunksize=1))) == 1
    assert stat.S_IMODE(key_file().stat().st_mode) == 0o600
    assert stat.S_IMODE(key_file().parent.stat().st_mode) == 0o700
    assert [path.name for path in key_file().parent.iterdir()] == ["fingerprint.key"], "nothing is left half made"


# ---- what a notebook keeps


def kept(config: Config) -> None:
    job = with_reuse(Job(config))
    record(job, config.model_dump(mode="json", exclude_unset=True), "tea")
    write_metadata(job.checkpoint_files(), Metadata(fingerprint=fingerprint(config, keyed_hash), samples_done=1))


def test_a_run_whose_config_may_hold_a_secret_is_kept_without_it_and_says_what_to_do(place: Path) -> None:
    kept(config())
    (run,) = kept_runs()
    with pytest.raises(ConfigError, match=rf"may hold a secret in .*{HERE}\.args.*: run its cell again"):
        job_again(run)
    assert job_to_look_at(run).config.tools.mcp["here"].command == "serve"
    assert not found(files_below(place), SECRETS)


def test_another_token_finds_the_same_kept_run(place: Path) -> None:
    kept(config())
    again = with_reuse(Job(config({"env": {"TOKEN": "another-one"}})))
    assert again.checkpoint_files().exists


def test_what_an_earlier_version_kept_of_the_dataset_loses_its_secrets(place: Path) -> None:
    kept(config())
    (note,) = (place / "data").rglob("run.json")
    known = json.loads(note.read_text(encoding="utf-8"))
    old = note.parent.with_name("0123456789abcdef")
    old.mkdir()
    written = config().model_dump(mode="json", exclude_unset=True)
    text = json.dumps(known | {"written": written, "left_out": [], "checkpoint": str(old)})
    (old / "run.json").write_text(text, encoding="utf-8")
    write_metadata(CheckpointFiles(old, "tea"), Metadata(fingerprint=plain(config())))
    assert found(files_below(place), SECRETS)
    kept(config())
    assert not found(files_below(place), SECRETS)
