"""Pictures of topics: a static `svg`, `mermaid` text, and an interactive `html_page`.

`excerpt` chooses the topics that fit, `layout` places them, `labels` shortens names, `svg_elements` writes SVG.
"""
