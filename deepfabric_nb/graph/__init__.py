"""The topic graph that can be edited in the notebook.

`topic_graph` is the class for users; below it are `widget`, which answers the page, `editable_topics` and
`shown_topics`. `protocol` has the messages to and from the page, `sources` tells where topics come from and where edits
go, `history` is undo and redo, `static_view` the picture that stays, `save_picture` how one is saved, and `branch`
what `graph[...]` returns.
"""
