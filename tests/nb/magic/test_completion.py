"""What Tab offers in our magics, and that it leaves the rest of the shell alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.completer import provisionalcompleter, rectify_completions
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from deepfabric_core.config.schema_keys import known_keys
from deepfabric_core.flags.options import OPTIONS
from deepfabric_core.llm.api_keys import KEY_VARIABLES
from deepfabric_nb.magic.completion import Completion, complete, make_matcher

FLAGS = [spelling for option in OPTIONS for spelling in option.flag.split("/")]
COMMANDS = {
    "generate": [*FLAGS, "--out", "--background", "--name"],
    "topics": ["--out"],
    "validate": FLAGS,
    "resume": ["--out", "--background"],
    "stop": ["--now"],
    "export": [],
    "watch": ["--checkpoint-path"],
    "trace": ["--failed"],
    "report": ["--against", "--out"],
    "samples": ["--out"],
    "limits": [],
    "help": [],
}
RUNS = ["calm-otter", "quick-hare"]
NAMES = ["frame", "topic", "topics"]
CELL = "%%deepfabric\n"
SECTIONS = {"llm:", "topics:", "generation:", "output:", "huggingface:", "kaggle:"}


def offered(marked: str) -> list[Completion]:
    """What is offered at the `¦` of a text."""
    cell, _, after = marked.partition("¦")
    return complete(cell + after, len(cell), runs=RUNS, names=NAMES, commands=COMMANDS)


def texts(marked: str) -> list[str]:
    return [one.text for one in offered(marked)]


def below(marked: str) -> list[str]:
    """What is offered in the YAML of a cell."""
    return texts(CELL + marked)


def applied(marked: str, text: str) -> str:
    cell, _, after = marked.partition("¦")
    (chosen,) = [one for one in offered(marked) if one.text == text]
    return cell[: chosen.start] + chosen.text + after


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in (
        "tea.yaml",
        "teas.yml",
        "tea.json",
        "notes.txt",
        ".hidden.yaml",
        "two words.yaml",
        "configs/deep.yaml",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


# The magic's line


def test_a_line_begins_with_a_command(folder: Path) -> None:
    assert texts("%deepfabric ¦")[: len(COMMANDS)] == list(COMMANDS)
    assert texts("%deepfabric te¦") == ["tea.yaml", "teas.yml"]
    assert texts("%deepfabric re¦") == ["resume", "report"]
    assert texts("frame = %deepfabric re¦") == ["resume", "report"]
    assert texts("x = 1\n  %deepfabric st¦\ny = 2") == ["stop"]


@pytest.mark.parametrize(
    "text",
    [
        "¦",
        "%deepfabric¦",
        "%%deepfabric¦",
        "%deepfabricx ¦",
        "deepfabric ¦",
        "x\n%%deepfabric ¦",
        "%%bash\n%deepfabric ¦",
    ],
)
def test_nothing_is_offered_outside_of_our_magics(text: str) -> None:
    assert texts(text) == []


def test_the_first_line_of_a_cell_takes_commands_and_the_flags_of_generate() -> None:
    assert {"generate", "topics", "--provider", "--background"} <= set(texts("%%deepfabric ¦\ntopics:\n"))
    assert texts("%%deepfabric --to¦\n") == [
        "--topic-prompt",
        "--topics-system-prompt",
        "--topics-save-as",
        "--topics-load",
        "--topic-only",
    ]
    assert texts("\n\n%%deepfabric --backg¦") == ["--background"]


def test_a_command_offers_its_own_flags_with_their_help() -> None:
    assert texts("%deepfabric stop --¦") == ["--now"]
    (depth,) = offered("%deepfabric generate --dep¦")
    assert (depth.text, depth.start, depth.hint) == ("--depth", 21, "Levels of topics below the root.")


def test_a_flag_that_is_given_is_not_offered_again_nor_its_opposite() -> None:
    assert "--mode" not in texts("%deepfabric generate --mode tree --¦")
    assert "--mode" not in texts("%deepfabric generate --mode=tree --¦")
    assert "--include-system-message" not in texts("%deepfabric generate --no-system-message --¦")


def test_a_deprecated_flag_is_not_offered() -> None:
    assert texts("%deepfabric generate --agent¦") == []


def test_a_flag_with_choices_offers_them() -> None:
    assert texts("%deepfabric generate --mode ¦") == ["tree", "graph"]
    assert texts("%deepfabric generate --mode g¦") == ["graph"]
    assert applied("%%deepfabric --mode=¦\n", "graph") == "%%deepfabric --mode=graph\n"
    assert texts("%deepfabric generate --num-samples ¦") == ["auto"]
    assert texts("%%deepfabric --provider s¦") == ["simulated"]
    assert texts("%deepfabric generate --depth ¦") == []


def test_a_result_goes_to_a_name_of_the_notebook() -> None:
    assert texts("%%deepfabric --out top¦\n") == ["topic", "topics"]
    assert texts("%%deepfabric --name ¦\n") == []


@pytest.mark.parametrize("command", ["resume", "stop", "export"])
def test_runs_are_offered_by_name(command: str) -> None:
    assert set(RUNS) <= set(texts(f"%deepfabric {command} ¦"))
    assert texts(f"%deepfabric {command} q¦") == ["quick-hare"]


@pytest.mark.parametrize("command", ["generate", "watch", "validate", "topics", "export"])
def test_config_files_are_offered_with_folders_to_go_on_in(folder: Path, command: str) -> None:
    assert texts(f"%deepfabric {command} te¦") == ["tea.yaml", "teas.yml"]
    assert texts(f"%deepfabric {command} con¦") == ["configs/"]
    assert texts(f"%deepfabric {command} configs/¦") == ["configs/deep.yaml"]
    assert texts(f"%deepfabric {command} {folder}/configs/d¦") == [f"{folder}/configs/deep.yaml"]
    assert texts(f"%deepfabric {command} nowhere/¦") == []
    assert texts(f"%deepfabric {command} .h¦") == [".hidden.yaml"]
    assert "'two words.yaml'" in texts(f"%deepfabric {command} ¦")


def test_datasets_and_runs_are_offered_for_a_report(folder: Path) -> None:
    (folder / "made.jsonl").touch()
    assert texts("%deepfabric report m¦") == ["made.jsonl"]
    assert set(RUNS) <= set(texts("%deepfabric report ¦"))
    assert "made.jsonl" in texts("%deepfabric report --against ¦")


def test_datasets_and_runs_are_offered_to_be_read(folder: Path) -> None:
    (folder / "made.jsonl").touch()
    assert texts("%deepfabric samples m¦") == ["made.jsonl"]
    assert set(RUNS) <= set(texts("%deepfabric samples ¦"))


def test_traces_are_offered_where_one_is_shown(folder: Path) -> None:
    (folder / "calls.jsonl").touch()
    assert texts("%deepfabric trace c¦") == ["calls.jsonl", "configs/"]
    assert "--failed" in texts("%deepfabric trace calls.jsonl ¦")


def test_a_flag_that_takes_a_file_offers_files(folder: Path) -> None:
    assert texts("%%deepfabric --topics-load te¦\n") == ["tea.json", "tea.yaml", "teas.yml"]
    assert texts("%%deepfabric te¦\n") == []


# Keys


def test_a_cell_begins_with_the_sections() -> None:
    assert set(below("¦")) >= SECTIONS
    assert below("to¦") == ["topics:"]


def test_a_section_offers_its_keys_with_what_they_take() -> None:
    assert below("topics:\n  ¦")[:3] == ["prompt: ", "mode: ", "system_prompt: "]
    (depth,) = offered(f"{CELL}topics:\n  dep¦")
    assert (depth.text, depth.hint) == ("depth: ", "integer, 1 to 10, default 2")
    assert applied(f"{CELL}topics:\n  dep¦\noutput:\n", "depth: ") == f"{CELL}topics:\n  depth: \noutput:\n"


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("topics:\n  prompt: A\n  ¦", "mode: "),
        ("topics:\n  prompt: A\n¦\n", "llm:"),
        ("topics: # what it covers\n\n    # and a comment\n    ¦", "prompt: "),
        ("topics: &t\n  ¦", "prompt: "),
        ("topics:\n  llm:\n    simulated:\n      lat¦", "latency: "),
        ("topics:\n  llm:\n    simulated:\n      latency: 1\n    mod¦", "model: "),
        ("topics:\n  llm:\n    simulated:\n      latency: 1\n  mod¦", "mode: "),
        ('"topics":\n  ¦', "prompt: "),
        ("---\ntopics:\n  ¦", "prompt: "),
        ("topics:\n  prompt: |\n    some: text\n  mod¦", "mode: "),
        ("topics:\n  prompt: 'it''s\n    some: text'\n  mod¦", "mode: "),
        ('topics:\n  prompt: "some\\"\n    mode: text"\n  mod¦', "mode: "),
        ("topics:\n  prompt: 'unfinished\n  mod¦", "mode: "),
        ("topics:\n  prompt: a long text\n    that goes on\n  mod¦", "mode: "),
        ("topics:\n  prompt: A\n  m¦: tree", "mode"),
        ("generation:\n  tools:\n    mcp:\n      files:\n        com¦", "command: "),
        ("generation:\n  tools:\n    mock:\n      search:\n        fixtures:\n          - ¦", "match: "),
        (
            "generation:\n  tools:\n    mock:\n      search:\n        fixtures:\n        - match: {}\n          ¦",
            "response: ",
        ),
        ("generation:\n  tools:\n    custom:\n    - name: x\n      a: |\n        b\n    max_p¦", "max_per_query: "),
    ],
)
def test_the_place_is_told_by_indentation(text: str, first: str) -> None:
    assert below(text)[:1] == [first]


@pytest.mark.parametrize(
    "text",
    [
        "topics:\n  prompt: |\n    ¦",
        "topics:\n  prompt: |\n    mode¦",
        "topics:\n  prompt: |\n    one\n¦\n    two",
        "prompt: >-  # folded\n  ¦",
        "topics:\n  prompt: 'one\n    mo¦'",
        'topics:\n  prompt: "one\n    mode: ¦\n    two"',
        "- |\n  to¦",
        "# to¦",
        "topics:\n  # mo¦",
        "topics:\n  mode: tree # ¦",
        "topics:\n  prompt: A\n    mo¦",
        "topics:\n    prompt: A\n  mo¦",
        "topics:\n  ¦\n    prompt: A",
        "topics:\n  prompt: A\n   ¦",
        "topics:\n ¦ prompt: A",
        "topics:\n¦\n  # comment\n  prompt: A",
        "generation:\n  tools:\n    mock:\n      a:\n        fixtures:\n        ¦\n        - match: {}",
        "topics:\n  mo¦de: tree",
        "topics:\n  some words ¦",
        "topics: {¦",
        "topics:\n  prompt: ¦",
        "topics:\n  degree: ¦",
        "topics:\n  nothing:\n    ¦",
        "\ttopics:\n\t¦",
        "generation:\n  tools:\n    custom:\n      -¦",
    ],
)
def test_nothing_is_offered_in_running_text_or_where_no_key_can_stand(text: str) -> None:
    assert below(text) == []


def test_keys_that_are_written_are_not_offered_again_above_or_below() -> None:
    keys = below("topics:\n  prompt: A\n  ¦\n  mode: tree\n  llm:\n    model: x\noutput:\n  save_as: o\n")
    assert "depth: " in keys and "save_as: " in keys
    assert not {"prompt: ", "mode: ", "llm:"} & set(keys)
    assert not {"topics:", "output:"} & set(below("topics:\n  prompt: A\n¦\noutput:\n"))


def test_each_item_of_a_list_has_keys_of_its_own() -> None:
    fixtures = "generation:\n  tools:\n    mock:\n      search:\n        fixtures:\n        - match: {}\n"
    assert below(f"{fixtures}        - ¦\n          response: 1\n") == ["match: "]
    assert below(f"{fixtures}        - ¦\n        - response: 1\n") == ["match: ", "response: "]


# Values


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("topics:\n  mode: ¦", ["tree", "graph"]),
        ("topics:\n  mode:   g¦", ["graph"]),
        ("output:\n  include_system_message: ¦  # comment", ["true", "false"]),
        ("output:\n  num_samples: ¦", ["auto"]),
        ("llm:\n  client: d¦", ["direct"]),
        ("generation:\n  llm:\n    provider: sim¦", ["simulated"]),
        ("generation:\n  conversation:\n    type: ¦", ["basic", "cot"]),
        ("topics:\n  mode: tree ¦", []),
        ("topics:\n  mode: ¦tree", []),
    ],
)
def test_a_key_offers_its_values(text: str, values: list[str]) -> None:
    assert below(text) == values


def test_every_provider_is_offered() -> None:
    offered_providers = below("llm:\n  provider: ¦")
    assert sorted(offered_providers) == sorted(KEY_VARIABLES)
    assert "simulated" in offered_providers[:4]


def test_right_behind_a_colon_values_are_offered_with_the_space_that_belongs_there() -> None:
    assert below("topics:\n  mode:¦") == [" tree", " graph"]
    assert applied(f"{CELL}llm:\n  provider:¦", " simulated") == f"{CELL}llm:\n  provider: simulated"


def test_behind_an_empty_section_its_keys_are_offered_below_it() -> None:
    assert applied(f"{CELL}llm:¦\ntopics:", "\n  provider: ") == f"{CELL}llm:\n  provider: \ntopics:"
    assert "\n    llm:" in below("quality:\n  judge: ¦\n  gates: ")
    assert below("topics:¦\n  prompt: Tea") == []


def test_a_value_replaces_what_was_typed_of_it() -> None:
    assert applied(f"{CELL}topics:\n  mode: g¦\n", "graph") == f"{CELL}topics:\n  mode: graph\n"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("topics:\n  prompt: !var ¦", NAMES),
        ("topics:\n  prompt: !var topi¦", ["topic", "topics"]),
        ("topics:\n  prompt: !v¦", ["!var "]),
        ("topics:\n  prompt: !other t¦", []),
        ("huggingface:\n  tags:\n    - !var fr¦", ["frame"]),
        ("topics:\n  !var t¦", ["topic", "topics"]),
    ],
)
def test_a_variable_is_completed_by_the_names_of_the_notebook(text: str, names: list[str]) -> None:
    assert below(text) == names
    if names:
        assert applied(CELL + text, names[0]).endswith(names[0])


# Whatever is typed

FRAGMENTS = [
    "topics",
    "llm",
    "mode",
    "mcp",
    ":",
    ": ",
    "- ",
    "-",
    "\n",
    "  ",
    " ",
    "|",
    ">",
    "'",
    '"',
    "#",
    "!var ",
    "{",
    "}",
    "é",
    "x",
]
anything = st.lists(st.sampled_from([*FRAGMENTS, "%%deepfabric", "%deepfabric ", "--mode ", "=", "\\", "\t"])).map(
    "".join
)


@given(st.one_of(anything, anything.map(CELL.__add__), st.text()), st.integers(-2, 200))
def test_no_text_and_no_cursor_makes_it_fail(cell: str, cursor: int) -> None:
    for one in complete(cell, cursor, runs=RUNS, names=NAMES, commands=COMMANDS):
        assert 0 <= one.start <= min(max(cursor, 0), len(cell))
        assert one.text.startswith(cell[one.start : max(cursor, 0)])


WRITTEN = """\
llm:
  provider: simulated  # no key needed
  simulated:
    latency: 0.5
