"""Files.

`files` reads and replaces whole files safely, `append_log` adds to a file and mends it after a crash. Of such logs are
`journal` (each sample as it arrives), `step_log`, `failure_log` and `expansion_log`. `checkpoint_files` says where all
of that is and who holds it. `topics_file` keeps topics for the user while they grow.
"""
