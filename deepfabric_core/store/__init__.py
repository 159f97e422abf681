"""The disk.

`files` reads and replaces whole files safely, `lines` adds to a file and mends it after a crash. Of lines are `journal`
(each sample as it arrives), `failures` and `expansions`. `checkpoint` says where all of that is and who holds it.
`topics_file` keeps topics for the user while they grow.
"""
