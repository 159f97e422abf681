"""`Samples`: the view of samples for users, to read, search and review them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import traitlets

from deepfabric_core.samples.records import Record
from deepfabric_nb.kernel.display_mode import current_shell, default_display_mode
from deepfabric_nb.kernel.drawing import Drawing
from deepfabric_nb.kernel.live_frame import STATIC, LiveFrame
from deepfabric_nb.runs.linked_views import Links
from deepfabric_nb.runs.run import Run
from deepfabric_nb.runs.session import session_of
from deepfabric_nb.samples.channel import SampleChannel
from deepfabric_nb.samples.make_again import remaking_of
from deepfabric_nb.samples.sources import RunSource, SampleSource, source_of
from deepfabric_nb.samples.static_page import samples_html, samples_text

if TYPE_CHECKING:
    import pandas as pd


class Samples(LiveFrame):
    """The samples of a run, a file, a DataFrame or a list of records, to be read and reviewed.

    Decisions are kept at once in `<dataset>.reviews.jsonl`; without a file, samples can only be read. `selected` is the
    id of the sample that is looked at, and `decisions` maps ids to "accepted", "rejected" or "edited"; both can be
    observed, and another sample can be selected by its id. While a run works, its samples are added as they come.

    >>> samples = Samples([{"question": "Why?", "answer": "So."}])
    >>> samples
    <Samples: 1 sample>
    >>> samples.accepted
    [{'question': 'Why?', 'answer': 'So.'}]

    Raises:
        ConfigError: the samples can't be read.
    """

    _esm = STATIC / "samples.js"
    _css = STATIC / "samples.css"
    selected: Any = traitlets.Unicode().tag(sync=True)
    decisions: Any = traitlets.Dict().tag(sync=True)

    def __init__(self, what: Run | str | Path | pd.DataFrame | Sequence[Mapping[str, Any]], *, title: str = "") -> None:
        source = source_of(what)
        if title:
            source.title = title
        self._source = source
        self._drawing = Drawing(self.draw, lambda: self.is_growing)
        super().__init__()
        again = remaking_of(source)
        redact = session_of(current_shell()).redactor()
        self._channel = SampleChannel(self, source, redact=redact, make_again=again and self._watched(again))
        self._channel.when_decided = self.update_static_page_soon
        self.observe(self._show_selected, "selected")
        if self.is_growing:
            self._follow(source)

    def _show_selected(self, change: Any) -> None:
        if change.new != self._channel.selected:
            self._channel.select(change.new)

    @property
    def is_growing(self) -> bool:
        """Whether a run may still add samples, or make rejected ones again."""
        return self._channel.is_growing

    @property
    def links(self) -> Links:
        """What it is linked with: graphs of the same dataset, and those that `graph.link(samples)` named."""
        return self._channel.links

    @property
    def accepted(self) -> list[Record]:
        """The records of the dataset that nobody rejected, as they were edited."""
        self.draw()
        return list(self._channel.accepted())

    @property
    def reviews(self) -> pd.DataFrame:
        """The decisions on samples, a row each: sample, topic, action, who, when, and what was said."""
        from deepfabric_nb.runs.dataframes import reviews_frame

        self.draw()
        return reviews_frame(self._channel.reviews, self._channel.topics_by_sample())

    def static_page(self) -> str:
        """Return the first samples as HTML."""
        return samples_html(self._channel)

    def static_text(self) -> str:
        """Return in a line what there is."""
        return samples_text(self._channel)

    def __repr__(self) -> str:
        return f"<Samples: {self.static_text()}>"

    # ---- samples that come later

    def draw(self) -> None:
        """Take in what is new, and send it to the page; at the end, replace what is saved in the notebook."""
        if self.is_growing:
            self._channel.refresh()
            if not self.is_growing and default_display_mode() == "widget":
                self.update_static_page()

    def _watched(self, again: Callable[[], SampleSource]) -> Callable[[], SampleSource]:
        def begin() -> SampleSource:
            source = again()
            self._follow(source)
            return source

        return begin

    def _follow(self, source: SampleSource) -> None:
        """Draw while the run works: within cells that wait for it, and between cells."""
        if isinstance(source, RunSource) and not source.run.over:
            screens = source.run.screens

            def screen() -> None:
                self.draw()
                if source.run.over and screen in screens:
                    screens.remove(screen)

            screens.append(screen)
        self._drawing.begin()
