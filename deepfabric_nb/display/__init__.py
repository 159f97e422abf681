"""What a cell displays of a run.

`screens` are the ways to show a run; `run_view` is the data they show, `run_frame` and `summary_html` draw it;
`formatters` tells IPython how to display our objects and data frames.
"""
