"""Follow a run of another process by reading the files it writes.

`follow` is the entry point; `run_source` is the protocol of what can be followed: a run with a checkpoint
(`checkpoint_source`) or without one (`journal_source`). `journal_events` turns the lines of a journal into events.
"""
