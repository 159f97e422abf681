"""The files of a checkpoint: what is written is read back, whatever happened in between; and one process at a time."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import reduce
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from deepfabric_core.config.fingerprint import HASHED, changed, fingerprint
from deepfabric_core.config.schema import Config
from deepfabric_core.errors import ConfigError, FailureKind, ModelError, OutputError
from deepfabric_core.samples.plan import Plan
from deepfabric_core.store.append_log import AppendLog
from deepfabric_core.store.checkpoint_files import (
    CheckpointFiles,
    CheckpointLock,
    Metadata,
    clear,
    find,
    is_held,
    move_aside,
    read_metadata,
    write_metadata,
)
from deepfabric_core.store.expansion_log import Expansions
from deepfabric_core.store.failure_log import Failures
from deepfabric_core.store.journal import Journal
from deepfabric_core.topics.grow import Child
from deepfabric_core.topics.model import Topics
from tests import ROOT
from tests.core.commands import start
from tests.core.conftest import Run, write_config
from tests.core.run.checkpoint.test_resume import (
    EXPANSIONS,
    checkpoint,
    config,
    dataset,
    finish,
    paid_again,
    until,
    whole,
)
from tests.core.samples.test_plan import COUNTS, TREES, even_tree
from tests.provider import Faults, LocalProvider

TEXT = st.text(st.characters(codec="utf-8") | st.sampled_from('\n\r\u2028"\\'), max_size=20)
RECORDS = st.lists(st.dictionaries(TEXT, TEXT, max_size=3), max_size=6)


# ---- lines


@given(RECORDS, st.data())
def test_what_was_appended_and_cut_anywhere_reads_back_as_the_whole_lines(
    tmp_path_factory: pytest.TempPathFactory, records: list[dict[str, str]], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("lines") / "a.jsonl"
    written = AppendLog(path)
    begins = [written.append(json.dumps(record, ensure_ascii=False).encode() + b"\n") for record in records]
    size = written.size
    written.close()
    cut = data.draw(st.integers(0, size))
    os.truncate(path, cut)
    ends = [*begins[1:], size]
    lines = AppendLog(path)
    # A line of which only the line break is missing is whole.
    assert [line.content for line in lines.read()] == [
        record for record, end in zip(records, ends, strict=False) if end - 1 <= cut
    ]
    begin = lines.append(b'{"more": 1}\n')
    assert lines.piece(begin, lines.size) == b'{"more": 1}\n'
    assert list(lines.read())[-1].content == {"more": 1}
    lines.close()


def test_a_journal_cut_at_any_byte_of_its_last_line_keeps_all_the_others(tmp_path: Path) -> None:
    plan = Plan(even_tree(2, 2), 6)
    journal = Journal(AppendLog(tmp_path / "j.jsonl"), plan)
    items = list(plan)
    for item in items[:3]:
        journal.append(item, {"text": f"ü{item.index}"}, {"model": "m"})
    assert [journal.record(index) for index in range(5)] == [*({"text": f"ü{n}"} for n in range(3)), None, None]
    journal.lines.close()
    text = (tmp_path / "j.jsonl").read_bytes()
    last = text.rindex(b"\n", 0, -1) + 1
    for cut in range(last, len(text)):
        path = tmp_path / f"cut-{cut}.jsonl"
        path.write_bytes(text[:cut])
        again = Journal(AppendLog(path), plan)
        found = [line.content["sample"] for line in again.read()]
        assert found == [{"text": f"ü{n}"} for n in range(2 + (cut == len(text) - 1))]
        for item in items[again.written :]:
            again.append(item, {"text": f"ü{item.index}"}, {"model": "m"})
        again.deliver(tmp_path / "d.jsonl")
        again.lines.close()
        delivered = (tmp_path / "d.jsonl").read_text(encoding="utf-8").splitlines()
        assert [json.loads(line) for line in delivered] == [{"text": f"ü{n}"} for n in range(6)]


@given(st.integers(0, 4), st.sampled_from([b"{", b"[]", b"1", b"\xff\xfe", b"\x00\x00", b'{"a": 1} {"b": 2}']))
def test_damage_anywhere_else_is_an_error_that_names_the_line(
    tmp_path_factory: pytest.TempPathFactory, place: int, damage: bytes
) -> None:
    path = tmp_path_factory.mktemp("lines") / "a.jsonl"
    whole_lines = [b'{"n": %d}' % number for number in range(5)]
    whole_lines.insert(place, damage)
    path.write_bytes(b"\n".join(whole_lines) + b"\n")
    before = path.read_bytes()
    with pytest.raises(ConfigError, match=rf"a\.jsonl, line {place + 1}:"):
        list(AppendLog(path).read())
    assert path.read_bytes() == before


def test_a_full_disk_leaves_no_half_line(tmp_path: Path) -> None:
    program = """if True:
        import resource, sys
        from pathlib import Path
        from deepfabric_core.store.append_log import AppendLog
        resource.setrlimit(resource.RLIMIT_FSIZE, (25, 25))
        lines = AppendLog(Path(sys.argv[1]))
        lines.append(b'{"first": "line"}\\n')
        for _ in range(2):
            try:
                lines.append(b'{"second": "line"}\\n')
            except OSError as problem:
                print(problem.strerror)
        lines.append(b'{"a":1}\\n'[:7])
    """
    path = tmp_path / "a.jsonl"
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(done.stdout.splitlines()) == 2
    assert path.read_bytes() == b'{"first": "line"}\n{"a":1}'


def test_a_disk_that_does_not_take_the_file_is_one_sentence() -> None:
    with pytest.raises(OutputError, match="/dev/full can't be made safe"):
        AppendLog(Path("/dev/full")).sync()


def test_a_file_that_somebody_deleted_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "deep/a.jsonl"
    lines = AppendLog(path)
    lines.append(b"{}\n" * 10)
    assert lines.in_place
    shutil.rmtree(path.parent)
    assert not lines.in_place
    lines.append(b"{}\n")
    lines.restore()
    assert path.read_bytes() == b"{}\n" * 11
    lines.close()


def test_failures_are_the_latest_of_each_key_and_can_be_forgotten(tmp_path: Path) -> None:
    items = list(Plan(even_tree(1, 2), 2))
    failures = Failures(tmp_path / "f.jsonl")
    for item, kind in ((items[0], FailureKind.TIMEOUT), (items[1], FailureKind.TIMEOUT), (items[0], FailureKind.QUOTA)):
        failures.add(item, ModelError("no", kind=kind))
    again = Failures(tmp_path / "f.jsonl")
    assert again.by_kind == {FailureKind.QUOTA: 1, FailureKind.TIMEOUT: 1}
    again.forget(items[0].topic_id, 0)
    assert list(again) == [(items[1].topic_id, 0)]


def test_expansions_come_back_with_their_links(tmp_path: Path) -> None:
    Expansions(tmp_path / "e.jsonl").add(("root", "ä"), [Child("one"), Child("two", ("id", "other"))])
    again = Expansions(tmp_path / "e.jsonl")
    assert again.of(("root", "ä")) == (Child("one"), Child("two", ("id", "other")))
    assert again.of(("root",)) is None


# ---- the plan


@given(TREES, COUNTS)
def test_the_place_of_a_work_item_is_found_from_its_key(topics: Topics, count: int) -> None:
    plan = Plan(topics, count)
    items = list(plan)
    assert [plan.index_of(item.topic_id, item.cycle) for item in items] == [item.index for item in items]
    known = {(item.topic_id, item.cycle) for item in items}
    others = [(topic.id, cycle) for topic, _ in topics.walk() for cycle in range(-1, plan.cycles + 1)]
    assert all(plan.index_of(*key) is None for key in [*others, ("foreign", 0)] if key not in known)


# ---- the fingerprint

# What changes only the speed, the patience or a place, written out once more, and independently.
EXCLUDED = {
    "generation.max_retries",
    "generation.sample_retries",
    "generation.save_as",
    "output.batch_size",
    "output.checkpoint",
    "output.exports",
    "output.formatters",
    "output.num_samples",
    "output.save_as",
    "run.address",
    "run.engine",
    "run.shard_size",
    "run.storage",
    "run.workers",
    "topics.expansion_retries",
    "topics.max_concurrent",
    "topics.max_retries",
    "topics.save_as",
    "topics.weights",
    "quality.attempts",
    "quality.min_acceptance",
    "quality.on_exhausted",
    "budget.name",
    "budget.cost",
    "budget.tokens",
    "budget.calls",
    "budget.time",
    "evaluation",
    "huggingface",
    "kaggle",
    "deepfabric_cloud",
}
EXCLUDED_OF_AN_LLM = {
    "base_url",
    "timeout",
    "client",
    "simulated",
    "demo",
    "structured_output",
    "recorded",
    "ray_vllm",
    "prices",
}

# Keys that can't change alone.
COMPANIONS = {
    "generation.conversation.type": ["generation.conversation.reasoning_style"],
    "generation.conversation.reasoning_style": ["generation.conversation.type"],
    "output.format": ["generation.output_schema"],
    "quality.compare": ["quality.judge"],
}

BASE: dict[str, Any] = {
    "topics": {"prompt": "p"},
    "generation": {"system_prompt": "s"},
    "output": {"save_as": "o.jsonl"},
}


def every_key(section: type[BaseModel], above: str = "") -> Iterator[tuple[str, Any]]:
    """Each key of the schema that is no section, or one that may be left out, with its field."""
    for name, field in section.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from every_key(field.annotation, f"{above}{name}.")
        else:
            yield f"{above}{name}", field


def other_values(field: Any) -> Iterator[Any]:
    """Values, one of which the key surely takes and doesn't have already."""
    kinds = [field.annotation, *get_args(field.annotation)]
    yield from (choice for kind in kinds if get_origin(kind) is Literal for choice in get_args(kind))
    bounds = [bound for rule in field.metadata for bound in (getattr(rule, "ge", None), getattr(rule, "le", None))]
    yield from (bound for bound in bounds if isinstance(bound, int | float))
    yield from (True, False, 7, 0.5, "http://other", ["x"], {"type": "object"}, [{"name": "t"}], {"a": "b"})
    yield from ({"interval": 9}, {"components": {"c": ["d"]}}, {"files": {"a": "b"}}, {"repository": "r"})
    yield from (
        {"handle": "h"},
        {"a": ["b"]},
        {"against": ["e"]},
        "de",
        [{}],
        {"best_of": 3},
        {"input": 1, "output": 2},
        ["trl"],
    )


