"""A model that needs no key and no network, and always answers the same.

`model` answers; its JSON comes from `values`, its calls of tools from `agent`, its words from `prose`.
"""
