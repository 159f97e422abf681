"""The stages of a run: `topics`, then `samples`; `regrow` grows a part of the topics again.

`pool` keeps calls in flight, `recipe_runner` puts a recipe's requests to a model, `attempt` makes a bug in one item a
failure of that item alone, `circuit_breaker` ends a run that can't succeed.
"""
