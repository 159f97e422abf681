"""Talking to models.

`model` is the protocol. `clients/` make real calls, `simulated/` needs none; `wrappers/` add retries and the like to
any of them; `limits/` keeps calls within what a provider takes. `connect` puts them together. `api_keys`,
`error_mapping` and `prices` know the providers' ways.
"""