topics:
  prompt: |
    Tea: its kinds

    mode: of brewing
  llm:
    model: "x: y"
generation:
  system_prompt: "You know
    depth: and tea"
  tools:
    mcp:
      files:
        args: [a, b]
    mock:
      search:
        fixtures:
        - match: {a: 1}
          response: x
        -   response: y
output:

  save_as: o
"""


def known_paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Each key of a config, with the path of the section that it stands in."""
    for part, inner in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        if isinstance(part, str):
            yield path, part
        yield from known_paths(inner, (*path, part))


@given(st.integers(0, WRITTEN.count("\n")), st.sampled_from([*(" " * n for n in range(11)), " " * 8 + "- "]), st.data())
def test_a_completed_key_is_one_that_the_schema_knows_at_that_place(line: int, begun: str, data: st.DataObject) -> None:
    lines = WRITTEN.split("\n")
    above, under = "\n".join([*lines[:line], begun]), "\n" + "\n".join(lines[line:])
    found = complete(CELL + above + under, len(CELL + above), runs=RUNS, names=NAMES, commands=COMMANDS)
    if not found:
        return
    key = data.draw(st.sampled_from(found)).text
    assert re.fullmatch(r"\w+: ?", key)
    content = yaml.safe_load(above + key.strip() + " MARK" + under)
    ((path, name),) = [place for place in known_paths(content) if marked(content, place) == "MARK"]
    assert name in known_keys(path)


