"""Training data for language models from a short config: the engine and the `deepfabric` command line."""

__version__ = "0.1.0"
