"""The schema of the config: every key with its range and default. Defaults are defined here only."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from deepfabric_core.chat.json_schema import check_ends, check_schema
from deepfabric_core.config.budget import Budget
from deepfabric_core.config.exports import Export, export_of_a_name, exports_of_formatters
from deepfabric_core.config.judge import with_shared_llm
from deepfabric_core.config.language_names import code_of
from deepfabric_core.config.llm import Address, Llm, inherited
from deepfabric_core.config.quality import Quality, switched_quality
from deepfabric_core.config.run_engine import RunEngine
from deepfabric_core.config.secret_values import Holds
from deepfabric_core.config.section import Section, as_json

Mode = Literal["tree", "graph"]
PromptStyle = Literal["default", "isolated", "anchored"]
ConversationType = Literal["basic", "cot"]
ReasoningStyle = Literal["freetext", "agent"]

# Deprecated values that are still accepted, and their replacements.
CONVERSATION_TYPES_OF_OLD = {"chain_of_thought": "cot"}
_COT = ("cot", *CONVERSATION_TYPES_OF_OLD)
REASONING_STYLES_OF_OLD = {"structured": "agent", "hybrid": "agent"}


def _known_language(written: object) -> str | None:
    """Return the code of a language; None for what is no language, of which one complaint is enough."""
    with suppress(ValueError):
        return code_of(written) if isinstance(written, str) else None
    return None


# A language by its code or its English name; kept as the code.
Language = Annotated[str | None, AfterValidator(lambda language: None if language is None else code_of(language))]


LARGEST_WEIGHT = 1000
Weight = Annotated[float, Field(ge=0, le=LARGEST_WEIGHT, allow_inf_nan=False)]


class TopicsConfig(Section):
    """What the dataset covers: a tree or graph grown from one prompt. `language` is a code or an English name.

    `weights` gives branches more samples than others, or fewer: by name or path ("Wheels > Truing"), 1 where none is
    given, and 2 for twice as many samples of each topic in the branch.
    """

    prompt: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
    mode: Mode = "tree"
    system_prompt: str = ""
    depth: int = Field(default=2, ge=1, le=10)
    degree: int = Field(default=3, ge=1, le=50)
    max_concurrent: int = Field(default=4, ge=1)
    max_tokens: int = Field(default=1000, ge=1)
    max_retries: int = Field(default=3, ge=0, le=10)
    expansion_retries: int = Field(default=3, ge=0, le=10)
    prompt_style: PromptStyle = "default"
    language: Language = None
    weights: dict[str, Weight] = {}
    save_as: str | None = Field(default=None, min_length=1)
    llm: Llm = Llm()


class Conversation(Section):
    """The kind of conversation each sample is; `cot` without a reasoning style means freetext."""

    type: Annotated[ConversationType, BeforeValidator(lambda v: CONVERSATION_TYPES_OF_OLD.get(v, v))] = "basic"
    reasoning_style: Annotated[ReasoningStyle | None, BeforeValidator(lambda v: REASONING_STYLES_OF_OLD.get(v, v))] = (
        None
    )

    @model_validator(mode="before")
    @classmethod
    def _cot_is_free_text(cls, written: object) -> object:
        if not isinstance(written, Mapping) or written.get("reasoning_style") is not None:
            return written
        return {**written, "reasoning_style": "freetext"} if written.get("type") in _COT else written

    @model_validator(mode="after")
    def _style_goes_with_cot(self) -> Conversation:
        if self.type == "basic" and self.reasoning_style is not None:
            raise ValueError("reasoning_style goes only with type cot")
        return self


class ScenarioSeed(Section):
    """What a tool-using sample starts from."""

    files: dict[str, str] = {}


class McpServer(Section):
    """An MCP server: `command` starts one that speaks over stdio, `url` reaches one over HTTP. `timeout` in seconds.

    `env` and `headers` may name variables of the environment as `${NAME}`, so that no key is written in a config.
    """

    command: Annotated[str | None, Field(min_length=1), Holds.WORD] = None
    args: Annotated[list[str], Holds.WORDS] = []
    env: Annotated[dict[str, str], Holds.VALUES] = {}
    url: Address = None
    headers: Annotated[dict[str, str], Holds.VALUES] = {}
    tools: list[str] = []
    timeout: float = Field(default=30.0, gt=0, le=3600)

    @model_validator(mode="after")
    def _is_somewhere(self) -> McpServer:
        if (self.command is None) == (self.url is None):
            raise ValueError("an MCP server needs either command or url")
        return self


class Fixture(Section):
    """A mock tool's response to calls whose arguments match."""

    match: dict[str, Any]
    response: Any = None


