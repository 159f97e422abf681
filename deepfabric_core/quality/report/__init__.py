"""What a report says of a dataset: sums that are added up sample by sample, and what they come to as JSON.

`sums` holds all of them and can be merged, so that several processes share the work. Each takes a bounded amount of
memory, whatever the size of the dataset. `document` makes the report of them, and `difference` compares two reports.
"""
