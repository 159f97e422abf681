"""Processes that are killed, calls that fail, power that is cut: at every moment of a run, one after the other."""