class MockTool(Section):
    """What a mock tool answers; strings may hold {{argument}}."""

    response: Any = None
    fixtures: list[Fixture] = []


class Tools(Section):
    """The tools an agent may use.

    `file` holds definitions, `mock` and `mock_data` what mock tools answer, `mcp` names servers.
    """

    file: str | None = Field(default=None, min_length=1)
    mcp: dict[str, McpServer] = {}
    mock: dict[str, MockTool] = {}
    mock_data: str | None = Field(default=None, min_length=1)
    timeout: float = Field(default=30.0, gt=0, le=3600)
    components: dict[str, list[str]] = {}
    spin_endpoint: Annotated[str | None, Holds.ADDRESS] = None
    tools_endpoint: Annotated[str | None, Holds.ADDRESS] = None
    tool_execute_path: Annotated[str | None, Holds.ADDRESS] = None
    custom: list[dict[str, Any]] = []
    max_per_query: int = Field(default=3, ge=1, le=10)
    strict: bool = True
    max_agent_steps: int = Field(default=5, ge=1, le=10)
    scenario_seed: ScenarioSeed | None = None


class RateLimit(Section):
    """How fast to call the provider, and how to wait when it refuses calls. Delays are in seconds."""

    max_retries: int = Field(default=5, ge=0, le=20)
    base_delay: float = Field(default=1.0, ge=0, le=60)
    max_delay: float = Field(default=60.0, ge=0, le=600)
    backoff_strategy: Literal["exponential", "exponential_jitter", "linear", "constant"] = "exponential_jitter"
    exponential_base: float = Field(default=2.0, ge=1, le=10)
    jitter: bool = True
    respect_retry_after: bool = True
    check_headers: bool = True
    requests_per_minute: float | None = Field(default=None, gt=0)
    tokens_per_minute: float | None = Field(default=None, gt=0)


def _is_a_schema(schema: dict[str, Any] | None) -> dict[str, Any] | None:
    if schema is not None:
        schema = as_json(schema)
        if schema.get("type", "object") != "object":
            raise ValueError("each record is an object, so its type must be object")
        check_schema(schema)
        check_ends(schema)
    return schema


class Generation(Section):
    """How samples are written. `language` is a code or an English name."""

    system_prompt: str = Field(min_length=1)
    instructions: str = ""
    language: Language = None
    conversation: Conversation = Conversation()
    tools: Tools | None = None
    max_retries: int = Field(default=3, ge=0, le=10)
    sample_retries: int = Field(default=2, ge=0, le=5)
    max_tokens: int = Field(default=2000, ge=1)
    rate_limit: RateLimit = RateLimit()
    save_as: str | None = None
    scenario_seed: ScenarioSeed | None = None
    output_schema: Annotated[dict[str, Any] | None, AfterValidator(_is_a_schema)] = None
    llm: Llm = Llm()


class CheckpointConfig(Section):
    """How often the checkpoint is flushed to disk, in samples, and where it is kept."""

    interval: int = Field(ge=1)
    path: str | None = None
    retry_failed: bool = False


# More samples, of a kilobyte each, wouldn't fit on a disk.
_MOST_SAMPLES = 10**12


def _sample_count(value: object) -> object:
    text = str(value).strip().lower()
    if text == "auto":
        return text
    try:
        number = float(text.removesuffix("%"))
    except ValueError:
        number = 0.0
    whole = text.endswith("%") or (number.is_integer() and not isinstance(value, bool))
    if not (0 < number <= _MOST_SAMPLES and whole):
        raise ValueError("it must be a whole number from 1, auto, or a percentage like 50%")
    return text if text.endswith("%") else int(number)


class Output(Section):
    """The dataset: how many samples, in which form, where, and what it is exported as once it is complete.

    Each of `exports` is a format's name, or a mapping; `formatters` of older configs are taken as such.
    """

    save_as: str = Field(min_length=1)
    system_prompt: str | None = None
    include_system_message: bool = True
    num_samples: Annotated[int | str, BeforeValidator(_sample_count)] = 3
    batch_size: int = Field(default=5, ge=1)
    format: Literal["messages", "custom"] = "messages"
    checkpoint: CheckpointConfig | None = None
    exports: list[Annotated[Export, BeforeValidator(export_of_a_name)]] = []
    formatters: list[Any] = []

    @property
    def all_exports(self) -> tuple[Export, ...]:
        """The exports, with those that formatters of an older config mean."""
        return (*self.exports, *(export for export, _ in exports_of_formatters(self.formatters) if export))


