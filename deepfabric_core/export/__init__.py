"""Datasets as trainers read them: formats, files and splits.

`formats/` says what a row of each format is made of, and what it can't hold; these modules decide and touch nothing.
`entries` reads the dataset with what people said of it, `row_files` writes, and `export` joins them.
"""
