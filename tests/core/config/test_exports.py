"""Exports in a config are read and checked as it is loaded, and formatters of older configs become exports."""

from __future__ import annotations

import pytest

from deepfabric_core.config.exports import FORMATS
from deepfabric_core.config.load import Loaded, load
from deepfabric_core.errors import ConfigError
from deepfabric_core.export.formats import BUILT_IN


def loaded(output: str) -> Loaded:
    text = f"topics: {{prompt: Tea}}\ngeneration: {{system_prompt: Teach.}}\noutput:\n  save_as: tea.jsonl\n{output}"
    return load(text, source="tea.yaml")


def test_the_names_that_a_config_knows_are_those_of_the_formats() -> None:
    assert set(FORMATS) == set(BUILT_IN)


def test_exports_are_names_or_mappings_with_the_options_of_the_command() -> None:
    found = loaded(
        "  exports:\n    - trl\n    - {to: openai, path: o.parquet, split: 'train=90, test=10', hold_out: [Green]}\n"
        "    - {to: own.jinja, split: {train: 0.5, dev: 0.5}, check: qwen3, context: 512}\n"
    )
    first, second, third = found.config.output.all_exports
    assert (first.to, first.path, first.split, first.check) == ("trl", None, None, None)
    assert (second.path, second.split, second.hold_out) == ("o.parquet", {"train": 0.9, "test": 0.1}, ["Green"])
    assert (third.split, third.check, third.context) == ({"train": 0.5, "dev": 0.5}, "qwen3", 512)
    assert found.notices == ()


@pytest.mark.parametrize(
    ("exports", "said"),
    [
        ("[trll]", r"output\.exports\[0\]\.to: there is no format trll \(did you mean trl\?\); there are trl, "),
        ("[trl, {to: trl, pat: a}]", r"unknown key output\.exports\[1\]\.pat; did you mean output\.exports\[1\]\.path"),
        ("[{to: trl, split: train=0.9}]", r"output\.exports\[0\]\.split: the shares add up to 0\.9; make it 1"),
        ("[{to: trl, split: train}]", r"output\.exports\[0\]\.split"),
        ("[{to: trl, hold_out: [Tea]}]", "hold_out divides a dataset"),
        ("[{to: trl, context: 9}]", "context and assistant_only are for a check"),
        ("[{to: trl, reasoning: tags}]", r"output\.exports\[0\]\.reasoning"),
        ("[{path: a.jsonl}]", r"output\.exports\[0\]\.to is required"),
        ("trl", r"output\.exports: must be a valid list"),
    ],
)
def test_what_is_wrong_is_told_with_its_line_and_key(exports: str, said: str) -> None:
    with pytest.raises(ConfigError, match=rf"tea\.yaml, line 5: .*{said}") as told:
        loaded(f"  exports: {exports}\n")
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("template", "to", "said"),
    [
        ("builtin://trl_sft_tools", "trl", ""),
        ("builtin://openai.py", "openai", ""),
        ("builtin://alpaca.py", "alpaca", ""),
        ("builtin://sharegpt", "sharegpt", ""),
        ("builtin://chatml.py", "trl", ""),
        ("builtin://im_format.py", "chatml", ""),
        ("builtin://harmony.py", "harmony", ""),
        ("builtin://grpo.py", "grpo", "is carried out as grpo, as grpo's rows are prompts"),
        ("builtin://unsloth.py", None, "isn't carried out: there is no unsloth; write sharegpt, which Unsloth reads"),
        ("builtin://single_tool_call.py", None, "isn't carried out: there is no single_tool_call; write sharegpt"),
        ("builtin://xlam_v2.py", None, "isn't carried out: there is no xlam_v2; write trl"),
        ("builtin://teapot", None, "isn't carried out: there is no teapot; write output.exports"),
        ("file://./mine.py", None, "it is code, and a config's code isn't run"),
    ],
)
def test_a_formatter_of_an_older_config_is_an_export_or_a_sentence(template: str, to: str | None, said: str) -> None:
    found = loaded(f"  formatters:\n    - {{name: one, template: '{template}', output: one.jsonl}}\n")
    made = [(export.to, export.path) for export in found.config.output.all_exports]
    assert made == ([(to, "one.jsonl")] if to else [])
    (notice,) = found.notices or ("",)
    assert said in notice and notice.startswith("tea.yaml, line 5: the formatter one " if said else "")


def test_the_form_that_a_formatter_asks_for_counts_and_other_options_are_told() -> None:
    found = loaded(
        "  formatters:\n"
        "    - {name: a, template: 'builtin://chatml', config: {output_format: text, require_system_message: true}}\n"
        "    - {name: b, template: 'builtin://harmony.py', config: {output_format: structured}}\n"
        "    - {name: c, template: 'builtin://trl_sft_tools', config: {}}\n"
    )
    assert [export.to for export in found.config.output.all_exports] == ["chatml", "trl"]
    first, second = found.notices
    assert first.endswith("the formatter a is carried out as chatml, without its options require_system_message.")
    assert second.endswith("the formatter b isn't carried out: there is no harmony; write harmony as text, or trl.")