def _shares(value: object) -> object:
    if isinstance(value, Mapping):
        return ",".join(f"{name}={share}" for name, share in value.items())
    return value


class Published(Section):
    """How a dataset is published once a run is complete. Only its owner can see it unless `private` is false.

    `configs` are formats of `deepfabric export` that stand beside the samples, such as trl. `split` has the shares of
    the sides, and `by` and `hold_out` say how it is divided, as for an export. `license` is an identifier such as
    cc-by-4.0.
    """

    private: bool = True
    tags: list[str] = []
    license: str | None = Field(default=None, min_length=1)
    description: str | None = None
    configs: list[str] = []
    split: Annotated[str | None, BeforeValidator(_shares)] = None
    by: Literal["topic", "source", "random"] = "topic"
    hold_out: list[str] = []


class HuggingFace(Published):
    """Where the dataset is published on the Hugging Face hub, with the token in HF_TOKEN."""

    repository: str


class Kaggle(Published):
    """Where the dataset is published on Kaggle, with the key in the environment."""

    handle: str
    version_notes: str | None = None


class Config(Section):
    """The whole config, every default filled in; `topics.llm` and `generation.llm` are complete by themselves."""

    llm: Llm = Llm()
    topics: TopicsConfig
    generation: Generation
    output: Output
    language: Language = None
    quality: Annotated[Quality, BeforeValidator(switched_quality)] = Quality()
    budget: Budget = Budget()
    run: RunEngine = RunEngine()
    evaluation: dict[str, Any] | None = None
    huggingface: HuggingFace | None = None
    kaggle: Kaggle | None = None
    deepfabric_cloud: dict[str, Any] | None = None

    @model_validator(mode="before")
    @classmethod
    def _inherit_what_is_shared(cls, document: object) -> object:
        """Fill in each `llm` and `language` from the shared ones; own keys win."""
        if not isinstance(document, Mapping) or not isinstance(shared := document.get("llm") or {}, Mapping):
            return document
        filled, language = dict(document), _known_language(document.get("language"))
        for name in ("topics", "generation"):
            section = filled.get(name)
            if isinstance(section, Mapping) and isinstance(own := section.get("llm") or {}, Mapping):
                filled[name] = {"language": language, **section, "llm": inherited(shared, own)}
        with suppress(ValueError):  # which the section says itself
            if isinstance(quality := switched_quality(document.get("quality")), Mapping):
                filled["quality"] = with_shared_llm(quality, shared)
        return {key: value for key, value in filled.items() if value is not None or key == "topics"}

    @model_validator(mode="after")
    def _custom_records_have_a_schema(self) -> Config:
        if self.output.format == "custom" and self.generation.output_schema is None:
            raise ValueError("output.format custom needs generation.output_schema, the JSON Schema of a record")
        return self

    @model_validator(mode="after")
    def _agents_records_are_their_own(self) -> Config:
        if self.uses_tools and self.output.format == "custom":
            raise ValueError("output.format custom and agents with tools don't go together: leave one of them out")
        return self

    @property
    def models(self) -> list[Llm]:
        """The models of both stages and of all judges, each once."""
        found: list[Llm] = []
        for settings in (self.topics.llm, self.generation.llm, *(judge.llm for judge in self.quality.all_judges)):
            if settings not in found:
                found.append(settings)
        return found

    @property
    def uses_tools(self) -> bool:
        """Whether samples are made by an agent: if tools are configured, or the reasoning style is agent."""
        return self.generation.tools is not None or self.generation.conversation.reasoning_style == "agent"

    @property
    def tools(self) -> Tools:
        """The settings of the agent's tools; the defaults, which mean the virtual files, if none are configured."""
        return self.generation.tools or Tools()

    @property
    def scenario_files(self) -> dict[str, str]:
        """The files that exist at the start of each sample, by path."""
        seeds = (self.generation.scenario_seed, self.tools.scenario_seed)
        return {path: text for seed in seeds if seed for path, text in seed.files.items()}

    @property
    def recorded_system_prompt(self) -> str | None:
        """The system message that is recorded in each sample, or None."""
        if not self.output.include_system_message:
            return None
        return self.output.system_prompt or self.generation.system_prompt
