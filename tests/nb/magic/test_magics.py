"""The magic in a shell: what it makes, what it says, what it refuses."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

from deepfabric_core.errors import ConfigError, DeepFabricError
from deepfabric_core.llm.limits.learned import Learned
from deepfabric_core.llm.limits.learned_file import Target, keep
from deepfabric_nb.runs.run import Run
from deepfabric_nb.runs.session import session_of
from tests import ROOT
from tests.core.conftest import Run as CommandLine
from tests.nb.conftest import TEA, Cell, tea

Capture = pytest.CaptureFixture[str]
SLOW = TEA.replace("{provider: simulated}", "{provider: simulated, simulated: {latency: 0.3}}")


def test_a_cell_with_a_config_becomes_a_frame(cell: Cell, place: Path) -> None:
    frame = cell("%%deepfabric", TEA)
    assert len(frame) == 9
    assert frame.attrs["samples"] == {"done": 9, "failed": 0, "wanted": 9}
    assert [json.loads(line)["messages"] for line in (place / "tea.jsonl").read_text().splitlines()] == list(
        frame["messages"]
    )


def test_the_cell_and_the_command_line_make_the_same_dataset(cell: Cell, place: Path, deepfabric: CommandLine) -> None:
    cell("%%deepfabric --num-samples 20 --batch-size 7", SLOW.replace("latency: 0.3", "latency: 0.01"))
    (place / "config.yaml").write_text(TEA)
    done = deepfabric("generate", "config.yaml", "--num-samples", "20", "--output-save-as", "there.jsonl")
    assert done.returncode == 0, done.stderr
    assert (place / "tea.jsonl").read_bytes() == (place / "there.jsonl").read_bytes()


def test_every_flag_of_the_command_line_is_a_flag_of_the_magic(cell: Cell, deepfabric: CommandLine) -> None:
    offered = set(re.findall(r"--[a-z][a-z-]*", deepfabric("generate", "--help").stdout))
    values = {"--provider": "simulated", "--conversation-type": "basic", "--mode": "graph", "--tui": "simple"}
    values["--engine"] = "local"
    switches = {"--topic-only", "--resume", "--fresh", "--retry-failed", "--accept-changes", "--debug"}
    switches |= {"--include-system-message", "--no-system-message", "--yes"}
    assert len(offered) > 25
    from deepfabric_nb.magic.commands import COMMANDS, read

    for flag in offered - {"--help"}:
        choices = {"--reasoning-style": "agent", "--agent-mode": "single_turn"} | values
        words = [flag] if flag in switches else [flag, choices.get(flag, "2")]
        line = read(" ".join(["generate", *words]), cell=True)
        name = {"--no-system-message": "include_system_message"}.get(flag, flag[2:].replace("-", "_"))
        assert line.values[name] is not None, flag
    assert "generate" in COMMANDS


def test_flags_win_over_the_cell(cell: Cell) -> None:
    assert len(cell("%%deepfabric --num-samples 4", TEA)) == 4


def test_out_assigns_instead_of_showing(cell: Cell, shell: InteractiveShell) -> None:
    assert cell("%%deepfabric --out tea", TEA) is None
    assert len(shell.user_ns["tea"]) == 9


def test_a_file_can_be_generated_from_a_line(cell: Cell, place: Path) -> None:
    (place / "config.yaml").write_text(TEA)
    assert len(cell("%deepfabric generate config.yaml --num-samples 2")) == 2
    assert len(cell("%deepfabric config.yaml --num-samples 3")) == 3


def test_a_finished_cell_run_again_calls_nothing_and_says_so(cell: Cell, capsys: Capture) -> None:
    first = cell("%%deepfabric", TEA)
    capsys.readouterr()
    again = cell("%%deepfabric", TEA)
    said = capsys.readouterr().out
    assert "Nothing was called" in said and "--fresh" in said
    assert again.drop(columns=["made_at"]).equals(first.drop(columns=["made_at"]))
    assert cell("%%deepfabric --fresh --out f --name anew", TEA) is None


def test_other_instructions_leave_the_topics_alone(cell: Cell, shell: InteractiveShell) -> None:
    cell("%%deepfabric", TEA)
    cell(
        "%%deepfabric --name brief --background --out run", TEA.replace("You teach.", "You teach, instructions: Short")
    )
    assert shell.user_ns["run"].wait().usage["calls"] == 9


def test_values_of_the_notebook_keep_their_types(cell: Cell, shell: InteractiveShell) -> None:
    shell.user_ns |= {"wanted": 4, "subject": "Tea {and} more"}
    text = TEA.replace("num_samples: auto", "num_samples: !var wanted").replace("prompt: Tea", "prompt: !var subject")
    frame = cell("%%deepfabric", text)
    assert len(frame) == 4
    assert frame["topic_path"][0][0] == "Tea {and} more"


def test_braces_in_prompts_stay_as_they_are(cell: Cell, shell: InteractiveShell) -> None:
    shell.user_ns["name"] = "gone"
    frame = cell('%%deepfabric --topic-prompt "Greeting {name}" --num-samples 1', TEA)
    assert frame["topic_path"][0][0] == "Greeting {name}"


@pytest.mark.parametrize(
    ("line", "body", "said"),
    [
        ("%%deepfabric", TEA.replace("depth", "dept"), "the cell, line 3: unknown key topics.dept; did you mean"),
        ("%%deepfabric", "topics: [}", "the cell, line 2, column"),
        ("%%deepfabric", TEA.replace("simulated}", "simulated"), "the cell, line 2, column 6: not valid YAML: this {"),
        ("%%deepfabric --num-sample 3", TEA, "--num-samples"),
        ("%%deepfabric --mode forest", TEA, "forest"),
        ("%%deepfabric --resume --fresh", TEA, "contradict"),
        ('%%deepfabric --topic-prompt "half', TEA, "quotation"),
        ("%%deepfabric", TEA.replace("prompt: Tea", "prompt: !var nothing"), "the cell, line 3"),
        ("%%deepfabric --out not-a-name", TEA, "variable's name"),
        ("%%deepfabric generat", TEA, "perhaps generate"),
        ("%%deepfabric --provider openai", TEA, "OPENAI_API_KEY"),
    ],
)
def test_a_mistake_is_one_sentence(cell: Cell, line: str, body: str, said: str) -> None:
    with pytest.raises(DeepFabricError) as problem:
        cell(line, body)
    shown = problem.value._render_traceback_()
    assert len(shown) == 1 and said in shown[0], shown


@pytest.mark.parametrize("line", ["generate", "generate nowhere.yaml", "watch", "stop", "stop x", "resume x", "export"])
def test_a_line_that_lacks_something_says_what(cell: Cell, line: str) -> None:
    with pytest.raises(DeepFabricError) as problem:
        cell(f"%deepfabric {line}")
    assert str(problem.value).endswith((".", "'.")), str(problem.value)


def test_debug_shows_the_whole_error(cell: Cell) -> None:
    with pytest.raises(DeepFabricError, match="unknown key") as problem:
        cell("%%deepfabric --debug", TEA.replace("depth", "dept"))
    shown = problem.value._render_traceback_()
    assert shown[0].startswith("Traceback") and any("ValidationError" in line for line in shown)


def test_help_is_there_for_all_and_for_each(cell: Cell, capsys: Capture) -> None:
    cell("%deepfabric")
    cell("%deepfabric generate --help")
    said = capsys.readouterr().out
    assert "%deepfabric watch" in said and "--num-samples" in said
    cell("%%deepfabric resume --help")
    assert "--max-cost" in capsys.readouterr().out


def test_validate_shows_the_plan_and_spends_nothing(cell: Cell, place: Path) -> None:
    plan = repr(cell("%%deepfabric validate --provider anthropic", TEA))
    assert "9 topic paths" in plan and "ANTHROPIC_API_KEY" in plan and "valid" in plan
    assert not list(place.glob("*.jsonl"))


def test_validate_refuses_what_a_run_would_refuse(cell: Cell, place: Path) -> None:
    misspelt = TEA.replace("teach.}", "teach., tools: {components: {builtin: [read_fil]}}}")
    with pytest.raises(ConfigError, match="read_fil"):
        cell("%%deepfabric validate", misspelt)
    (place / "tea.jsonl").mkdir()
    with pytest.raises(ConfigError, match=r"tea\.jsonl can't be written"):
        cell("%%deepfabric validate", TEA)


def test_validate_tells_that_nothing_can_be_uploaded_without_a_key(cell: Cell) -> None:
    assert "set HF_TOKEN" in repr(cell("%%deepfabric validate", TEA + "huggingface: {repository: somebody/tea}\n"))


def test_topics_of_a_cell_a_run_and_a_file(cell: Cell, place: Path) -> None:
    of_cell = cell("%%deepfabric topics", TEA)
    assert len(of_cell.topics) == 13
    assert not (place / "tea.jsonl").exists()
    cell("%%deepfabric", TEA)
    for what in ("", "tea", "tea_topics.jsonl"):
        assert cell(f"%deepfabric topics {what}").topics == of_cell.topics


def test_a_run_in_the_background_has_a_handle(cell: Cell, shell: InteractiveShell) -> None:
    cell("%%deepfabric --background --out run", SLOW)
    run = shell.user_ns["run"]
    assert isinstance(run, Run) and run.status == "running"
    assert "tea: running" in repr(run)
    cell("%deepfabric stop tea")
    run.wait()
    assert run.status == "stopped" and len(run.df) < 9
    assert len(cell("%deepfabric resume")) == 9


def test_a_run_in_the_background_pauses_and_goes_on(cell: Cell, shell: InteractiveShell) -> None:
    cell("%%deepfabric --background --out run", SLOW)
    run = shell.user_ns["run"]
    run.pause()
    while run.state.paused_at is None:
        time.sleep(0.02)
    assert run.status == "paused" and "tea: paused" in repr(run)
    run.go_on()
    assert len(run.wait().df) == 9
    assert run.status == "complete" and run.state.paused > 0


def test_two_runs_of_one_name_are_refused(cell: Cell, shell: InteractiveShell) -> None:
    cell("%%deepfabric --background --out run", SLOW)
    with pytest.raises(DeepFabricError, match="under way"):
        cell("%%deepfabric", SLOW)
    shell.user_ns["run"].stop(now=True)
    shell.user_ns["run"].wait()


def test_several_runs_at_once(cell: Cell, shell: InteractiveShell) -> None:
    for number in range(3):
        body = SLOW.replace("tea.jsonl", f"tea{number}.jsonl").replace("0.3", "0.05")
        cell(f"%%deepfabric --background --out run{number}", body)
    assert [len(shell.user_ns[f"run{number}"].wait().df) for number in range(3)] == [9, 9, 9]


def test_status_lists_what_there_is(cell: Cell) -> None:
    assert len(cell("%deepfabric status")) == 0
    cell("%%deepfabric", TEA)
    [row] = cell("%deepfabric status").to_dict("records")
    assert (row["run"], row["status"], row["done"], row["wanted"]) == ("tea", "complete", 9, 9)
    assert re.fullmatch(r"\d\d:\d\d", row["asked_at"]), "today, in local time"


def test_a_run_that_has_ended_with_failures_is_incomplete_also_for_a_later_kernel(
    cell: Cell, shell: InteractiveShell, place: Path, capsys: Capture
) -> None:
    (place / "topics.jsonl").write_text('{"path": ["Tea", "Green"]}\n{"path": ["Tea", "Black"]}\n')
    cell("%%deepfabric --topics-load topics.jsonl --num-samples 30 --background --out run", tea(malformed=0.7))
    shell.user_ns["run"].wait()
    cell("%deepfabric stop tea")
    assert "The run tea has ended already: 11 of 30 samples failed: invalid JSON." in capsys.readouterr().out
    session_of(shell).runs.clear()
    assert list(cell("%deepfabric status")["status"]) == ["incomplete"]
    with pytest.raises(ConfigError, match="There is no run named tea in this notebook"):
        cell("%deepfabric stop tea")


def test_an_exported_run_goes_on_from_the_command_line(
    cell: Cell, shell: InteractiveShell, place: Path, deepfabric: CommandLine
) -> None:
    shell.user_ns["subject"] = "Tea"
    body = SLOW.replace("prompt: Tea", "prompt: !var subject").replace("latency: 0.3", "latency: 0.1")
    cell("%%deepfabric --background --out run --batch-size 1", body)
    run = shell.user_ns["run"]
    while run.progress.stage != "samples" or not run.progress.done:
        time.sleep(0.02)
    run.stop()
    run.wait()
    made = len(run.df)
    said = str(cell("%deepfabric export server/tea.yaml"))
    words = said.splitlines()[-1].split()
    done = deepfabric(*words[1:])
    assert done.returncode == 0, done.stderr
    assert f"{made} samples were there already" in done.stdout
    assert "!var" not in (place / "server/tea.yaml").read_text()


def test_a_cell_without_flags_is_exported_as_it_was_written(cell: Cell, place: Path) -> None:
    cell("%%deepfabric", "# My tea\n" + TEA)
    cell("%deepfabric export tea.yaml")
    assert (place / "tea.yaml").read_text().startswith("# My tea\n")


def test_watch_follows_a_command_line(cell: Cell, place: Path) -> None:
    (place / "config.yaml").write_text(SLOW)
    command = [sys.executable, "-m", "deepfabric_core", "generate", "config.yaml", "--checkpoint-interval", "3"]
    root = str(ROOT)
    with subprocess.Popen(command, env={**__import__("os").environ, "PYTHONPATH": root}, stderr=subprocess.DEVNULL):
        frame = cell("%deepfabric watch config.yaml")
    assert len(frame) == 9


def test_unload_takes_everything_out(shell: InteractiveShell, cell: Cell) -> None:
    before = len(shell.Completer.custom_matchers)
    shell.run_line_magic("unload_ext", "deepfabric_nb")
    assert shell.find_line_magic("deepfabric") is None and shell.find_cell_magic("deepfabric") is None
    assert len(shell.Completer.custom_matchers) == before - 1
    shell.run_line_magic("load_ext", "deepfabric_nb")
    assert len(shell.Completer.custom_matchers) == before


def test_loading_is_light() -> None:
    code = (
        "import sys, time\nfrom IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\nbefore = time.process_time()\n"
        "shell.run_line_magic('load_ext', 'deepfabric_nb')\n"
        "print(time.process_time() - before, *(m in sys.modules for m in ('litellm', 'pandas', 'ipywidgets')))"
    )
    root = ROOT
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    seconds, *loaded = done.stdout.split()[-4:]
    assert float(seconds) < 1.5 and loaded == ["False"] * 3


def test_a_refused_cell_leaves_nothing_to_resume(cell: Cell, place: Path) -> None:
    cell("%%deepfabric", TEA)
    before = (place / "tea.jsonl").read_bytes()
    cell("%%deepfabric --background --out run --name slow", SLOW.replace("tea.jsonl", "slow.jsonl"))
    with pytest.raises(DeepFabricError, match="writing"):
        cell("%%deepfabric --name other", SLOW.replace("tea.jsonl", "slow.jsonl").replace("Tea", "Other"))
    with pytest.raises(DeepFabricError, match="can't be written"):
        cell("%%deepfabric", TEA.replace("tea.jsonl", "/proc/nowhere/tea.jsonl"))
    cell("%deepfabric stop slow --now")
    listed = cell("%deepfabric status")
    assert sorted(listed["run"][listed["status"] != "failed"]) == ["slow", "tea"]
    assert (place / "tea.jsonl").read_bytes() == before


def test_a_bad_name_for_the_result_is_refused_before_anything_is_made(cell: Cell, place: Path) -> None:
    with pytest.raises(DeepFabricError, match="variable's name"):
        cell("%%deepfabric --out 3x", TEA)
    assert not list(place.glob("*.jsonl"))


def test_a_run_stays_where_it_began(cell: Cell, shell: InteractiveShell, place: Path) -> None:
    (place / "elsewhere").mkdir()
    cell("%%deepfabric --background --out run", SLOW.replace("0.3", "0.05"))
    cell("import os; os.chdir('elsewhere')")
    shell.user_ns["run"].wait()
    assert {path.name for path in place.glob("*.jsonl")} == {"tea.jsonl", "tea_topics.jsonl"}
    assert not list((place / "elsewhere").iterdir())


def test_a_run_of_another_folder_is_not_resumed_unasked(cell: Cell, shell: InteractiveShell, place: Path) -> None:
    cell("%%deepfabric --background --out run", SLOW)
    shell.user_ns["run"].stop(now=True)
    shell.user_ns["run"].wait()
    (place / "elsewhere").mkdir()
    cell("import os; os.chdir('elsewhere')")
    with pytest.raises(DeepFabricError, match="No run of this folder"):
        cell("%deepfabric resume")
    assert len(cell("%deepfabric resume tea")) == 9


def test_topics_of_a_run_of_an_earlier_kernel(cell: Cell, shell: InteractiveShell) -> None:
    cell("%%deepfabric", TEA)
    shell.run_line_magic("unload_ext", "deepfabric_nb")
    shell.run_line_magic("load_ext", "deepfabric_nb")
    assert len(cell("%deepfabric topics tea").topics) == 13


def test_a_running_run_is_known_after_the_extension_is_loaded_again(cell: Cell, shell: InteractiveShell) -> None:
    cell("%%deepfabric --background --out run", SLOW)
    shell.run_line_magic("reload_ext", "deepfabric_nb")
    cell("%deepfabric stop tea")
    assert shell.user_ns["run"].wait().status == "stopped"


def test_learned_limits_are_shown_as_on_the_command_line(cell: Cell, deepfabric: CommandLine, capsys: Capture) -> None:
    assert cell("%deepfabric limits") is None
    assert capsys.readouterr().out == deepfabric("limits").stdout == "No limits are kept.\n"
    keep(Target("openai", "example.com/v1", "gpt-4o", "0123456789ab"), Learned(48.2))
    cell("%deepfabric limits gpt-4o")
    assert "example.com/v1  gpt-4o  89ab  48.2/s" in capsys.readouterr().out


def test_fewer_samples_say_that_the_others_are_kept(cell: Cell, capsys: Capture) -> None:
    cell("%%deepfabric --num-samples 9", TEA)
    assert len(cell("%%deepfabric --num-samples 4", TEA)) == 4
    assert "5 samples made before" in capsys.readouterr().out


def test_the_frame_says_what_its_samples_took_also_when_nothing_was_called(cell: Cell) -> None:
    first = cell("%%deepfabric", TEA).attrs["usage"]
    assert first["prompt_tokens"] > 0
    assert cell("%%deepfabric", TEA).attrs["usage"] == first


def test_a_frame_of_ours_shows_a_few_rows_unless_the_user_has_a_wish(cell: Cell, shell: InteractiveShell) -> None:
    cell("%%deepfabric --num-samples 40 --out tea", TEA)
    show = shell.display_formatter.format  # type: ignore[union-attr]
    assert show(shell.user_ns["tea"])[0]["text/html"].count("<tr") < 12
    cell("import pandas; pandas.set_option('display.max_rows', 50)")
    assert show(shell.user_ns["tea"])[0]["text/html"].count("<tr") > 40
    cell("pandas.reset_option('display.max_rows')")


def test_a_plan_of_very_many_calls_wants_the_flag_that_says_so(cell: Cell, place: Path) -> None:
    large = TEA.replace("depth: 2, degree: 3", "depth: 10, degree: 50")
    with pytest.raises(DeepFabricError, match=r"This plan is large: .* give --yes if you mean it, or less depth"):
        cell("%%deepfabric", large)
    with pytest.raises(DeepFabricError, match=r"This plan is large: .* give --yes"):
        cell("%%deepfabric topics", large)
    assert "asks first, or wants --yes" in repr(cell("%%deepfabric validate", large))
    run = cell("%%deepfabric --background --yes --topic-only --out run", large) or cell("run")
    run.stop(now=True)
    run.wait()
    assert run.state.ending == "stopped"
