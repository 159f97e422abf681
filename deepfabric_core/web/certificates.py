"""The authorities whose certificates are trusted."""

from __future__ import annotations

import os
import ssl

import certifi


def trusted() -> ssl.SSLContext:
    """Those that the environment names by SSL_CERT_FILE or SSL_CERT_DIR, else certifi's."""
    named = os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")
    return ssl.create_default_context(cafile=None if named else certifi.where())
