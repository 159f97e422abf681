"""Tests of the checks of single samples."""
