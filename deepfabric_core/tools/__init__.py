"""The tools of agent samples: their definitions, and the executors that carry out tool calls.

`executor` is the protocol that `virtual_files`, `mock`, `mcp/` and `spin/` (HTTP) implement; `definitions` reads
every format of definitions; `toolbox` makes the tools that a config asks for. `argument_schemas` checks the schemas
of arguments.
"""
