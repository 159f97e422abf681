"""Checkpoints: what is left of a run that ended early, and how the next run continues it.

`checkpoint` is the open checkpoint of a running job, `autosave` keeps its files safe, `topics` is about its topics.
`resume` decides what a run starts from, `reuse` starts it with parts of other runs, `status` reads a checkpoint without
a run, `registry` lists the checkpoints that notebooks keep.
"""