def with_key(key: str, value: Any) -> Config:
    document = json.loads(json.dumps(BASE))
    *sections, name = key.split(".")
    part = document
    for section in sections:
        part = part.setdefault(section, {})
    part[name] = value
    if key == "generation.conversation.type":
        part["reasoning_style"] = "freetext"
    if key == "generation.conversation.reasoning_style":
        part["type"] = "cot"
    if key == "output.format":
        document["generation"]["output_schema"] = {"type": "object"}
    if key == "quality.compare":
        part["judge"] = {}
    return Config(**document)


def changed_by(key: str, field: Any) -> Config:
    """A valid config in which this key has another value."""
    before = value_of(key, Config(**BASE))
    for value in other_values(field):
        try:
            config = with_key(key, value)
        except ValueError:
            continue
        if value_of(key, config) != before:
            return config
    raise AssertionError(f"no other value is known for {key}")


def value_of(key: str, config: Config) -> Any:
    return reduce(getattr, key.split("."), config)


KEYS = dict(every_key(Config))


def keyed(text: str) -> str:
    return f"{HASHED}:key:{text}"


@pytest.mark.parametrize("key", KEYS)
def test_the_fingerprint_says_which_key_changed_if_that_key_decides_the_data(key: str) -> None:
    found = changed(fingerprint(Config(**BASE), keyed), fingerprint(changed_by(key, KEYS[key]), keyed))
    _, of_llm, name = f".{key}".partition(".llm.")
    speed_of_llm = of_llm and name.split(".")[0] in EXCLUDED_OF_AN_LLM
    if key in EXCLUDED or key.startswith("generation.rate_limit.") or speed_of_llm:
        assert found == []
    elif key == "language" or key.startswith("llm."):  # it counts where it is used
        assert found == [f"generation.{key}", f"topics.{key}"]
    else:
        companions = tuple(COMPANIONS.get(key, ()))
        said = {name for name in found if not name.startswith(companions)} if companions else set(found)
        # A section that was left out counts by its keys.
        assert said and all(name == key or name.startswith(f"{key}.") for name in said)


