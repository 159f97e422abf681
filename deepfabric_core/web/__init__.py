"""Shared parts of the HTTP clients: checking addresses, certificates, proxies, and bodies of limited size."""
