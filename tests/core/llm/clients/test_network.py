"""Between us and a provider: proxies that learn no key, redirects that take none along, answers too large to be read.

Everything that calls over HTTP is put to the same test: the direct client, litellm's, MCP and the tool service.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from deepfabric_core.config.llm import Llm
from deepfabric_core.config.load import load
from deepfabric_core.config.schema import McpServer
from deepfabric_core.errors import ConfigError, DeepFabricError, FailureKind, ModelError
from deepfabric_core.llm.clients.response_checks import LARGEST_ERROR_BYTES, LARGEST_REPLY_BYTES
from deepfabric_core.llm.connect import bare, check
from deepfabric_core.redaction import redact
from deepfabric_core.tools.definitions import tool_from
from deepfabric_core.tools.mcp.executor import start
from deepfabric_core.tools.spin.component import Component
from tests import ROOT
from tests.core.conftest import Run, write_config
from tests.core.llm.clients.test_both_clients import ASKED
from tests.network import Answer, Origin, Proxy, bomb, endless, good

KEY = "sk-verysecretvalue"
PROVIDERS = {
    "direct": {"provider": "openai", "client": "direct"},
    "litellm": {"provider": "openai", "client": "litellm"},
    "hosted_vllm": {"provider": "hosted_vllm", "client": "litellm"},
    "openrouter": {"provider": "openrouter", "client": "litellm"},
    "anthropic": {"provider": "anthropic", "model": "claude-3-5-haiku-latest"},
    "azure": {"provider": "azure"},
    "gemini": {"provider": "gemini", "model": "gemini-2.0-flash"},
    "ollama": {"provider": "ollama", "client": "litellm"},
}
CLIENTS = [*PROVIDERS, "mcp", "service"]
# They call a server of one's own; what they are sent there is no key.
KEYLESS = {"hosted_vllm", "ollama"}
TOOL = tool_from({"name": "look", "inputSchema": {"type": "object"}}, where="tests")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[trustme.CA, str]:
    made = trustme.CA()
    file = tmp_path_factory.mktemp("authority") / "ca.pem"
    made.cert_pem.write_to_path(str(file))
    return made, str(file)


@pytest.fixture(autouse=True)
def environment(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys, and nothing else in the environment that a client heeds."""
    for name in list(os.environ):
        if name.lower().endswith(("_proxy", "_api_base", "_base_url")):
            monkeypatch.delenv(name)
    for provider in ("OPENAI", "OPENROUTER", "ANTHROPIC", "AZURE", "GEMINI"):
        monkeypatch.setenv(f"{provider}_API_KEY", KEY)
    monkeypatch.setenv("AZURE_API_VERSION", "2024-06-01")