def test_a_key_that_an_earlier_version_did_not_know_had_its_default() -> None:
    known = {key: value for key, value in fingerprint(Config(**BASE), keyed).items() if not key.startswith("quality.")}
    assert changed(known, fingerprint(Config(**BASE), keyed)) == []
    assert changed(known, fingerprint(with_key("quality.checks", "none"), keyed)) == ["quality.checks"]


# ---- metadata


def test_metadata_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    place = CheckpointFiles(tmp_path / "not yet there", "dätaset")
    known = Metadata("c.yaml", "d.jsonl", ("deepfabric", "a b"), {"k": "1"}, samples_done=3, cost=0.5, seconds=1.5)
    write_metadata(place, known)
    assert read_metadata(place) == known
    write_metadata(place, Metadata())
    assert read_metadata(place) == Metadata()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"command": 3}', '{"format": "x"}', '{"fingerprint": 1}', "\udcff"]
)
def test_metadata_that_is_none_is_an_error_with_a_way_out(tmp_path: Path, text: str) -> None:
    place = CheckpointFiles(tmp_path, "d")
    place.metadata.write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(ConfigError, match="--fresh"):
        read_metadata(place)


def test_metadata_of_a_later_version_is_refused(tmp_path: Path) -> None:
    place = CheckpointFiles(tmp_path, "d")
    place.metadata.write_text('{"format": 99, "new": {}}')
    with pytest.raises(ConfigError, match="later version"):
        read_metadata(place)


