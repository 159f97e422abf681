"""The samples of a dataset.

`plan` says which samples to make, `recipes` how each kind is made, `records` what a line of the dataset holds, and
`reading` reads such lines again.
"""
