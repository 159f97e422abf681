"""What is checked of a Ray cluster's address without Ray."""

from __future__ import annotations

import socket

import pytest

from deepfabric_core.errors import ConfigError
from deepfabric_core.llm.ray_connection import check_answers


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_an_address_where_nothing_answers_is_told_at_once(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as used:
        address = f"{scheme}127.0.0.1:{used.getsockname()[1]}"
        check_answers(address)
    with pytest.raises(
        ConfigError, match=rf"No Ray cluster answers at {address}: .*refused.*Check run.address"
    ) as told:
        check_answers(address)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("mode", [None, "token"])
def test_who_has_set_no_token_is_told_that_the_cluster_may_want_one(
    monkeypatch: pytest.MonkeyPatch, mode: str | None
) -> None:
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    if mode is not None:
        monkeypatch.setenv("RAY_AUTH_MODE", mode)
    with pytest.raises(ConfigError) as told:
        check_answers("127.0.0.1:123456789")
    assert str(told.value).endswith(
        ("If it takes calls with a token alone, set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN to the token.")
        if mode is None
        else "the cluster is up."
    )


def test_a_port_that_is_none_is_told() -> None:
    with pytest.raises(ConfigError, match=r"No Ray cluster answers at 127\.0\.0\.1:123456789"):
        check_answers("127.0.0.1:123456789")


@pytest.mark.parametrize("address", [None, "auto", "local", "127.0.0.1"])
def test_other_addresses_are_left_to_ray(address: str | None) -> None:
    check_answers(address)