def test_keys_that_are_not_known_yet_do_not_matter(tmp_path: Path) -> None:
    place = CheckpointFiles(tmp_path, "d")
    place.metadata.write_text('{"samples_done": 4, "new": {}}')
    assert read_metadata(place).samples_done == 4


def test_a_checkpoint_is_found_by_its_dataset_and_never_another_ones(tmp_path: Path) -> None:
    assert find(tmp_path / "nowhere", Path("out/a.jsonl")) == CheckpointFiles(tmp_path / "nowhere", "a")
    write_metadata(CheckpointFiles(tmp_path, "b"), Metadata(dataset=str(Path("out/b.jsonl").absolute())))
    assert find(tmp_path, Path("out/a.jsonl")).name == "a"
    assert find(tmp_path, Path("out/b.jsonl")).name == "b"


def test_datasets_of_the_same_name_in_two_folders_have_two_checkpoints(tmp_path: Path) -> None:
    write_metadata(CheckpointFiles(tmp_path, "a"), Metadata(dataset="/one/a.jsonl"))
    other = find(tmp_path, Path("/two/a.jsonl"))
    assert other.name.startswith("a-") and not other.exists
    write_metadata(other, Metadata(dataset="/two/a.jsonl"))
    CheckpointFiles(tmp_path, "a").metadata.unlink()
    assert find(tmp_path, Path("/two/a.jsonl")) == other
    assert find(tmp_path, Path("/one/a.jsonl")).name == "a"


def filled(folder: Path) -> CheckpointFiles:
    """A checkpoint with all its files."""
    place = CheckpointFiles(folder, "d")
    write_metadata(place, Metadata())
    for path in place.paths[:-1]:
        path.write_text(path.name)
    return place


def test_two_checkpoints_moved_aside_in_the_same_second_are_both_there(tmp_path: Path) -> None:
    asides = {move_aside(filled(tmp_path)) for _ in range(3)}
    assert len(asides) == 3
    assert all(len(list(aside.iterdir())) == len(filled(tmp_path).paths) for aside in asides)


def test_clearing_deletes_the_checkpoint_and_nothing_else(tmp_path: Path) -> None:
    place, held = filled(tmp_path), CheckpointLock(CheckpointFiles(tmp_path, "d"))
    (tmp_path / ".d.checkpoint.json.77.tmp").write_text("half")
    (tmp_path / "notes.txt").write_text("mine")
    write_metadata(CheckpointFiles(tmp_path, "other"), Metadata())
    aside = move_aside(filled(tmp_path))
    clear(filled(tmp_path))
    assert not place.exists
    kept = {"notes.txt", "other.checkpoint.json", aside.name, place.lock.name}
    assert {path.name for path in tmp_path.iterdir()} == kept
    held.release()


# ---- two at once

