"""Check HTTP addresses (URLs), and show them without the secrets in them."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urljoin, urlsplit

_PORTS = range(1, 1 << 16)


def fault_of(address: str, schemes: tuple[str, ...] = ("http", "https")) -> str | None:
    """Return what is wrong with an address, beginning with "it" or "its"; None if it can be called.

    >>> fault_of("http://localhost:99999/v1")
    'its port must be a number from 1 to 65535'
    """
    if not address.startswith(tuple(f"{scheme}://" for scheme in schemes)):
        return f"it must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}"
    if not address.isprintable():
        return "it holds a line break or another character that can't be seen"
    hint = "; write / and @ in a password as %2F and %40" if "@" in address else ""
    try:
        parts = urlsplit(address)
    except ValueError:
        return f"it is no address; write one like http://localhost:8000/v1{hint}"
    if not _has_port_or_none(parts):
        return f"its port must be a number from 1 to 65535{hint}"
    if not _names_host(address):
        return f"it names no host; write an address like http://localhost:8000/v1{hint}"
    return None


def shown(address: str) -> str:
    """Return an address without user, password and query, which may be secret."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "[hidden]"
    return parts._replace(netloc=_server(parts), query="", fragment="").geturl()


def destination(location: str | None, asked: str) -> str:
    """Return where a redirect of the address `asked` leads, without secrets; for another server only its name.

    >>> destination("https://me:secret@elsewhere.org/a?key=secret", "http://localhost/v1")
    'https://elsewhere.org'
    """
    try:
        parts = urlsplit(urljoin(asked, location or ""))
        here = urlsplit(asked)
    except ValueError:
        return "elsewhere"
    if not location or not parts.hostname:
        return "elsewhere"
    same = (parts.scheme, _server(parts)) == (here.scheme, _server(here))
    return shown(parts.geturl()) if same else f"{parts.scheme}://{_server(parts)}"


def server_of(address: str) -> str:
    """Return the host of an address, with its port if it has one.

    >>> server_of("http://me:secret@localhost:8000/v1")
    'localhost:8000'
    """
    return _server(urlsplit(address))


def _server(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]


def _has_port_or_none(parts: SplitResult) -> bool:
    try:
        return parts.port is None or parts.port in _PORTS
    except ValueError:
        return False


def _names_host(address: str) -> bool:
    """Return whether the HTTP client finds a host in the address, in any script, that the resolver accepts."""
    from yarl import URL  # late: not every command reads an address

    try:
        host = URL(address).raw_host or ""
        host.encode("idna")
    except ValueError:
        return False
    return bool(host.strip(".")) and not re.search(r"\s", host)
