"""Judge a dataset: `judge_dataset` asks, `judged` is what became of it, `judged_files` what is written."""