HOLD = """if True:
    import sys, time
    from pathlib import Path
    from deepfabric_core.store.checkpoint_files import CheckpointLock, CheckpointFiles
    held = CheckpointLock(CheckpointFiles(Path(sys.argv[1]), "d"))
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_holder_is_refused_until_the_first_is_killed(tmp_path: Path) -> None:
    place = CheckpointFiles(tmp_path, "d")
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": str(ROOT)}
    )
    try:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        began = 1_700_000_000.0
        write_metadata(place, Metadata(process=holder.pid, process_started_at=began))
        assert is_held(place)
        with pytest.raises(ConfigError) as refused:
            CheckpointLock(place)
        assert str(holder.pid) in str(refused.value)
        assert time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(began)) in str(refused.value)
    finally:
        holder.kill()
        holder.communicate()
    assert not is_held(place)
    CheckpointLock(place).release()
    assert not is_held(place)


def test_a_second_run_is_refused_while_the_first_one_works_and_not_after_its_death(
    place: Path, provider: LocalProvider, deepfabric: Run
) -> None:
    config(place, provider)
    provider.faults = Faults(latency=0.1)
    first = start(place)
    until(first, provider, answered=EXPANSIONS + 1)
    provider.faults = Faults(latency=60)
    for flags in ((), ("--resume",), ("--fresh",)):
        second = deepfabric("generate", "config.yaml", *flags)
        assert second.returncode == 2
        assert f"Process {first.pid} " in second.stderr and " since 20" in second.stderr
    first.send_signal(signal.SIGKILL)
    first.communicate()
    provider.faults = Faults()
    finish(place)
    dataset(place, 9)
    assert 0 <= paid_again(provider, 9) <= 2


# ---- a disk that goes away


def test_a_folder_deleted_in_mid_run_is_written_again_and_the_run_stops(place: Path, provider: LocalProvider) -> None:
    provider.faults = Faults(latency=0.05)
    config(place, provider, output={"num_samples": 100, "checkpoint": {"interval": 10}})
    process = start(place)
    until(process, provider, answered=EXPANSIONS + 15)
    folder = checkpoint(place, "json").parent
    folder.rename(place / "bin")
    shutil.rmtree(place / "bin")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1, out + err
    assert "Traceback" not in err and "was deleted" in err and str(folder) in err and "Go on with" in err
    provider.faults = Faults()
    finish(place)
    dataset(place, 100)
    assert paid_again(provider, 100) <= 2


def test_a_full_disk_stops_the_run_with_everything_kept(place: Path) -> None:
    write_config(place, output={"num_samples": 200, "checkpoint": {"interval": 5}})
    process = start(place, largest_file=40_000)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1, out + err
    assert "Traceback" not in err and "finished samples are safe" in err and "Go on with" in err
    kept = whole(checkpoint(place, "jsonl"))
    assert f"{len(kept)} finished samples" in err
    assert f"{len(kept)} samples were there already" in finish(place).out
    dataset(place, 200)


def run_mount(*arguments: str) -> bool:
    return subprocess.run(arguments, capture_output=True, check=False).returncode == 0


@contextmanager
def small_disk(folder: Path, options: str) -> Iterator[None]:
    """A file system of its own over that folder."""
    folder.mkdir(parents=True, exist_ok=True)
    if shutil.which("mount") is None or not run_mount("mount", "-t", "tmpfs", "-o", options, "none", str(folder)):
        pytest.skip("this user may not mount")
    try:
        yield
    finally:
        assert run_mount("umount", "-l", str(folder))


def test_a_small_disk_that_fills_up_is_no_loss_once_there_is_room(place: Path, provider: LocalProvider) -> None:
    with small_disk(place / "disk", "size=40k"):
        config(place, provider, output={"num_samples": 300})
        process = start(place, "--checkpoint-path", "disk/checkpoint")
        out, err = process.communicate(timeout=60)
        assert process.returncode == 1, out + err
        assert "Traceback" not in err and "disk/checkpoint" in err and "Go on with" in err
        spent = provider.counts.requests
        still = start(place, "--checkpoint-path", "disk/checkpoint", "--resume")
        out, err = still.communicate(timeout=60)
        assert still.returncode in (1, 2), out + err
        assert "Traceback" not in err
        spent = provider.counts.requests - spent
        assert run_mount("mount", "-o", "remount,size=10m", str(place / "disk"))
        finish(place, "--checkpoint-path", "disk/checkpoint")
    dataset(place, 300)
    assert paid_again(provider, 300) <= 2 * 3
    assert spent <= 6


def test_a_folder_that_may_not_be_written_any_more_is_no_loss(place: Path, provider: LocalProvider) -> None:
    """As when a network drive goes away: where the folder was there is one that nobody may write to."""
    provider.faults = Faults(latency=0.05)
    config(place, provider, output={"num_samples": 60, "checkpoint": {"interval": 2, "path": "own"}})
    process = start(place)
    until(process, provider, answered=EXPANSIONS + 7)
    with small_disk(place / "own", "ro"):
        out, err = process.communicate(timeout=60)
    assert process.returncode == 1, out + err
    assert "Traceback" not in err and "own/dataset.checkpoint" in err and "read-only" in err
    provider.faults = Faults()
    finish(place)
    dataset(place, 60)
    assert paid_again(provider, 60) <= 2


def test_a_read_only_folder_is_found_out_before_anything_is_spent(
    place: Path, provider: LocalProvider, deepfabric: Run
) -> None:
    config(place, provider)
    with small_disk(place / "disk", "ro"):
        done = deepfabric("generate", "config.yaml", "--checkpoint-path", "disk/checkpoint")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "disk/checkpoint" in done.stderr and "read-only" in done.stderr
    assert provider.counts.requests == 0
