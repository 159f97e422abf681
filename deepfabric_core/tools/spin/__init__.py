"""Tools of an HTTP service, by DeepFabric's Spin protocol: `component` is the executor, `http` its HTTP client."""
