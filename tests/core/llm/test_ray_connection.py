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


def test_a_port_that_is_none_is_told() -> None:
    with pytest.raises(ConfigError, match=r"No Ray cluster answers at 127\.0\.0\.1:123456789"):
        check_answers("127.0.0.1:123456789")


@pytest.mark.parametrize("address", ["127.0.0.1", "ray-head", "ray://ray-head", "ray-head:", ":6379", "ray-head:port"])
def test_what_is_no_address_is_told(address: str) -> None:
    with pytest.raises(ConfigError, match=f"^run.address is {address}: give host:port, as in ray-head:6379"):
        check_answers(address)


@pytest.mark.parametrize("address", [None, "auto", "local", "anyscale://tea"])
def test_other_addresses_are_left_to_ray(address: str | None) -> None:
    check_answers(address)
