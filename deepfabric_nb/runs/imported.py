"""`ImportedDataset`: a dataset of another tool that was written as one of ours, with what became of its records."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from deepfabric_core.printable import printable_text

if TYPE_CHECKING:
    import pandas as pd

    from deepfabric_core.imports.import_dataset import ImportResult


class ImportedDataset:
    """What was imported: `path` is the dataset, `result` counts what was read and what wasn't."""

    def __init__(self, result: ImportResult) -> None:
        self.path = result.output
        self.result = result

    @cached_property
    def df(self) -> pd.DataFrame:
        """A row for each sample."""
        from deepfabric_nb.runs.dataframes import load

        return load(self.path)

    def __len__(self) -> int:
        """Return how many samples there are."""
        return self.result.samples

    def __repr__(self) -> str:
        from deepfabric_core.text.import_summary import import_notes, import_summary, unreadable_lines

        notes = (f"  {sentence}" for sentence in (*import_notes(self.result), *unreadable_lines(self.result)))
        return printable_text("\n".join((import_summary(self.result), *notes)))


def imported(
    source: Path, output: Path | None, *, from_format: str | None, topic_column: str | None, strict: bool
) -> ImportedDataset:
    """Import a dataset; without `output` it goes beside the file.

    Raises:
        ConfigError: it can't be read, or there is no such format.
        OutputError: it can't be written, or with `strict`, a record can't be read.
    """
    from deepfabric_core.imports.import_dataset import ImportRequest, default_output, find_reader, import_dataset

    place = output or default_output(source)
    request = ImportRequest(source, place, find_reader(from_format), topic_column, strict)
    return ImportedDataset(import_dataset(request))
