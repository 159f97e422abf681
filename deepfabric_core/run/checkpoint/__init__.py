"""What is left of a run that ended early, and how the next one goes on.

`session` is the open checkpoint of a running job, `resume` decides what a run begins with, `status` reads a checkpoint
without a run, `registry` knows the checkpoints that notebooks keep.
"""
