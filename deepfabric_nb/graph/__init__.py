"""The topic graph that can be edited in the notebook.

`topic_graph` is what users hold, `widget` its live half, `protocol` what goes to the page and comes back, `sources`
where its topics come from and edits go to, `history` what can be undone, `static` the picture that stays.
"""
