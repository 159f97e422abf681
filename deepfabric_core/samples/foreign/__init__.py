"""Read what other tools wrote: a record in any of their formats becomes a record of ours.

A format is a module here with a `READER`, and a line in `readers`.
"""
