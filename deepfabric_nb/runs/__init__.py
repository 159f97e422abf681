"""Runs of a notebook: `request` is what is asked for, `run` the handle, `session` knows all of them.

`variables` reads the notebook's values for `!var`; `dataframes` makes a DataFrame of what a run has made.
"""
