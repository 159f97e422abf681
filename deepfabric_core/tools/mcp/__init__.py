"""Tools of MCP servers.

`executor` carries out calls, `connection` holds the protocol's session, `stdio` and `http` are its transports,
`result_schemas` checks structured results, `process_guard` ends servers if this process is killed.
"""
