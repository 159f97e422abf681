"""Talking to models.

`model` is the protocol; `litellm_model` and `simulated` speak it; `schema_modes` and `retry` wrap any model;
`connect` puts one together; `keys` and `failures` know the providers' ways; `prose` writes for the simulated one.
"""
