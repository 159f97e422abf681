"""Files on disk: the dataset, the topics file and the checkpoint.

`files` reads and replaces whole files safely, `append_log` appends lines to a file and repairs it after a crash. Such
logs are `journal` (each sample as it arrives), `step_log`, `failure_log` and `expansion_log`. `checkpoint_files` has
the paths, the metadata and the lock of a checkpoint, `dataset_lock` the lock of a dataset. `topics_file` saves topics
while they grow; `tail` reads files that another process writes.
`finished_mark` tells that a dataset is complete, `keyed_hash` hashes secrets for comparison, `usage_totals` adds up
spending, `run_history` remembers what past runs cost, `user_folder` is where this user's data is kept.
"""
