"""Follow a run that another process is doing, from the files it writes.

`follow` does it; `sources` says what can be followed: a run with a checkpoint (`checkpointed`) or without one
(`journalled`). `journal_events` makes events of a journal's lines.
"""
