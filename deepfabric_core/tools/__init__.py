"""Tools that really run: where their definitions come from, and what carries out a call.

`executor` is the protocol; `virtual_files`, `mock`, `mcp/` and `spin/` (HTTP) speak it; `definitions` reads every
format; `toolbox` puts together what a config asks for.
"""
