"""What makes a sample good enough for the dataset: pure gates over candidates.

`candidate` is a sample as the gates see it, `finding` what a gate has against it.
"""
