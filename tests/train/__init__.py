"""Trainers read our exports and train on them; they run in an environment of their own: see .ci/train."""
