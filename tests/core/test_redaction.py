"""What people read holds no secret, and is otherwise left as it is."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.config.llm import Llm
from deepfabric_core.config.schema import Config, McpServer
from deepfabric_core.config.secret_keys import masked_config, places, portable_config, secrets_in
from deepfabric_core.config.secret_values import masked_address, shown_word
from deepfabric_core.redaction import (
    Redactor,
    is_random,
    redact,
    secrets_in_environment,
    without_lookalikes,
    without_user,
)

PRINTED = st.characters(min_codepoint=33, max_codepoint=126)
SECRETS = st.text(PRINTED, min_size=8, max_size=40)
# No quotes and angle brackets: what ends an address in any text.
PASSWORDS = st.text(st.sampled_from("abcXYZ019/@:%!#?&=+-_.~"), min_size=1, max_size=20)


@given(SECRETS, st.text(max_size=20), st.text(max_size=20))
def test_a_known_secret_is_found_in_every_spelling(secret: str, before: str, after: str) -> None:
    hide = Redactor({secret})
    for spelled in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1], repr(secret)[1:-1]):
        assert spelled not in hide(f"{before} {spelled} {after}")


@given(SECRETS, st.binary(max_size=7), st.binary(max_size=7))
def test_a_known_secret_is_found_inside_of_base64(secret: str, before: bytes, after: bytes) -> None:
    sent = base64.b64encode(before + secret.encode() + after).decode()
    assert "[hidden]" in Redactor({secret})(f"Authorization {sent} was sent")


@given(st.sampled_from(["http", "https", "socks5", "socks5h", "postgres", "mongodb+srv", "REDIS"]), PASSWORDS)
def test_an_address_is_told_without_its_password_whatever_its_scheme(scheme: str, password: str) -> None:
    for spelled in (password, quote(password, safe="")):
        said = without_user(f"({scheme}://me:{spelled}@host:8080/path) can't be reached")
        assert said == f"({scheme}://host:8080/path) can't be reached"
        assert masked_address(f"{scheme}://me:{spelled}@host:8080/path").endswith("://USER:PASSWORD@host:8080/path")


ORDINARY = [
    "token: the smallest part of a text",
    "Basic knowledge of tea, bearer of good news",
    "skateboarding with 3 friends, skilled at parking",
    "https://example.com/@user/post?version=2024-02-15-preview#top",
    "write to someone@example.com, or see http://localhost:8000/v1 and file:///tmp/x",
    "max_tokens: 4096, tokens=123456, the key: it matters",
    "gpt-4o-mini-2024-07-18, claude-3-5-sonnet@20240620, Qwen2.5-7B-Instruct",
]


@pytest.mark.parametrize("text", ORDINARY)
def test_an_ordinary_text_stays_as_it_is(text: str) -> None:
    assert Redactor({"quite-another-one"})(text) == text == shown_word(text)


SECRETIVE = [
    "Authorization: Basic bWU6c2VjcmV0MTIz",
    '"Authorization": "Bearer a1b2c3d4"',
    "authorization=abcdefgh12",
    "password=hunter22",
    '{"api_key": "abcdefgh"}',
    "GET /v1?key=abcdefgh&x=1",
    "ghp_abcdefghij0123456789",
    "AKIAIOSFODNN7EXAMPLE",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.sflKxwRJSM",
]


@pytest.mark.parametrize("text", SECRETIVE)
def test_what_looks_like_a_secret_is_hidden_and_stays_so(text: str) -> None:
    once = without_lookalikes(text)
    assert "[hidden]" in once and without_lookalikes(once) == once


@given(st.text(alphabet="sk-eyJ.:/@?&=%ab12 \n\"'", max_size=3000))
def test_any_text_is_read_in_no_time_and_once_is_enough(text: str) -> None:
    once = without_lookalikes(text)
    assert without_user(once) == once


@pytest.mark.parametrize(
    "name",
    ["OPENAI_API_KEY", "MY_TOKEN", "SECRET_SAUCE", "PGPASSWORD", "DB_PASSWD", "CREDENTIALS", "ANY_KEY_ID", "key"],
)
def test_a_variable_with_a_secret_name_is_a_secret(name: str) -> None:
    assert redact("it is abcdef", {name: "abcdef"}) == "it is [hidden]"
    assert redact("it is abcde", {name: "abcde"}) == "it is abcde", "too short to be told from a word"


@pytest.mark.parametrize("name", ["KEYBOARD", "TOKENIZERS_PARALLELISM", "HOME", "PATH", "KEYRING_BACKEND"])
def test_a_variable_with_another_name_is_none(name: str) -> None:
    assert redact("it is abcdef", {name: "abcdef"}) == "it is abcdef"


def test_a_variable_that_says_where_a_secret_is_holds_none() -> None:
    environment = {"GOOGLE_APPLICATION_CREDENTIALS": "/home/me/keys.json", "AWS_SECRET": "/a1b2c3d4e5f6g7h8/i9j0"}
    assert redact("/home/me/keys.json and /a1b2c3d4e5f6g7h8/i9j0", environment) == "/home/me/keys.json and [hidden]"


def test_the_password_of_a_proxy_in_the_environment_is_a_secret() -> None:
    found = secrets_in_environment({"HTTPS_PROXY": "http://me:s%40fe-word@proxy:3128", "NO_PROXY": "localhost"})
    assert {"s%40fe-word", "s@fe-word"} <= found and "proxy" not in found


# ---- where secrets may stand

SERVER = {
    "command": "npx",
    "args": ["-y", "server", "--api-key", "first-one", "postgres://me:second@db/tea", "a1b2c3d4e5f6g7"],
    "env": {"TOKEN": "third-one", "REGION": "${REGION}"},
}
REMOTE = {
    "url": "https://me:fourth@host/mcp/z9y8x7w6v5u4?token=fifth-one&lang=en",
    "headers": {"X-Api-Key": "sixth-one", "Authorization": "Bearer ${TEA_TOKEN}"},
}
WRITTEN = {
    "llm": {"base_url": "https://me:seventh@host/v1"},
    "topics": {"prompt": "Tea"},
    "generation": {"system_prompt": "You teach.", "tools": {"mcp": {"here": SERVER, "there": REMOTE}}},
    "output": {"save_as": "tea.jsonl"},
    "deepfabric_cloud": {"api_key": "eighth-one"},
}
VALUES = ("first-one", "second", "third-one", "fourth", "fifth-one", "sixth-one", "seventh", "eighth-one", "a1b2c3d4")


def test_the_schema_says_of_every_address_and_of_a_server_where_secrets_may_stand() -> None:
    named = {place.rpartition(".")[2] for place in places()}
    assert named == {
        *("base_url", "url", "spin_endpoint", "tools_endpoint", "tool_execute_path", "address", "storage"),
        *("command", "args", "env", "headers"),
    }


def test_a_config_is_kept_without_a_secret_and_is_still_one() -> None:
    shown, left_out = masked_config(WRITTEN, redact)
    assert not [value for value in (*VALUES, "z9y8x7w6v5u4") if value in json.dumps(shown)]
    Config.model_validate(shown)
    assert "generation.tools.mcp.here.args" in left_out and "topics.prompt" not in left_out
    there = shown["generation"]["tools"]["mcp"]["there"]
    assert there["url"] == "https://USER:PASSWORD@host/mcp/HIDDEN?token=HIDDEN&lang=en"
    assert there["headers"] == {"X-Api-Key": "[hidden]", "Authorization": "Bearer ${TEA_TOKEN}"}
    assert shown["generation"]["tools"]["mcp"]["here"]["env"]["REGION"] == "${REGION}"


def test_a_config_for_another_place_names_variables_and_keeps_ordinary_arguments() -> None:
    content, left_out = portable_config(WRITTEN)
    here, there = content["generation"]["tools"]["mcp"].values()
    assert here["args"] == ["-y", "server", "--api-key", "[hidden]", "postgres://db/tea", "[hidden]"]
    assert here["env"] == {"TOKEN": "${TOKEN}", "REGION": "${REGION}"}
    assert there["headers"] == {"X-Api-Key": "${X_API_KEY}", "Authorization": "Bearer ${TEA_TOKEN}"}
    assert content["llm"]["base_url"] == "https://USER:PASSWORD@host/v1" and "llm.base_url" in left_out


def test_a_config_without_secrets_is_kept_and_exported_as_it_is() -> None:
    written = {**WRITTEN, "llm": {"base_url": "http://localhost:8000/v1"}, "deepfabric_cloud": None}
    written["generation"] = {"system_prompt": "You teach.", "tools": {"spin_endpoint": "http://localhost:3000"}}
    assert masked_config(written, redact) == portable_config(written) == (written, ())


def test_a_config_shows_itself_without_its_secrets() -> None:
    shown = repr(Config.model_validate(WRITTEN)) + str(McpServer(**SERVER)) + f"{Llm(base_url='http://a:seventh@b')}"
    assert not [value for value in VALUES[:7] if value in shown]
    assert "base_url='http://USER:PASSWORD@b'" in shown and "'TOKEN': '[hidden]'" in shown


def test_every_secret_of_a_config_is_known_to_those_who_hide_it() -> None:
    known = secrets_in(Config.model_validate(WRITTEN), {"TEA_TOKEN": "ninth-one"})
    assert {*VALUES[:7], "ninth-one", "Bearer ninth-one", "z9y8x7w6v5u4"} <= known
    assert not {"npx", "server", "db", "host", "en"} & known


@given(st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyz-_"), max_size=40))
def test_a_word_of_letters_alone_is_not_taken_for_random(word: str) -> None:
    assert not is_random(word)
