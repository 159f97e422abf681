"""Runs on real, small models. They need an environment of their own: `.ci/real` makes it and runs them."""
