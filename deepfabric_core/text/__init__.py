"""A run in plain text: lines while it goes on, the summary at its end. For terminals, log files and notebooks alike."""
