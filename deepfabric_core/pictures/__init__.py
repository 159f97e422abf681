"""Pictures of topics: as SVG, as Mermaid text, as a page with the interactive view."""
