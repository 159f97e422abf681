"""The `deepfabric` command line.

`app` is the group, a file a command; `rich_view` and `screen/` are the screen of a run, `output` is the only place that
prints.
"""
