"""What a config means, and what is said about a wrong one."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.config.load import REPLACED, Loaded, load
from deepfabric_core.config.secret_keys import masked_config, secrets_in
from deepfabric_core.config.yaml_document import as_yaml, parse_document
from deepfabric_core.errors import ConfigError

MINIMAL = "topics: {prompt: Bicycles}\ngeneration: {system_prompt: You know bicycles.}\noutput: {save_as: out.jsonl}\n"
SECRET = "sk-abcdef123456"  # noqa: S105


def loaded(text: str, **overrides: Any) -> Loaded:
    return load(text, source="c.yaml", overrides={key.replace("__", "."): value for key, value in overrides.items()})


def refused(text: str, **overrides: Any) -> str:
    with pytest.raises(ConfigError) as problem:
        loaded(text, **overrides)
    return str(problem.value)


def test_a_minimal_config_gets_every_default_without_a_notice() -> None:
    config, notices = loaded(MINIMAL).config, loaded(MINIMAL).notices
    assert notices == ()
    assert (config.topics.mode, config.topics.depth, config.topics.degree) == ("tree", 2, 3)
    assert (config.topics.max_concurrent, config.topics.max_tokens, config.topics.prompt_style) == (4, 1000, "default")
    assert (config.generation.conversation.type, config.generation.conversation.reasoning_style) == ("basic", None)
    assert (config.generation.max_retries, config.generation.sample_retries) == (3, 2)
    assert (config.generation.max_tokens, config.generation.tools) == (2000, None)
    assert (config.output.num_samples, config.output.batch_size, config.output.format) == (3, 5, "messages")
    assert config.output.include_system_message and config.output.checkpoint is None
    assert (config.llm.provider, config.llm.model, config.llm.temperature) == ("openai", "gpt-4o", 0.7)
    assert config.topics.llm == config.generation.llm == config.llm


def test_a_section_inherits_the_shared_llm_key_by_key() -> None:
    config = loaded(
        "llm: {provider: anthropic, model: shared, temperature: 0.1}\n"
        "topics: {prompt: A, llm: {model: own}}\n"
        "generation: {system_prompt: B, llm: {temperature: 0}}\n"
        "output: {save_as: o}\n"
    ).config
    topics, generation = config.topics.llm, config.generation.llm
    assert (topics.provider, topics.model, topics.temperature) == ("anthropic", "own", 0.1)
    assert (generation.provider, generation.model, generation.temperature) == ("anthropic", "shared", 0)


def test_an_override_wins_over_what_is_written_even_when_it_is_zero() -> None:
    text = MINIMAL.replace("{prompt: Bicycles}", "{prompt: Bicycles, llm: {model: own, temperature: 0.5}}")
    config = loaded(text, topics__llm__model="flag", topics__llm__temperature=0, topics__depth=4).config
    assert (config.topics.llm.model, config.topics.llm.temperature, config.topics.depth) == ("flag", 0, 4)
    assert config.generation.llm.model == "gpt-4o"


def test_overrides_alone_can_make_a_config_of_an_empty_file() -> None:
    config = loaded("", topics__prompt="A", generation__system_prompt="B", output__save_as="o").config
    assert config.topics.prompt == "A"


@pytest.mark.parametrize(
    ("addition", "line", "key", "hint"),
    [
        ("llm:\n  modle: x\n", 5, "llm.modle", "did you mean llm.model?"),
        ("llm:\n  model: x\n  degree: 4\n", 6, "llm.degree", "did you mean topics.degree?"),
        ("outptu: {}\n", 4, "outptu", "did you mean output?"),
        ("llm:\n  simulated: {zzz: 1}\n", 5, "llm.simulated.zzz", "valid here: latency, rate_limited"),
    ],
)
def test_an_unknown_key_is_named_with_its_line_and_the_nearest_key(
    addition: str, line: int, key: str, hint: str
) -> None:
    assert f"c.yaml, line {line}: unknown key {key}; {hint}" in refused(MINIMAL + addition)


def test_every_mistake_is_told_at_once_and_a_shared_one_only_once() -> None:
    sentences = refused(MINIMAL + "llm:\n  temperature: 9\n  modle: x\n").splitlines()
    assert len(sentences) == 2
    assert any(sentence.startswith("c.yaml, line 5: llm.temperature: must be less than") for sentence in sentences)


@pytest.mark.parametrize(
    ("section", "bad", "key"),
    [
        ("topics: {prompt: Bicycles", "depth: 11", "topics.depth"),
        ("topics: {prompt: Bicycles", "degree: 0", "topics.degree"),
        ("topics: {prompt: Bicycles", "mode: forest", "topics.mode"),
        ("topics: {prompt: Bicycles", "llm: 5", "topics.llm"),
        ("topics: {prompt: Bicycles", "llm: {base_url: localhost}", "topics.llm.base_url"),
        ("topics: {prompt: Bicycles", "llm: {temperature: .nan}", "topics.llm.temperature"),
        (
            "generation: {system_prompt: You know bicycles.",
            "conversation: {reasoning_style: freetext}",
            "reasoning_style goes only with type cot",
        ),
        ("generation: {system_prompt: You know bicycles.", "output_schema: {type: array}", "generation.output_schema"),
        ("generation: {system_prompt: You know bicycles.", "output_schema: {properties: 3}", "not a JSON Schema"),
        ("generation: {system_prompt: You know bicycles.", "rate_limit: {max_retries: 21}", "rate_limit.max_retries"),
        ("output: {save_as: out.jsonl", "checkpoint: {}", "output.checkpoint.interval is required"),
        ("output: {save_as: out.jsonl", "format: custom", "needs generation.output_schema"),
        ("output: {save_as: out.jsonl", "num_samples: 0", "output.num_samples"),
        ("output: {save_as: out.jsonl", "num_samples: 1.5", "output.num_samples"),
        ("output: {save_as: out.jsonl", "num_samples: true", "output.num_samples"),
        ("output: {save_as: out.jsonl", "num_samples: 0%", "output.num_samples"),
        ("output: {save_as: out.jsonl", "num_samples: many", "output.num_samples"),
    ],
)
def test_a_bad_value_is_refused_with_its_key(section: str, bad: str, key: str) -> None:
    sentence = refused(MINIMAL.replace(section, f"{section}, {bad}"))
    assert key in sentence and sentence.startswith("c.yaml") and len(sentence.splitlines()) == 1


def test_a_price_that_the_shared_llm_lacks_is_missed_once_and_that_of_a_stage_at_the_stage() -> None:
    shared = refused(f"llm: {{prices: {{input: 1}}}}\n{MINIMAL}")
    assert shared == "c.yaml, line 1: llm.prices.output is required."
    own = "generation: {llm: {prices: {input: 1}},"
    assert ": generation.llm.prices.output is required." in refused(MINIMAL.replace("generation: {", own))


def test_what_is_no_number_is_said_in_a_short_sentence() -> None:
    assert refused(f"budget: {{cost: much}}\n{MINIMAL}") == "c.yaml, line 1: budget.cost: must be a valid number."


@pytest.mark.parametrize(
    ("written", "meant"), [("7", 7), ("'7'", 7), ("auto", "auto"), ("50%", "50%"), ("'200%'", "200%"), ("1e3", 1000)]
)
def test_a_number_of_samples_is_an_integer_or_auto_or_a_percentage(written: str, meant: int | str) -> None:
    text = MINIMAL.replace("save_as: out.jsonl", f"save_as: out.jsonl, num_samples: {written}")
    assert loaded(text).config.output.num_samples == meant


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("topics:\n  prompt: 'A\n", "c.yaml, line 2, column 11"),
        ("topics:\n  prompt: A: B\n", "c.yaml, line 2, column 12"),
        ("topics:\n\tprompt: A\n", "c.yaml, line 2, column 1"),
        ("topics: [A\n", "c.yaml, line 1, column 9"),
        ("a: !!python/object:os.system x\n", "c.yaml, line 1"),
        ("- a\n", "c.yaml: a config is a mapping"),
        ("just words\n", "c.yaml: a config is a mapping"),
        ("a: 2026-99-99\n", "c.yaml: not valid YAML: month must be"),
        (
            "a: 1\nb: {c: {d: 1}\ne: 2\n",
            "c.yaml, line 2, column 4: not valid YAML: this { has no counterpart;",
        ),
        ("a: [1,\n  {b: 2\n", "c.yaml, line 2, column 3: not valid YAML: this { has no counterpart"),
        ("a: 1\nb: 'it\nc: 2", "c.yaml, line 2, column 4: not valid YAML: this ' has no counterpart"),
        ("a: {b: 1,\n  c: 2 d: 3}\n", "c.yaml, line 2, column 9: not valid YAML: expected ',' or '}'"),
        ("a: " + "[" * 5000, "c.yaml: it is nested too deeply"),
    ],
)
def test_damaged_yaml_is_refused_with_its_place(text: str, start: str) -> None:
    assert refused(text).startswith(start)


def test_a_key_written_twice_is_refused_with_both_lines() -> None:
    assert refused("topics:\n  prompt: A\n  prompt: B\n").startswith(
        "c.yaml, line 3: topics.prompt is written twice; line 2 has it too"
    )


@pytest.mark.parametrize("old", REPLACED)
def test_a_section_of_an_older_format_is_refused_with_its_successor(old: str) -> None:
    assert f"{old} is now {REPLACED[old]}" in refused(f"{MINIMAL}{old}: {{}}\n")


def test_all_older_sections_are_told_in_one_table() -> None:
    sentence = refused("topic_tree: {}\ndata_engine: {}\ndataset: {}\n")
    assert sentence.startswith("c.yaml, line 1") and sentence.count(" is now ") == 3


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("type: chain_of_thought, reasoning_style: freetext", ("cot", "freetext")),
        ("type: cot, reasoning_style: structured", ("cot", "agent")),
        ("type: cot, reasoning_style: hybrid", ("cot", "agent")),
    ],
)
def test_a_deprecated_spelling_loads_with_a_notice(written: str, meant: tuple[str, str]) -> None:
    outcome = loaded(MINIMAL.replace("bicycles.}", f"bicycles., conversation: {{{written}}}}}"))
    conversation = outcome.config.generation.conversation
    assert (conversation.type, conversation.reasoning_style) == meant
    assert len(outcome.notices) == 1
    assert outcome.notices[0].startswith("c.yaml, line 2") and "is deprecated" in outcome.notices[0]


def test_all_unused_keys_share_one_notice() -> None:
    text = MINIMAL.replace("bicycles.}", "bicycles., save_as: x, rate_limit: {retry_on_status_codes: [429]}}")
    (notice,) = loaded(text + "evaluation: {a: 1}\ndeepfabric_cloud: {upload: all}\n").notices
    for key in ("evaluation", "deepfabric_cloud", "generation.save_as", "generation.rate_limit.retry_on_status_codes"):
        assert key in notice


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n", "---\n", "{}\n"])
def test_an_empty_file_is_told_each_missing_section_and_its_flag(text: str) -> None:
    assert refused(text).splitlines() == [
        "c.yaml: topics is required; write it there or pass --topic-prompt.",
        "c.yaml: generation is required; write it there or pass --generation-system-prompt.",
        "c.yaml: output is required; write it there or pass --output-save-as.",
    ]


@pytest.mark.parametrize(
    ("whole", "key", "flag"),
    [
        ("prompt: Bicycles", "topics.prompt", "--topic-prompt"),
        ("system_prompt: You know bicycles.", "generation.system_prompt", "--generation-system-prompt"),
        ("save_as: out.jsonl", "output.save_as", "--output-save-as"),
    ],
)
def test_a_missing_required_key_is_told_with_its_flag(whole: str, key: str, flag: str) -> None:
    sentence = refused(MINIMAL.replace(whole, "", 1))
    assert f"{key} is required; write it there or pass {flag}." in sentence


@pytest.mark.parametrize(
    "addition",
    [
        f"api_key: {SECRET}\n",
        f"llm: {{api_key: {SECRET}}}\n",
        f"llm: {{token: {SECRET}}}\n",
        f"llm: {{temperature: {SECRET}}}\n",
        f"llm: {{base_url: {SECRET}}}\n",
        f"llm: {{apikey: {SECRET}, api_key: {SECRET}}}\n",
        f"llm: {SECRET}\n",
        f"llm: {{api_key: '{SECRET}\n",
    ],
)
def test_a_value_never_appears_in_an_error_since_it_may_be_a_secret(addition: str) -> None:
    assert SECRET not in refused(MINIMAL + addition)


def test_a_key_in_the_config_is_answered_with_where_keys_belong() -> None:
    assert "API keys are read from the environment only" in refused(MINIMAL + f"llm: {{api_key: {SECRET}}}\n")


@pytest.mark.parametrize("loop", ["x: &x\n  y: *x\n", "x: &x [*x, *x, *x, *x]\n", "x: &x {a: [{b: *x}]}\n"])
def test_an_alias_that_loops_is_refused_with_its_line(loop: str) -> None:
    assert refused(MINIMAL + loop) == (
        "c.yaml, line 4: an alias (*name) in it stands for itself; write out what is meant."
    )


def test_an_alias_that_loops_in_a_known_section_is_refused() -> None:
    assert "c.yaml, line 1: an alias" in refused("topics: &t\n  prompt: A\n  again: *t\n")


def test_a_mistake_behind_an_alias_is_told_with_the_line_of_the_section() -> None:
    sections = "topics: {prompt: A, llm: &l {temperature: 9}}\ngeneration:\n  system_prompt: B\n  llm: *l\n"
    sentences = refused(sections + "output: {save_as: o}\n").splitlines()
    assert [sentence.split(":")[0] for sentence in sentences] == ["c.yaml, line 1", "c.yaml, line 4"]


def test_the_recorded_system_prompt_falls_back_to_that_of_generation() -> None:
    assert loaded(MINIMAL).config.recorded_system_prompt == "You know bicycles."
    assert loaded(MINIMAL, output__system_prompt="Other").config.recorded_system_prompt == "Other"
    assert loaded(MINIMAL, output__include_system_message=False).config.recorded_system_prompt is None


NOTEBOOK = {"topic": "Tea", "levels": 3, "tags": ["a", "b"], "share": 0.25, "tool": {"name": "brew"}, "nothing": None}


def with_variables(text: str) -> Loaded:
    return load(text, source="cell", variables=NOTEBOOK.__getitem__)


def refused_in_a_cell(text: str) -> str:
    with pytest.raises(ConfigError) as problem:
        with_variables(text)
    return str(problem.value)


def test_a_variable_puts_its_value_in_with_its_type() -> None:
    config = with_variables(
        "topics: {prompt: !var topic, depth: !var levels, save_as: !var nothing}\n"
        "generation: {system_prompt: B, tools: {custom: [!var tool]}, llm: {temperature: !var share}}\n"
        "output: {save_as: o}\nhuggingface: {repository: r, tags: !var tags}\n"
    ).config
    assert (config.topics.prompt, config.topics.depth, config.topics.save_as) == ("Tea", 3, None)
    assert (config.tools.custom, config.generation.llm.temperature) == ([{"name": "brew"}], 0.25)
    assert config.huggingface is not None and config.huggingface.tags == ["a", "b"]


def test_a_variable_may_be_a_whole_section_and_its_mistakes_have_the_line_of_the_tag() -> None:
    sentence = refused_in_a_cell(MINIMAL + "llm: !var tool\n")
    assert sentence.startswith("cell, line 4: unknown key llm.name; valid here: provider, model")


def test_a_variable_on_the_command_line_is_refused_with_its_line() -> None:
    assert refused("topics:\n  prompt: !var topic\n") == (
        "c.yaml, line 2: !var topic: a variable goes in a notebook's cell only; "
        "write the value there or export the cell's config."
    )


def test_an_unknown_variable_is_named_with_its_line_and_the_nearest() -> None:
    def nowhere(name: str) -> None:
        raise KeyError(name, "topic", "topics")

    text = "topics:\n  prompt: !var topci\n"
    assert refused_in_a_cell(text) == ("cell, line 2: !var topci: topci is not defined; run what defines it first.")
    with pytest.raises(ConfigError, match=r"topci is not defined; did you mean topic or topics\?"):
        load(text, source="cell", variables=nowhere)


@pytest.mark.parametrize("tagged", ["!var", "!var [topic]", "!var {a: b}", "!var ''"])
def test_a_variable_needs_a_name(tagged: str) -> None:
    assert refused_in_a_cell(f"topics:\n  prompt: {tagged}\n").startswith("cell, line 2: !var takes the name")


def test_what_is_wrong_with_a_value_is_told_with_its_line() -> None:
    def unfit(name: str) -> None:
        raise ConfigError(f"{name} is a function.")

    with pytest.raises(ConfigError, match=r"^cell, line 1: !var f: f is a function\.$"):
        load("topics: !var f\n", source="cell", variables=unfit)


def test_the_tag_is_known_to_our_reader_only_and_no_other_tag_is() -> None:
    with pytest.raises(yaml.YAMLError):
        yaml.safe_load("a: !var topic")
    assert "line 1" in refused_in_a_cell("a: !variable topic\n")


@pytest.mark.parametrize("prompt", ["Write {name}", "{{x}} and {0}", "a {topic!r} $topic %s", "{"])
def test_braces_in_prompts_stay_as_they_are(prompt: str) -> None:
    loaded = with_variables(f"topics: {{prompt: '{prompt}'}}\ngeneration: {{system_prompt: B}}\noutput: {{save_as: o}}")
    assert loaded.config.topics.prompt == prompt


def test_what_is_written_holds_variables_and_overrides_but_no_defaults() -> None:
    text = MINIMAL.replace("Bicycles", "!var topic") + "evaluation: {since: 2026-01-02}\n"
    outcome = load(text, source="cell", variables=NOTEBOOK.__getitem__, overrides={"llm.model": "m", "topics.depth": 1})
    assert outcome.written == {
        "topics": {"prompt": "Tea", "depth": 1},
        "generation": {"system_prompt": "You know bicycles."},
        "output": {"save_as": "out.jsonl"},
        "evaluation": {"since": "2026-01-02"},
        "llm": {"model": "m"},
    }
    assert json.loads(json.dumps(outcome.written)) == outcome.written


def test_what_is_written_keeps_what_has_no_effect_so_that_it_is_told_again() -> None:
    text = MINIMAL.replace("bicycles.}", "bicycles., rate_limit: {preemptive_backoff: true}}")
    assert loaded(yaml.safe_dump(loaded(text).written)).notices == loaded(text).notices != ()


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(prompt=st.text(min_size=1).filter(str.strip), value=anything)
def test_what_is_written_gives_the_same_config_when_it_is_read_again(prompt: str, value: Any) -> None:
    text = MINIMAL.replace("Bicycles", "!var prompt") + "evaluation: {any: !var value}\n"
    first = load(text, source="cell", variables={"prompt": prompt, "value": value}.__getitem__)
    again = load(as_yaml(first.written), source="file")
    assert again.config.model_dump(mode="json") == first.config.model_dump(mode="json")
    assert again.written == first.written


def test_what_is_written_can_be_written_out_though_aliases_multiply() -> None:
    floors = [f"  f{n}: &f{n} [{', '.join([f'*f{n - 1}'] * 7)}]\n" for n in range(1, 6)]
    text = f"{MINIMAL}evaluation:\n  f0: &f0 [x]\n{''.join(floors)}"
    length = len(as_yaml(loaded(text).written))
    assert length < 3000


def test_a_text_of_several_lines_is_written_as_such() -> None:
    assert as_yaml({"b": {"a": "Löwe\n\n  two: {x}\n"}, "a": 1}) == "b:\n  a: |\n    Löwe\n\n      two: {x}\na: 1\n"


@given(st.text(alphabet=st.sampled_from(" \n\t\r\x85\u2028\u2029\ufeff\x00#:-|>'\"!&*{}[]%@`ab0é\U0001f600")))
def test_any_text_is_written_so_that_it_reads_back_as_the_same(text: str) -> None:
    assert parse_document(as_yaml({"a": text, text: [text]}), source="").content == {"a": text, text: [text]}


@pytest.mark.parametrize(
    ("written", "addresses"),
    [
        ("[http://one/v1, http://two/v1]", ("http://one/v1", "http://two/v1")),
        ("'http://one/v1, https://two/v1?a,b'", ("http://one/v1", "https://two/v1?a,b")),
        ("[http://one/v1]", "http://one/v1"),
        ("http://one/v1", "http://one/v1"),
    ],
)
def test_several_servers_of_a_model_may_be_named(written: str, addresses: object) -> None:
    llm = load(f"{MINIMAL}llm: {{base_url: {written}}}\n", source="here").config.generation.llm
    assert llm.base_url == addresses
    assert all(isinstance(one.base_url, str) for one in llm.endpoints)


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("[]", "it must be an address, or a list of addresses"),
        ("[1]", "it must be an address, or a list of addresses"),
        ("[http://one, http://one/]", "it names an address twice"),
        ("[http://one, two]", "it must begin with http:// or https://"),
    ],
)
def test_a_wrong_list_of_servers_is_told_in_one_sentence(written: str, fault: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load(f"{MINIMAL}llm: {{base_url: {written}}}\n", source="here")
    assert str(raised.value) == f"here, line 4: llm.base_url: {fault}."


def test_secrets_in_several_addresses_are_hidden() -> None:
    addresses = f"['http://me:{SECRET}@one/v1', 'http://two/v1?api_key={SECRET}']"
    config = load(f"{MINIMAL}llm: {{base_url: {addresses}}}\n", source="here").config
    shown, keys = masked_config({"llm": {"base_url": list(config.generation.llm.base_url or ())}}, str)
    assert SECRET not in f"{config!r} {shown}"
    assert keys == ("llm.base_url",)
    assert SECRET in secrets_in(config, {})
