"""The `deepfabric` command line.

`app` is the group, a file a command, `options` the table of flags, `*_view` the screens, `summary` the last words.
"""
