"""Find the HTTP proxy for an address in the environment."""

from __future__ import annotations

import os
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from deepfabric_core.errors import ConfigError
from deepfabric_core.web.addresses import fault_of, server_of, shown

_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")


def proxy_for(address: str, *, socks: bool = False) -> str | None:
    """Return the proxy for an address, or None; `socks` says whether the client supports SOCKS 5.

    Raises:
        ConfigError: it can't be used; its user and password are not shown.
    """
    scheme = urlsplit(address).scheme
    if proxy_bypass(server_of(address)):
        return None
    proxies = getproxies()
    proxy = (proxies.get(scheme) or proxies.get("all") or "").strip()
    if not proxy:
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    named = f"The proxy that {_variable(scheme)} names"
    if fault_of(proxy, _SCHEMES):
        raise ConfigError(f"{named} is no address: write one like http://localhost:3128.")
    if proxy.startswith("socks") and not (socks and proxy.startswith("socks5")):
        raise ConfigError(
            f"{named}, {shown(proxy)}, speaks SOCKS, which isn't supported here: "
            "name one that speaks HTTP, or except the host by NO_PROXY."
        )
    return proxy


def _variable(scheme: str) -> str:
    """Return the variable that names the proxy, as it is spelled, or "the system" if no variable does."""
    names = {name.lower(): name for name in os.environ if os.environ[name]}
    return next((names[name] for name in (f"{scheme}_proxy", "all_proxy") if name in names), "the system")
