"""What a cell shows of a run.

`screens` are the ways to show one; `run_view` is what they show, `progress_widget` and `summary_html` draw it;
`formatters` tells IPython how to display our objects and data frames.
"""
