"""Where decisions meet the world.

`pipeline` is the list of stages, `growing` and `sampling` are the two, `window` keeps calls in flight, `drive`
connects a recipe with a model, `feed` takes every event, `state` sums them up, `breaker` gives up when going on
can't help.
"""
