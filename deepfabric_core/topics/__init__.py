"""Topics: the tree or graph that a dataset covers.

`model` has the data classes, `grow` grows topics with the prompts in `prompts`, `formats` reads and writes topics
files, `edit` and `edit_draft` change topics, `coverage` and `duplicates` measure them.
"""
