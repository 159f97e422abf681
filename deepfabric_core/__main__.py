"""Entry point of `python -m deepfabric_core` and of the console script `deepfabric`."""

from __future__ import annotations

from deepfabric_core.cli.app import main

if __name__ == "__main__":
    main()
