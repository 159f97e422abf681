"""The formats by name; a new one is a module here, and a line in `_MODULES`."""

from __future__ import annotations

from collections.abc import Mapping

from deepfabric_core.export.formats import alpaca, axolotl, chatml, harmony, openai, sharegpt, trl
from deepfabric_core.export.formats.format import Format

_MODULES = (trl, openai, sharegpt, alpaca, axolotl, harmony, chatml)

BUILT_IN: Mapping[str, Format] = {one.name: one for module in _MODULES for one in module.FORMATS}
