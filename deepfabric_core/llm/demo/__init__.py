"""The demo: a model that answers from small datasets written by hand, so that a first run reads well without a key.

`model` answers; `dataset` reads the files, `words` and `nearest` find what a prompt or topic is about; `tool_files`
writes the tools of the demo's agent and what they answer.
"""
