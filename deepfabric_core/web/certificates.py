"""The certificate authorities that HTTPS connections trust."""

from __future__ import annotations

import os
import ssl

import certifi


def trusted() -> ssl.SSLContext:
    """Return a context with the authorities that SSL_CERT_FILE or SSL_CERT_DIR name, else with certifi's."""
    named = os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")
    return ssl.create_default_context(cafile=None if named else certifi.where())
