"""Write topics as one HTML file with an interactive view. It loads nothing else, and works offline."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import Any

from deepfabric_core.pictures.labels import clean
from deepfabric_core.pictures.svg import svg
from deepfabric_core.topics.model import Topics

_LONGEST_TITLE = 120
_LONGEST_NAME = 2_000
# What would end a style or script element, or begin a comment in a script.
_ENDS_STYLE = re.compile(r"<(?=/style)", re.IGNORECASE)
_ENDS_SCRIPT = re.compile(r"<(?=/script|!--)", re.IGNORECASE)

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; \
style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
body {{ margin: 0; padding: 12px; font: 14px system-ui, sans-serif; }}
#picture {{ overflow: auto; }}
@media print {{
  #graph {{ display: none; }}
  #picture, #picture[hidden] {{ display: block; overflow: visible; }}
  #picture svg {{ max-width: 100%; height: auto; }}
}}
{style}
</style>
</head>
<body>
<div id="graph"></div>
<div id="picture">
{picture}</div>
<script type="application/json" id="topics">{data}</script>
<script>
{script}
</script>
<script>
const data = JSON.parse(document.getElementById("topics").textContent);
window.deepfabricGraph.show(document.getElementById("graph"), data);
document.getElementById("picture").hidden = true;
</script>
</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class PageView:
    """The interactive view: a script that defines `deepfabricGraph.show(element, data)`, and its style."""

    script: str
    style: str = ""


def page(topics: Topics, view: PageView | None = None) -> str:
    """Return the page, by default with this package's view; without JavaScript it shows the static picture."""
    view = view or _shipped()
    return _PAGE.format(
        title=escape(clean(topics.by_id[topics.root].name, _LONGEST_TITLE)),
        style=_ENDS_STYLE.sub(r"\\3c ", view.style),
        picture=svg(topics),
        data=_json(as_data(topics)),
        script=_ENDS_SCRIPT.sub(r"\\x3c", view.script),
    )


def _shipped() -> PageView:
    here = files("deepfabric_core.pictures")
    return PageView(*((here / f"graph_page.{kind}").read_text(encoding="utf-8").strip() for kind in ("js", "css")))


def as_data(topics: Topics) -> dict[str, Any]:
    """Return the view's data: columns with a row for each topic, parents before children, without data on samples."""
    walked = [topic for topic, _ in topics.walk()]
    rows = {topic.id: row for row, topic in enumerate(walked)}
    none = [0] * len(walked)
    return {
        "seq": 0,
        "ids": [topic.id for topic in walked],
        "names": [clean(topic.name, _LONGEST_NAME) for topic in walked],
        "parent": [rows[topic.parents[0]] if topic.parents else -1 for topic in walked],
        "others": [(rows[topic.id], rows[parent]) for topic in walked for parent in topic.parents[1:]],
        **dict.fromkeys(("wanted", "done", "failed"), none),
        **dict.fromkeys(("samples", "failures", "marks", "selected"), ()),
        **dict.fromkeys(("undo", "redo"), ""),
    }


def _json(data: Any) -> str:
    text = json.dumps(data, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
