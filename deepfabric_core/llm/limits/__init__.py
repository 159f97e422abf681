"""Politeness: how many calls go at once and how fast, shared by all runs of the process.

`limited` wraps a model; `lane` is one stage of a run at the `limiter` of an endpoint and model; `pace` decides when a
call may begin, `speed` how many a second, both learned from refusals; `allowance` reads the provider's headers.
"""