@pytest.fixture
def trusting(authority: tuple[trustme.CA, str], monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    made, file = authority
    monkeypatch.setenv("SSL_CERT_FILE", file)
    return made


async def called(client: str, url: str, **settings: Any) -> str:
    """One call to a server by one of the clients; what came back."""
    if client == "mcp":
        tools = await start("here", McpServer(url=f"{url}/mcp", headers={"Authorization": f"Bearer {KEY}"}))
        try:
            return (await tools.session("a").call("look", {})).content
        finally:
            await tools.close()
    if client == "service":
        component = Component(url.replace("://", f"://me:{KEY}@"), "weather", (TOOL,))
        try:
            return (await component.session("a").call("look", {})).content
        finally:
            await component.close()
    base = url if client in ("anthropic", "azure", "gemini", "ollama") else f"{url}/v1"
    model = bare(Llm(**{"base_url": base, **PROVIDERS[client], **settings}))
    try:
        return (await model.complete(ASKED)).text
    finally:
        await model.close()


def call(client: str, url: str, **settings: Any) -> str:
    return asyncio.run(called(client, url, **settings))


def failure(client: str, url: str, **settings: Any) -> str:
    with pytest.raises(DeepFabricError) as caught:
        call(client, url, **settings)
    said = str(caught.value)
    assert "\n" not in said and said.endswith(".") and KEY not in said
    return said


# --- Proxies ---


@pytest.mark.parametrize("client", [name for name in CLIENTS if name != "service"])
def test_a_proxy_learns_nothing_but_the_name_of_the_server(
    client: str, trusting: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Origin(good, trusting) as origin, Proxy() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert call(client, origin.url) in ("Hello.", "Seen.")
    assert proxy.read.startswith(b"CONNECT localhost:")
    assert b"authorization" not in proxy.read.lower()
    assert KEY.encode() not in proxy.read + proxy.tunnelled
    sent = " ".join(value for _, headers in origin.asked for value in headers.values())
    assert (KEY in sent) is (client not in KEYLESS)


@pytest.mark.parametrize("client", [name for name in CLIENTS if name != "service"])
def test_a_proxys_own_password_reaches_the_proxy_and_not_the_server(
    client: str, trusting: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Origin(good, trusting) as origin, Proxy("me:hunter22/@") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("://", "://me:hunter22%2F%40@"))
        assert call(client, origin.url) in ("Hello.", "Seen.")
    assert not any("proxy-authorization" in headers for _, headers in origin.asked)
    assert KEY.encode() not in proxy.read


@pytest.mark.parametrize("client", [name for name in CLIENTS if name != "service"])
def test_what_goes_through_a_proxy_in_clear_has_the_key_for_the_server_alone(
    client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Origin(good) as origin, Proxy() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert call(client, origin.url) in ("Hello.", "Seen.")
    assert b"proxy-authorization" not in proxy.read.lower()
    assert not any("proxy-authorization" in headers for _, headers in origin.asked)
    assert origin.url.encode() in proxy.read


def test_the_tool_service_is_called_without_a_proxy(trusting: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> None:
    with Origin(good, trusting) as origin, Proxy() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert call("service", origin.url) == "Seen."
    assert proxy.read == b""


@pytest.mark.parametrize("client", [name for name in CLIENTS if name != "service"])
def test_a_proxy_that_refuses_is_an_error_without_its_password(
    client: str, trusting: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Origin(good, trusting) as origin, Proxy("me:another") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("://", "://me:hunter22@"))
        assert "hunter22" not in failure(client, origin.url)
    assert not origin.asked


@pytest.mark.parametrize("client", CLIENTS)
def test_a_server_whose_certificate_nobody_vouches_for_gets_nothing(client: str) -> None:
    with Origin(good, trustme.CA()) as origin:
        failure(client, origin.url)
    assert not origin.asked


def test_litellm_is_not_used_where_it_would_verify_no_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_VERIFY", "False")
    with pytest.raises(ConfigError, match=r"SSL_VERIFY in the environment.* SSL_CERT_FILE"):
        bare(Llm(provider="anthropic"))


@pytest.mark.parametrize("client", PROVIDERS)
def test_base_url_wins_over_whatever_the_environment_says_of_a_place(
    client: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / ".netrc").write_text("default login me password hunter22\n", encoding="utf-8")
    (place / ".netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(place / ".netrc"))
    monkeypatch.setenv("HOME", str(place))
    with Origin(good) as origin, Origin(good) as other:
        for provider in ("OPENAI", "OPENROUTER", "ANTHROPIC", "AZURE", "GEMINI", "HOSTED_VLLM", "OLLAMA"):
            monkeypatch.setenv(f"{provider}_API_BASE", f"{other.url}/v1")
            monkeypatch.setenv(f"{provider}_BASE_URL", f"{other.url}/v1")
        assert call(client, origin.url) == "Hello."
    assert origin.asked and not other.asked
    assert not any("Basic" in headers.get("authorization", "") for _, headers in origin.asked)


@pytest.mark.parametrize("provider", ["vllm", "ollama"])
@pytest.mark.parametrize("client", ["direct", "litellm"])
def test_a_server_of_ones_own_is_not_sent_the_key_of_a_provider(provider: str, client: Any) -> None:
    with Origin(good) as origin:
        model = bare(Llm(provider=provider, base_url=f"{origin.url}/v1", client=client))

        async def use() -> None:
            await model.complete(ASKED)
            await model.close()

        asyncio.run(use())
    assert KEY not in str(origin.asked)


SOCKS = "socks5://me:hunter22@127.0.0.1:9"


@pytest.mark.parametrize("client", ["auto", "litellm"])
@pytest.mark.parametrize(
    ("proxy", "said"),
    [
        (SOCKS, "The proxy that HTTPS_PROXY names, socks5://127.0.0.1:9, speaks SOCKS"),
        ("http://me:hunter22@host:abc", "The proxy that HTTPS_PROXY names is no address"),
        ("http://me:hunter22@host:99999", "The proxy that HTTPS_PROXY names is no address"),
        ("me:hunter22@[::1", "The proxy that HTTPS_PROXY names is no address"),
        ("http://me:hun/ter22@host:80", "The proxy that HTTPS_PROXY names is no address"),
        ("ftp://me:hunter22@host", "The proxy that HTTPS_PROXY names is no address"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_one_sentence_before_anything_is_asked(
    client: Any, proxy: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(ConfigError) as caught:
        check(Llm(base_url="https://localhost:9", client=client))
    assert str(caught.value).startswith(said) and "ter22" not in str(caught.value)


@pytest.mark.parametrize("command", ["generate", "validate"])
def test_a_proxy_that_cannot_be_used_ends_a_command_with_exit_code_2(
    command: str, place: Path, deepfabric: Run
) -> None:
    config = write_config(place, llm={"provider": "openai", "base_url": "https://localhost:9"})
    done = deepfabric(command, config, HTTPS_PROXY="http://me:hunter22@host:abc")
    assert done.returncode == 2
    assert "The proxy that HTTPS_PROXY names is no address" in done.stderr and "hunter22" not in done.stderr
    assert "Traceback" not in done.stderr and "unexpected" not in done.stderr


@pytest.mark.parametrize("proxy", [SOCKS.replace("socks5", "socks4"), "http://me:hunter22@host:abc"])
def test_an_mcp_server_behind_a_proxy_that_cannot_be_used_is_one_sentence(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    said = failure("mcp", "https://localhost:9")
    assert said.startswith("The proxy that https_proxy names") and "hunter22" not in said


def test_a_broken_proxy_for_other_addresses_is_nobodys_concern(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://[")
    monkeypatch.setenv("HTTP_PROXY", "http://[")
    monkeypatch.setenv("NO_PROXY", "localhost")
    with Origin(good) as origin:
        for client in ("direct", "mcp"):
            assert call(client, origin.url.replace("://", "://me:hunter22@")) in ("Hello.", "Seen.")


# --- Redirects ---


def moved(place: str, status: int = 307) -> Answer:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": place})

    return answer


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_server_is_a_failed_call_that_names_it_without_secrets(client: str, status: int) -> None:
    with Origin(good) as other:
        place = f"{other.url.replace('://', '://me:hunter22@')}/v1/tok-in-path?key={KEY}&token=hunter22#hunter22"
        with Origin(moved(place, status)) as origin:
            said = failure(client, origin.url)
        assert not other.asked
    assert f"HTTP {status} and redirects to {other.url}" in said
    assert "hunter22" not in said and "tok-in-path" not in said


@pytest.mark.parametrize("client", PROVIDERS)
def test_a_redirect_on_the_same_server_is_not_followed_either_and_its_path_is_named(client: str) -> None:
    with Origin(moved("/elsewhere/v1?token=hunter22")) as origin:
        said = failure(client, origin.url)
        assert all(path != "/elsewhere/v1" for path, _ in origin.asked)
    assert f"redirects to {origin.url}/elsewhere/v1" in said
    assert "set base_url to the address that answers" in said and "hunter22" not in said


def test_an_mcp_server_may_move_its_endpoint_on_the_same_server() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path == "/mcp":
            return web.Response(status=307, headers={"Location": "/moved/mcp"})
        return await good(request)

    with Origin(answer) as origin:
        assert call("mcp", origin.url) == "Seen."


@pytest.mark.parametrize("client", [*PROVIDERS, "service"])
@pytest.mark.parametrize("place", ["http://[bad", "", "//", "http:///", "javascript:alert(1)"])
def test_a_redirect_to_nowhere_is_a_failed_call(client: str, place: str) -> None:
    with Origin(moved(place)) as origin:
        assert re.search(r"(HTTP 307 and|it) redirects to ", failure(client, origin.url))


# --- Sizes ---

BIG = 1 << 30


async def streamed(request: web.Request, pieces: Any, **options: Any) -> web.StreamResponse:
    response = web.StreamResponse(**options)
    with suppress(ConnectionError):  # whoever has read enough hangs up
        await response.prepare(request)
        async for piece in pieces:
            await response.write(piece)
    return response


async def once(piece: bytes) -> Any:
    yield piece


def too_large(kind: str, *, status: int = 200, calls_only: bool = False) -> Answer:
    """An answer that has no end, or becomes a gigabyte; with `calls_only`, to a tool's call alone."""
    gzip = bomb(BIG)
    twice = zlib.compress(gzip, 9)
    bodies: dict[str, tuple[str, Callable[[], Any]]] = {
        "endless": ("identity", lambda: endless(b" " * (1 << 16))),
        "gzip": ("gzip", lambda: once(gzip)),
        "x-gzip": ("x-gzip", lambda: once(gzip)),
        "deflate": ("deflate", lambda: once(bomb(BIG, zlib.MAX_WBITS))),
        "bare deflate": ("deflate", lambda: once(bomb(BIG, -zlib.MAX_WBITS))),
        "twice": ("gzip, deflate", lambda: once(twice)),
        "br": ("br", lambda: once(b"\x00" * 999)),
        "zstd": ("zstd", lambda: once(b"\x00" * 999)),
        "events": ("gzip", lambda: once(gzip)),
    }
    encoding, body = bodies[kind]

    async def answer(request: web.Request) -> web.StreamResponse:
        if calls_only and (request.method != "POST" or (await request.json())["method"] != "tools/call"):
            return await good(request)
        headers = {"Content-Encoding": encoding} if encoding != "identity" else {}
        headers["Content-Type"] = "text/event-stream" if kind == "events" else "application/json"
        return await streamed(request, body(), status=status, headers=headers)

    return answer


REFUSED = {"twice": "is compressed by gzip, deflate, which wasn't asked for"} | {
    kind: f"is compressed by {kind}, which wasn't asked for" for kind in ("br", "zstd")
}


@pytest.mark.parametrize("client", ["direct", "litellm", "anthropic", "service"])
@pytest.mark.parametrize("kind", ["endless", "gzip", "x-gzip", "deflate", "bare deflate", "twice", "br", "zstd"])
@pytest.mark.parametrize("status", [200, 500])
def test_an_answer_that_is_too_large_is_a_failed_call(client: str, kind: str, status: int) -> None:
    with Origin(too_large(kind, status=status)) as origin:
        said = failure(client, origin.url)
    limit = 1 << 20 if client == "service" or status == 500 else LARGEST_REPLY_BYTES
    assert REFUSED.get(kind, f"has more than {limit} bytes, which is too much") in said


@pytest.mark.parametrize("kind", ["endless", "gzip", "twice", "br", "events"])
@pytest.mark.parametrize("calls_only", [False, True])
def test_an_answer_of_an_mcp_server_that_is_too_large_is_a_failed_call(kind: str, *, calls_only: bool) -> None:
    with Origin(too_large(kind, calls_only=calls_only)) as origin:
        said = failure("mcp", origin.url)
    expected = "67108864 byte limit" if kind == "events" else "has more than 67108864 bytes, which is too much"
    assert REFUSED.get(kind, expected) in said


@pytest.mark.parametrize("client", ["direct", "litellm", "anthropic"])
def test_an_answer_that_is_too_large_is_not_asked_for_again(client: str) -> None:
    with Origin(too_large("gzip")) as origin, pytest.raises(ModelError) as caught:
        call(client, origin.url)
    assert caught.value.kind is FailureKind.INVALID_REPLY and not caught.value.kind.transient
    assert len(origin.asked) == 1


MEASURE = f"""
import asyncio, json, resource, sys
sys.path.insert(0, {str(ROOT)!r})
from tests.core.llm.clients.test_network import called
small, *large = [tuple(one.split("=")) for one in sys.argv[1:]]
for client in dict.fromkeys(client for client, _ in large):
    asyncio.run(called(client, small[1]))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for client, url in large:
    try:
        asyncio.run(called(client, url))
        sys.exit("it was taken")
    except Exception as problem:
        print(client, problem, file=sys.stderr)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("client", "megabytes"), [("direct", 80), ("litellm", 80), ("service", 20), ("mcp", 320)])
def test_little_memory_is_taken_by_what_would_fill_it(client: str, megabytes: int) -> None:
    kinds = ["endless", "gzip", "deflate", "twice"]
    origins = [
        Origin(too_large(kind, calls_only=client == "mcp"))
        for kind in [*kinds, "events"][: 5 if client == "mcp" else 4]
    ]
    with Origin(good) as small:
        for origin in origins:
            origin.__enter__()
        arguments = [f"{client}={origin.url}" for origin in (small, *origins)]
        done = subprocess.run(
            [sys.executable, "-c", MEASURE, *arguments], capture_output=True, text=True, check=False, timeout=120
        )
        for origin in origins:
            origin.__exit__(None, None, None)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) / 1024 < megabytes, done.stderr


def packed(body: bytes, encoding: str) -> bytes:
    wbits = {"gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS, "bare": -zlib.MAX_WBITS}[encoding]
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    return packer.compress(body) + packer.flush()


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "bare", "members"])
def test_an_answer_that_is_compressed_as_it_should_be_is_read(client: str, encoding: str) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        plain = await good(request)
        assert isinstance(plain, web.Response)
        body = plain.body
        if plain.status != 200:
            return plain
        assert isinstance(body, bytes)
        halves = [body[:9], body[9:]] if encoding == "members" else [body]
        named = {"bare": "deflate", "members": "gzip"}.get(encoding, encoding)
        raw = b"".join(packed(half, "gzip" if encoding == "members" else encoding) for half in halves)
        headers = {"Content-Encoding": named, "Content-Type": "application/json"}
        return await streamed(request, bytewise(raw), headers=headers)

    with Origin(answer) as origin:
        assert call(client, origin.url) in ("Hello.", "Seen.")


async def bytewise(raw: bytes) -> Any:
    for byte in raw:
        yield bytes([byte])


@pytest.mark.parametrize("client", ["direct", "litellm", "service"])
def test_an_answer_whose_compression_is_damaged_is_a_failed_call(client: str) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return await streamed(request, once(b"no gzip at all"), headers={"Content-Encoding": "gzip"})

    with Origin(answer) as origin:
        assert "is damaged: it can't be decompressed" in failure(client, origin.url)


@pytest.mark.parametrize("client", ["direct", "litellm", "anthropic"])
@pytest.mark.parametrize("piece", [b" ", b"<html><script", b"model a://x:", b"{", b"a.a:"])
def test_an_error_that_is_as_long_as_it_may_be_is_told_soon_and_shortly(client: str, piece: bytes) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(body=piece * (LARGEST_ERROR_BYTES // len(piece)), status=500)

    with Origin(answer) as origin:
        said = failure(client, origin.url, timeout=20)
    assert "server error" in said and len(said) < 500


def test_a_reply_just_below_the_limit_is_read() -> None:
    text = "x" * (LARGEST_REPLY_BYTES - 1000)

    async def answer(request: web.Request) -> web.StreamResponse:
        body = json.loads((await good(request)).body)  # type: ignore[attr-defined]
        body["choices"][0]["message"]["content"] = text
        return web.json_response(body)

    with Origin(answer) as origin:
        for client in ("direct", "litellm"):
            assert call(client, origin.url) == text


# --- Addresses ---


def only_at(path: str, status: int = 404, body: Any = None) -> Answer:
    """A server that serves one path, and says of others that there is nothing."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path == path:
            return await good(request)
        return web.json_response(body or {"detail": "Not Found"}, status=status)

    return answer


@pytest.mark.parametrize("client", ["direct", "litellm"])
@pytest.mark.parametrize("provider", ["openai", "vllm"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_a_base_url_without_v1_is_found_out_once(client: Any, provider: str, slash: str) -> None:
    with Origin(only_at("/v1/chat/completions")) as origin:
        model = bare(Llm(provider=provider, base_url=f"{origin.url}{slash}", client=client))

        async def use() -> None:
            for _ in range(3):
                assert (await model.complete(ASKED)).text == "Hello."
            await asyncio.gather(model.complete(ASKED), model.complete(ASKED))
            await model.close()

        asyncio.run(use())
    assert [path for path, _ in origin.asked] == ["/chat/completions", *["/v1/chat/completions"] * 5]


@pytest.mark.parametrize("client", ["direct", "litellm"])
def test_a_server_that_serves_nothing_anywhere_is_told_so(client: str) -> None:
    with Origin(only_at("/nowhere")) as origin:
        said = failure(client, origin.url, base_url=origin.url)
    assert "; base_url names no path, and /v1 serves nothing" in said
    assert len(origin.asked) == 2


@pytest.mark.parametrize("client", ["direct", "litellm"])
def test_a_path_that_was_written_is_the_one_that_is_asked(client: str) -> None:
    with Origin(only_at("/v1/chat/completions")) as origin:
        assert "names no path" not in failure(client, origin.url, base_url=f"{origin.url}/api")
    assert [path for path, _ in origin.asked] == ["/api/chat/completions"]


@pytest.mark.parametrize("client", ["direct", "litellm"])
def test_an_unknown_model_is_not_looked_for_elsewhere(client: str) -> None:
    unknown = {"error": {"message": "The model `x` does not exist.", "code": "model_not_found"}}
    with Origin(only_at("/v1/chat/completions", body=unknown)) as origin:
        assert "does not exist" in failure(client, origin.url, base_url=origin.url)
    assert len(origin.asked) == 1


BROKEN = {
    "http://host:99999": "its port must be a number from 1 to 65535",
    "http://host:abc/v1": "its port must be a number from 1 to 65535",
    "http://host:0": "its port must be a number from 1 to 65535",
    "http://": "it names no host",
    "https:///v1": "it names no host",
    "http://a..b/v1": "it names no host",
    "http://ho st/v1": "it names no host",
    "http://[::1/v1": "it is no address",
    "http://ho\tst/v1": "it holds a line break",
    "http://me:hun/ter22@host/v1": "its port must be a number from 1 to 65535; write / and @ in a password as",
    "localhost:8000": "it must begin with http:// or https://",
}


@pytest.mark.parametrize("address", BROKEN)
@pytest.mark.parametrize("key", ["llm.base_url", "generation.tools.mcp.here.url"])
def test_an_address_that_cannot_be_called_is_a_mistake_in_the_config(address: str, key: str) -> None:
    text = "{topics: {prompt: Tea}, generation: {system_prompt: You teach.}, output: {save_as: tea.jsonl}}"
    with pytest.raises(ConfigError) as caught:
        load(text, source="tea.yaml", overrides={key: address})
    assert f"{key}: {BROKEN[address]}" in str(caught.value) and "ter22" not in str(caught.value)


def test_a_broken_address_ends_a_command_with_exit_code_2(place: Path, deepfabric: Run) -> None:
    for flags, where in ((["--base-url", "http://h:abc"], "--base-url (llm.base_url)"), ([], "line 6: llm.base_url")):
        done = deepfabric("generate", write_config(place, llm={"base_url": "http://me:hun/ter22@host"}), *flags)
        assert (done.returncode, "Traceback" in done.stderr) == (2, False)
        assert f"{where}: its port must be a number" in done.stderr and "ter22" not in done.stderr


def test_an_address_in_the_environment_that_cannot_be_called_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for address, said in BROKEN.items():
        monkeypatch.setenv("OPENAI_BASE_URL", address)
        with pytest.raises(ConfigError, match="OPENAI_BASE_URL in the environment can't be used: ") as caught:
            check(Llm(provider="openai"))
        assert said in str(caught.value) and "ter22" not in str(caught.value)


@pytest.mark.parametrize(
    "address", ["http://localhost", "https://api.example.org/v1/", "http://[::1]:8000/v1", "http://ü.example/v1 "]
)
def test_an_address_that_can_be_called_is_taken_as_it_is(address: str) -> None:
    assert Llm(base_url=address).base_url == address


# --- Passwords in addresses ---


@pytest.mark.parametrize("scheme", ["http", "https", "socks5", "socks5h", "HTTP", "git+ssh"])
@given(
    user=st.text(st.characters(categories=["L", "N"]), max_size=8),
    password=st.text(st.characters(categories=["L", "N", "P", "S"], exclude_characters='"'), min_size=6, max_size=20),
)
def test_no_password_of_an_address_is_shown_whatever_is_in_it(scheme: str, user: str, password: str) -> None:
    shown = redact(f"Cannot reach {scheme}://{user}:{password}@there:8080/v1 now", {})
    assert shown == f"Cannot reach {scheme}://there:8080/v1 now"


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "all_proxy", "OPENAI_BASE_URL", "ANTHROPIC_API_BASE"])
@pytest.mark.parametrize("address", ["http://me:hunter/22@host:1", "me:hunter/22@host:1", "socks5://hunter/22@host"])
def test_a_password_that_the_environment_holds_is_hidden_wherever_it_is_quoted(variable: str, address: str) -> None:
    assert redact("who is hunter/22", {variable: address}) == "who is [hidden]"
    assert redact("who is host", {variable: address}) == "who is host"


@pytest.mark.parametrize(
    "text", ["see https://docs.example.org/@scope/page", "http://localhost:8000/v1 or me@example.org", "a://b c:d@e"]
)
def test_an_address_without_a_password_is_shown_as_it_is(text: str) -> None:
    assert redact(text, {}) == text
