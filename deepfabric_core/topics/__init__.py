"""What a dataset covers.

`model` is a tree or graph of topics, `grow` grows it, `prompts` asks for more of it, `files` reads and writes it.
"""
