"""Tools of MCP servers.

`executor` carries out calls, `connection` holds the protocol's session, `stdio` and `http` are its transports,
`results` checks what comes back, `process_guard` ends servers that would outlive us.
"""
