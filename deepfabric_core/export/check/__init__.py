"""Proof that an export can be trained on: its conversations are rendered through a chat template, and looked at."""
