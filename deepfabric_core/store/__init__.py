"""The disk.

`files` reads and replaces whole files safely, `journal` keeps each sample as it arrives, `topics_file` keeps topics
while they grow.
"""
