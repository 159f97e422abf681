"""Publish a dataset: its files and its card, and the Hugging Face hub and Kaggle, where they are uploaded.

What is published is prepared in a folder first, so that a dry run shows all of it and a second upload sends the same.
"""
