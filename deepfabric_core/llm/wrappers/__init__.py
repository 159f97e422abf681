"""Wrappers: each is a `ChatModel` itself and changes one thing about another one.

`structured_output` asks for JSON and `tool_calling` offers tools in the way that the provider understands, `retry`
repeats failed calls, `error_redaction` removes secrets from errors.
"""
