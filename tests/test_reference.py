"""The pages that are made from the code are up to date, and the examples in docstrings hold."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import deepfabric_core
import deepfabric_nb
from deepfabric_core.config.schema_keys import known_keys, sections
from tests import ROOT
from tests.core.conftest import place
from tests.reference import pages, reference

__all__ = ["place"]

WITH_EXAMPLES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for package in ("deepfabric_core", "deepfabric_nb")
    for path in sorted((ROOT / package).rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


def test_the_reference_is_up_to_date() -> None:
    kept = (ROOT / "REFERENCE.md").read_text(encoding="utf-8")
    if kept != pages()[ROOT / "REFERENCE.md"]:
        pytest.fail("REFERENCE.md is not what the code says: run python -m tests.reference and commit what it writes.")


def test_the_reference_has_every_public_name_key_and_flag() -> None:
    text = reference()
    for package in (deepfabric_core, deepfabric_nb):
        for name in package.__all__:
            assert f"\n### {package.__name__}.{name}\n" in text
    for section in sections():
        inherited = "llm" in section[1:-1]
        assert not section or inherited or f"\n### {'.'.join(map(str, section))}\n" in text
        assert all(f"| `{key}` |" in text for key in known_keys(section) if not known_keys((*section, key)))


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_the_examples_of_a_module_hold(name: str, place: Path) -> None:
    module = importlib.import_module(name)
    failed, tried = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert tried and not failed
