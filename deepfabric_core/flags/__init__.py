"""The flags that the command line and the magics share.

`options` is the table of flags, `click_options` gives it to click, `job_from_flags` makes a job of a config and flags.
"""
