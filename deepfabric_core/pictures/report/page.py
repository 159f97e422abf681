"""Write the page: its head, the list of contents, and the sections."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from deepfabric_core.pictures.report.headline import cards, head, notes
from deepfabric_core.pictures.report.sections import SECTIONS, Section
from deepfabric_core.pictures.report.texts import escaped

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<nav aria-label="Contents"><a href="#top" class="home">{name}</a>{contents}</nav>
<main id="top">
{head}
{cards}
{notes}
{sections}
<footer>Made by DeepFabric for notebooks {version}.</footer>
</main>
</body>
</html>
"""


def page(document: dict[str, Any]) -> str:
    """Return the page of a report, which is the JSON object that `deepfabric report --json` writes too."""
    made = (make(document) for make in SECTIONS)
    sections = [section for section in made if section is not None]
    name = document["dataset"]["name"]
    return _PAGE.format(
        title=escaped(f"Report on {name}"),
        style=(files("deepfabric_core.pictures.report") / "page.css").read_text(encoding="utf-8"),
        name=escaped(name),
        contents="".join(f'<a href="#{section.id}">{section.title}</a>' for section in sections),
        head=head(document),
        cards=cards(document),
        notes=notes(document, frozenset(section.id for section in sections)),
        sections="\n".join(map(_section, sections)),
        version=escaped(document["deepfabric"]),
    )


def _section(section: Section) -> str:
    heading = f'<h2>{section.title}</h2><p class="about">{section.about}</p>'
    return f'<section id="{section.id}">{heading}{section.html}</section>'