def marked(content: Any, place: tuple[tuple[str | int, ...], str]) -> Any:
    for part in place[0]:
        content = content[part]
    return content[place[1]]


# In a shell


@pytest.fixture
def shell(tmp_path: Path) -> InteractiveShell:
    """A shell of its own, which keeps no history."""
    shell = InteractiveShell(ipython_dir=str(tmp_path), config=Config({"HistoryManager": {"enabled": False}}))
    shell.user_ns.update(topic="Tea", topics=3)
    return shell


Ask = Callable[[str], list[str]]


@pytest.fixture
def ask(shell: InteractiveShell) -> Ask:
    """What the shell offers at the mark; our matcher is in it."""
    matcher = make_matcher(lambda: [name for name in shell.user_ns if name[0] != "_"], lambda: RUNS, COMMANDS)
    shell.Completer.custom_matchers.append(matcher)
    return lambda marked: [text for text, _ in asked(shell, marked)]


def asked(shell: InteractiveShell, marked: str) -> list[tuple[str, str]]:
    """Each completion, and the cell with it, as the kernel asks for them."""
    cell, _, after = marked.partition("¦")
    with provisionalcompleter():
        found = list(rectify_completions(cell + after, shell.Completer.completions(cell + after, len(cell))))
    return [(one.text, cell[: one.start] + one.text + cell[one.end :] + after) for one in found]


