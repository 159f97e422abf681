"""Runs on a Ray cluster of several nodes on this machine; needs Ray, see `.ci/cluster`."""
