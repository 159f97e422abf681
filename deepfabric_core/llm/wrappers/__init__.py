"""Around any model: each of these is a model itself, and changes one thing about another.

`structured_output` asks for JSON and `tool_calling` offers tools in the way that the provider understands, `retry`
makes failed calls again, `error_redaction` keeps secrets out of errors.
"""
