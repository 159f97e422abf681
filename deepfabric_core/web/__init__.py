"""What all who call over HTTP share: addresses, certificates and proxies, and bodies of a limited size."""
