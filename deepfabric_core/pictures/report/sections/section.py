"""`Section`: a part of the page with a heading, to which the list of contents leads."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Section:
    """`id` is its anchor, `about` a sentence below the heading, and `html` what is in it."""

    id: str
    title: str
    about: str
    html: str
