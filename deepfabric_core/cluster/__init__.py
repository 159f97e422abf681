"""The same run on a Ray cluster: shards of the plan are made by workers, with one limiter and one budget for all.

Nothing here imports Ray before a run asks for it. `generate` is the way in.
"""
