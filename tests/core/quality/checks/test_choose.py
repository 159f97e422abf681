"""What a config asks for becomes checks, or one clear sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from deepfabric_core.errors import ConfigError
from deepfabric_core.quality.candidate import Candidate
from deepfabric_core.quality.checks.check import CheckKind, Settings
from deepfabric_core.quality.checks.choose import choose, ready
from deepfabric_core.quality.checks.examine import examine, findings
from deepfabric_core.quality.checks.registry import catalogue

DEFAULT = [name for name, _, default in catalogue() if default]


def names(wanted: object) -> list[str]:
    return [check.name for check in choose(wanted, Settings())]


def test_default_none_and_lists() -> None:
    assert names("default") == DEFAULT
    assert names("none") == names(None) == names([]) == []
    assert names(["loop", "empty"]) == ["loop", "empty"]
    assert names("loop") == ["loop"]
    assert names(["default", {"length": {"max_words": 300}}]) == [*DEFAULT, "length"]
    assert names([{"length": None}]) == ["length"]
    assert names([{"default": {"without": ["refusal"]}}]) == [name for name in DEFAULT if name != "refusal"]


def test_functions_and_patterns_of_one_name_are_all_applied() -> None:
    checks = choose([{"regex": "a"}, {"regex": "a", "in": "question"}], Settings(), [lambda _: True, lambda _: False])
    assert [check.name for check in checks] == ["regex a", "regex a (2)", "<lambda>", "<lambda> (2)"]
    assert examine(Candidate("Q?", "Yes."), checks)


def test_a_check_that_is_named_twice_has_the_later_options() -> None:
    checks = choose(["length", {"length": {"min_words": 1}}], Settings())
    assert len(checks) == 1 and examine(Candidate("Q?", "Yes."), checks) is None


def test_each_check_in_the_catalogue_says_what_it_is() -> None:
    assert len({name for name, _, _ in catalogue()}) == len(catalogue()) > 15
    assert all(name.isidentifier() and text[0].islower() and text[-1] not in ".!" for name, text, _ in catalogue())


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("refusals", "there is no check 'refusals'; did you mean refusal?"),
        ("all", "there is no check 'all'"),
        (["zzz"], "there are empty, refusal"),
        (7, "a list of names"),
        ([7], "can't be used"),
        ([{}], "can't be used"),
        ([{1: 2}], "can't be used"),
        ([{"loop": 3}], "options have to be keys"),
        ([{"loop": {"x": 1}}], "there is no option x"),
        ([{"default": {"with": []}}], "without, a list of names"),
        ([{"default": {"without": ["refuse"]}}], "did you mean refusal?"),
        ([{"regex": "("}], "is no regular expression"),
        ([{"regex": "a", "most": 1}], "there is no option most"),
        ([{"regex": 7}], "regex: input should be a valid string"),
        ([{"regex": "a", "must": "maybe"}], "must: input should be 'match' or 'not_match'"),
        ([{"python": "nowhere.check"}], "can't be imported"),
        ([{"python": "check"}], "names no module"),
        ([{"python": "os.path"}], "isn't an ordinary function"),
        ([{"python": 7}], "has to be a text"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(wanted: object, message: str) -> None:
    with pytest.raises(ConfigError) as told:
        choose(wanted, Settings())
    assert message in str(told.value) and str(told.value).startswith("checks") and "\n" not in str(told.value)


def test_a_check_that_needs_a_package_says_so() -> None:
    needing = CheckKind("tables", "", lambda _: lambda _: None, package="a_package_that_nobody_has")
    with pytest.raises(ConfigError, match=r"pip install 'deepfabric-nb\[quality\]'"):
        ready(needing, {}, Settings())


def test_a_function_of_a_module_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop_rules.py").write_text(
        "def polite(sample):\n    return 'please' in sample.answer\n", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(tmp_path)
    (check,) = choose([{"python": "shop_rules.polite"}], Settings())
    assert check.name == "shop_rules.polite"
    assert examine(Candidate("Q?", "Oil it, please."), [check]) is None
    assert examine(Candidate("Q?", "Oil it."), [check])
    assert names([{"python": "shop_rules:polite", "name": "politeness"}]) == ["politeness"]


def test_a_check_of_an_installed_package_is_known_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "brought_rules.py").write_text(
        "def brief(sample):\n    return len(sample.answer) < 20\n", encoding="utf-8"
    )
    about = tmp_path / "brought-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: brought\nVersion: 1.0\n", encoding="utf-8")
    (about / "entry_points.txt").write_text("[deepfabric.checks]\nbrief = brought_rules:brief\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    checks = choose(["brief"], Settings())
    assert [found.reason for found in findings(Candidate("Q?", "word " * 9), checks)] == ["the check brief says no"]
