"""The flags that the command line and the notebook magics share.

`options` is the table of flags, `click_options` makes click options of it, `job_from_flags` makes a job of a config
and flags.
"""
