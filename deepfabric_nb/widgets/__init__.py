"""The live widgets, one file each."""
