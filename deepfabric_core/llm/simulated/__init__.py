"""A simulated model that needs no key and no network, and gives the same answers to the same requests.

`model` answers; `values` makes its JSON, `agent` its tool calls, `judge` its verdicts, `prose` its text.
"""
