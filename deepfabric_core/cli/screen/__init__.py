"""The screen of a run: what it shows (`panes`), what can be looked through (`browser`), keys and drawing."""
