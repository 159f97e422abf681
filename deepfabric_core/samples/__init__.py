"""The samples of a dataset: `plan` says which, `recipes` how each kind is made, `records` what a line holds."""
