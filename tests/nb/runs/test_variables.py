"""What stands behind `!var name`: values of the notebook as plain YAML, and one sentence for all others."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import subprocess
import sys
from collections import defaultdict, namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel

from deepfabric_core.config.load import load
from deepfabric_core.errors import ConfigError
from deepfabric_nb.runs.variables import resolver
from tests import ROOT


class Colour(enum.StrEnum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Server(BaseModel):
    url: str
    since: dt.date = dt.date(2026, 1, 2)


@dataclasses.dataclass
class Tool:
    name: str
    files: list[Path]


Point = namedtuple("Point", "x y")  # noqa: PYI024 - as people write them in notebooks
DAY = dt.date(2026, 1, 2)
NOON = dt.datetime(2026, 1, 2, 12, tzinfo=dt.UTC)


def plain(value: Any) -> Any:
    return resolver({"it": value})("it")


def refused(path: str, **namespace: Any) -> str:
    with pytest.raises(ConfigError) as problem:
        resolver(namespace)(path)
    return str(problem.value)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("text", "text"),
        (3, 3),
        (True, True),
        (0.5, 0.5),
        (None, None),
        ([1, (2, 3)], [1, [2, 3]]),
        (range(3), [0, 1, 2]),
        ({"b", "a"}, ["a", "b"]),
        (frozenset({2, 10}), [2, 10]),
        ({"a": 1}.keys(), ["a"]),
        ({1: {"a": Path("x/y")}}, {"1": {"a": "x/y"}}),
        ({Colour.RED: 1}, {"red": 1}),
        (Path("out/data.jsonl"), "out/data.jsonl"),
        (Colour.RED, "red"),
        (Level.HIGH, 3),
        (DAY, "2026-01-02"),
        (NOON, "2026-01-02T12:00:00+00:00"),
        (Point(1, "b"), [1, "b"]),
        (Tool("brew", [Path("a")]), {"name": "brew", "files": ["a"]}),
        (Server(url="http://x"), {"url": "http://x", "since": "2026-01-02"}),
    ],
)
def test_a_value_of_python_becomes_plain_yaml(value: Any, written: Any) -> None:
    assert plain(value) == written
    assert type(plain(value)) is type(written)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (np.int64(3), 3),
        (np.float32(0.5), 0.5),
        (np.float64(0.5), 0.5),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.datetime64("2026-01-02T12:00:00.000000000"), "2026-01-02T12:00:00"),
        (np.array(["2026-01-02"], dtype="datetime64[ns]"), ["2026-01-02T00:00:00"]),
        (pd.Series([1, 2]), [1, 2]),
        (pd.Series([1.5, None]), [1.5, None]),
        (pd.Series([1, None], dtype="Int64"), [1, None]),
        (pd.Series(["a", None], dtype="category"), ["a", None]),
        (pd.Series([pd.Timestamp("2026-01-02"), pd.NaT]), ["2026-01-02T00:00:00", None]),
        (pd.Index(["a", "b"]), ["a", "b"]),
        (pd.MultiIndex.from_tuples([("a", 1)]), [["a", 1]]),
        (pd.DataFrame({"topic": ["a", "b"]}), ["a", "b"]),
        (pd.DataFrame({"t": ["a", None], "n": [1, np.nan]}), [{"t": "a", "n": 1.0}, {"t": None, "n": None}]),
        (
            pd.DataFrame({"t": [["a"], []], 0: [{"k": np.int64(1)}, {}]}),
            [{"t": ["a"], "0": {"k": 1}}, {"t": [], "0": {}}],
        ),
        (pd.DataFrame({"t": []}), []),
        (pd.Timestamp("2026-01-02"), "2026-01-02T00:00:00"),
        (pd.NaT, None),
        (pd.NA, None),
    ],
    ids=repr,
)
def test_a_value_of_numpy_or_pandas_becomes_plain_yaml(value: Any, written: Any) -> None:
    assert plain(value) == written
    assert type(plain(value)) is type(written)


@pytest.mark.parametrize("value", [len, object(), b"bytes", Server, 1j, np.timedelta64(1, "ns"), (x for x in "ab")])
def test_any_other_value_is_refused_with_its_type_and_what_is_possible(value: Any) -> None:
    for held in (value, [value], {"deep": [{"er": value}]}):
        sentence = refused("it", it=held)
        assert "value of type" in sentence and "DataFrames" in sentence and len(sentence.splitlines()) == 1


def test_a_value_that_holds_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    assert refused("loop", loop=loop).startswith("it holds itself")


def test_keys_that_would_fall_together_are_refused() -> None:
    assert "keys are the same" in refused("it", it={1: "a", "1": "b"})


SETTINGS = {
    "topic": "Tea",
    "row": {"name": "n", "a b": 1, 7: "seven"},
    "rows": [{"name": "first"}, {"name": "last"}],
    "tool": Tool("brew", []),
    "frame": pd.DataFrame({"topic": ["a", "b"], "n": [1, 2]}),
    "_5": "an output",
    "größe": 4,
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("topic", "Tea"),
        ("row.name", "n"),
        ('row["a b"]', 1),
        ("row['name']", "n"),
        ("row[7]", "seven"),
        ("rows[0].name", "first"),
        ("rows[-1]['name']", "last"),
        ("rows[ 0 ]", {"name": "first"}),
        ("tool.name", "brew"),
        ("frame.topic", ["a", "b"]),
        ('frame["n"]', [1, 2]),
        ("topic[0]", "T"),
        ("_5", "an output"),
        ("größe", 4),
    ],
)
def test_a_place_in_a_variable_is_followed_without_evaluating_anything(path: str, value: Any) -> None:
    assert resolver(SETTINGS)(path) == value


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("topci", ("topci", "topic")),
        ("zzz", ("zzz",)),
        ("row.nmae", ("row.nmae", "row.name")),
        ('row["nmae"]', ('row["nmae"]', 'row["name"]')),
        ("tool.nam", ("tool.nam", "tool.name")),
        ("rows[9]", ("rows[9]",)),
        ("rows['a']", ("rows['a']",)),
        ("tool[0]", ("tool[0]",)),
        ("frame['zzz']", ("frame['zzz']",)),
    ],
)
def test_a_name_that_is_not_there_is_told_with_the_nearest(path: str, told: tuple[str, ...]) -> None:
    with pytest.raises(KeyError) as problem:
        resolver(SETTINGS)(path)
    assert problem.value.args == told


@pytest.mark.parametrize(
    "path",
    [
        "1 + 1",
        "f()",
        "topic.upper()",
        "tool.__class__",
        "tool._x",
        "rows[0",
        "rows[0:1]",
        "a b",
        "row[name]",
        "[0]",
        "",
    ],
)
def test_what_is_not_a_name_is_never_evaluated(path: str) -> None:
    assert refused(path, **SETTINGS, a=1).startswith("this isn't the name of a variable")


def test_looking_a_key_up_does_not_add_it() -> None:
    counts: defaultdict[str, int] = defaultdict(int)
    with pytest.raises(KeyError):
        resolver({"counts": counts})("counts['x']")
    assert counts == {}


def test_a_property_that_fails_is_as_if_it_was_not_there() -> None:
    class Late:
        @property
        def value(self) -> int:
            raise ValueError("not yet")

    with pytest.raises(KeyError):
        resolver({"late": Late()})("late.value")


def test_neither_pandas_nor_numpy_is_imported_for_it() -> None:
    code = (
        "import sys; from deepfabric_nb.runs.variables import resolver; "
        "assert resolver({'a': [1, {2}]})('a') == [1, [2]]; "
        "assert not {'pandas', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_a_cell_takes_lists_and_frames_and_tells_mistakes_with_their_line() -> None:
    cell = (
        "topics: {prompt: !var topic}\ngeneration: {system_prompt: B}\noutput: {save_as: o}\n"
        "huggingface:\n  repository: r\n  tags: !var frame.topic\n"
    )
    loaded = load(cell, source="cell", variables=resolver(SETTINGS))
    assert loaded.config.huggingface is not None and loaded.config.huggingface.tags == ["a", "b"]
    with pytest.raises(ConfigError, match=r"^cell, line 6: !var frame\.topci: .*did you mean frame\.topic\?$"):
        load(cell.replace("frame.topic", "frame.topci"), source="cell", variables=resolver(SETTINGS))
    with pytest.raises(ConfigError, match=r"^cell, line 1: !var topic: it is or holds a value of type object, "):
        load(cell, source="cell", variables=resolver({**SETTINGS, "topic": object()}))
