"""Code that can't be parsed is found; excerpts, sessions and code that is shown as wrong pass."""

import sys
import warnings

import pytest

from tests.core.quality.checks.looking import block, reason
from tests.core.quality.labelled_bad import JSON, PYTHON, YAML

BAD = [(kind, code) for kind, codes in (("python", PYTHON), ("json", JSON), ("yaml", YAML)) for code in codes]


@pytest.mark.parametrize(("language", "code"), BAD)
def test_mistakes_are_found_in_blocks_of_their_language_alone(language: str, code: str) -> None:
    assert reason(f"{language}_syntax", block(language, code))
    assert not reason(f"{language}_syntax", block("text", code))
    assert not reason(f"{language}_syntax", block("", code))


@pytest.mark.parametrize(("language", "code"), BAD)
def test_code_that_is_shown_because_it_is_wrong_passes(language: str, code: str) -> None:
    assert not reason(f"{language}_syntax", block(language, code) + " It is a syntax error.")
    assert not reason(f"{language}_syntax", block(language, code), "Why is this invalid?")


@pytest.mark.parametrize(
    "code",
    [
        'print "hello"',
        "print 'a', 'b'\nprint",
        ">>> 1 + 1\n2\n>>> for n in (1, 2):\n...     print(n)\n...\n1\n2",
        "In [1]: x = 1\nIn [2]: x\nOut[2]: 1",
        "%matplotlib inline\n!pip install pandas\nimport pandas",
        "pip install pandas",
        "files = !ls\nfor f in files:\n    print(f)",
        "    def area(self):\n        return 1",
        "elif x:\n    y = 1",
        "except ValueError:\n    pass",
        "def later():\n    # to be written",
        "def later():",
        "class A:\n    x = 1\n\n    def f(self):\n\nclass B:\n    pass",
        "return await go()",
        "async with a as b:\n    await b",
        "call(a, ..., b)\n{1: 2, ...}",
        "for i in range(10):\n    ...",
        "x = <your value>",
        "\tx = 1\n\ty = 2",
        "re.findall('\\d+', s)",
        "match x:\n    case 1:\n        pass",
        "",
        "\ud800",
        "x = '\0'",
    ],
)
def test_python_in_all_the_ways_it_is_shown_passes(code: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not reason("python_syntax", block("python", code))


@pytest.mark.parametrize(
    "code",
    [
        "{}",
        "[1, 2]",
        '"text"',
        '"a": 1,\n"b": 2',
        '// here\n{"a": 1}',
        '{"a": 1, /* b */}',
        '{"a": ...}',
        '{"a": 1}\n{"b": 2}',
        "",
    ],
)
def test_json_in_parts_and_with_comments_passes(code: str) -> None:
    assert not reason("json_syntax", block("json", code))


@pytest.mark.parametrize(
    "code",
    ["a: 1\n---\nb: 2", "a: !Ref b", "a: {{ b }}", "- a\n- b: c", "a: &x 1\nb: *x", "a: |\n  text\n", "a:\n\tb", ""],
)
def test_yaml_of_any_kind_passes(code: str) -> None:
    assert not reason("yaml_syntax", block("yaml", code))


@pytest.mark.parametrize(
    "code", ["(" * 3000, "-" * 5000 + "1", "a." * 2900 + "a", "lambda:" * 800 + "1", "[" * 5900, "if x:\n" * 900]
)
def test_code_that_is_nested_without_end_does_no_harm(code: str) -> None:
    for language in ("python", "json", "yaml"):
        reason(f"{language}_syntax", block(language, code))


def test_questions_may_hold_broken_code() -> None:
    assert not reason("python_syntax", "The colon is missing.", block("python", PYTHON[0]))


def test_sql_is_only_parsed_where_its_package_is() -> None:
    assert reason("sql_syntax", block("sql", "SELECT FROM WHERE a ="))
    for code in ("SELECT a FROM b WHERE c = 'd';", "INSERT INTO a (b) VALUES (1)", "CREATE PROCEDURE p AS BEGIN x END"):
        assert not reason("sql_syntax", block("sql", code))
    assert "sqlglot" in sys.modules
