"""Follow a run that another process is doing, from the files it writes.

`follow` does it, `sources` are the two kinds of files there are, `journal_events` makes events of a journal's lines.
"""
