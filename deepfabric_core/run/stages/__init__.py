"""The stages of a run: `topics`, then `samples`; `regrow` grows a part of the topics again.

`pool` keeps calls in flight, `recipe_runner` runs a recipe with a model and tools, `failure_isolation` limits a bug
to the item that it occurs in, `circuit_breaker` ends a run that can't succeed.
"""