def test_the_shell_offers_keys_and_values_in_the_order_of_the_schema(ask: Ask) -> None:
    assert ask(f"{CELL}topics:\n  ¦\noutput:\n")[:3] == ["prompt: ", "mode: ", "system_prompt: "]
    assert ask(f"{CELL}topics:\n  mode: ¦\noutput:\n  save_as: é\n") == ["tree", "graph"]
    assert ask("x = 1\n%deepfabric generate --mode g¦\ny = 2") == ["graph"]
    assert ask("%%deepfabric --mode=g¦\ntopics:\n") == ["graph"]


def test_the_shell_replaces_exactly_what_was_typed(shell: InteractiveShell, ask: Ask) -> None:
    done = [text for _, text in asked(shell, f"{CELL}topics:\n  mode: tree\n  prompt_¦\noutput:\n")]
    assert done == [f"{CELL}topics:\n  mode: tree\n  prompt_style: \noutput:\n"]
    done = [text for _, text in asked(shell, f"{CELL}topics:\n  prompt: !var topic¦")]
    assert done == [f"{CELL}topics:\n  prompt: !var topic", f"{CELL}topics:\n  prompt: !var topics"]


def test_the_shell_offers_nothing_else_in_our_cells(ask: Ask) -> None:
    assert ask(f"{CELL}topics:\n  prompt: |\n    to¦") == []
    assert ask(f"{CELL}topics:\n  prompt: topic.¦") == []
    assert ask(f"{CELL}topics:\n  prompt: %ti¦") == []
    assert ask("%deepfabric resume zzz¦") == []


def test_the_shell_completes_everything_else_as_before(ask: Ask) -> None:
    assert "topics" in ask("topi¦")
    assert "topics" in ask("%%time\ntopi¦")
    assert ask("%%timei¦") == ["%%timeit"]
    assert any("upper" in text for text in ask("topic.up¦"))


def test_a_fault_in_completion_offers_nothing_and_leaves_the_shell_alone(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> list[str]:
        raise RuntimeError("broken")

    shell.Completer.custom_matchers.append(make_matcher(broken, broken, COMMANDS))
    assert "graph" not in [text for text, _ in asked(shell, f"{CELL}topics:\n  mode: gra¦")]
    assert "topics" in [text for text, _ in asked(shell, "topi¦")]
    assert capsys.readouterr() == ("", "")
