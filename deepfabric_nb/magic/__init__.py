"""The `%deepfabric` and `%%deepfabric` magics: their commands, completion, and what each command answers."""
