"""Talking to models.

`model` is the protocol. `clients` make real calls, `simulated` needs none; `limits` has each call wait its turn.

Around any model: `schema_modes` asks for JSON and `tool_modes` offers tools in the way it understands, `retry` makes
failed calls again. `connect` puts one together; `keys` and `failures` know the providers' ways. The simulated model's
words come from `prose`, its JSON from `simulated_values`, its calls of tools from `simulated_agent`.
"""
