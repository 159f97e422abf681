"""Runs in a notebook: `run_request` is what is asked for, `run` is the handle, `session` has all runs of a shell.

`engine_task` runs work in the engine's thread; `variables` reads the notebook's variables for `!var`; `dataframes`
makes a DataFrame of what a run has made.
"""
