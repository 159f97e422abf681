"""What all who call over HTTP share: `addresses`, `proxies` of the environment, and `bodies` of a limited size."""
