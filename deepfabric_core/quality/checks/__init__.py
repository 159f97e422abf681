"""Checks of single samples, pure functions in a registry: a module for each family of faults.

`registry` lists them, `choose` makes them ready as a config asks for them, `examine` applies them to a candidate.
"""
