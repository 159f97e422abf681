"""Where decisions meet the world.

`job` is what is asked for, `pipeline` the list of stages, `growing` and `sampling` are the two; `window` keeps calls in
flight, `drive` connects a recipe with a model, `feed` takes every event, `state` sums them up, `breaker` gives up when
going on can't help. `checkpoint` is a run's hold on what an earlier one left, `standing` reads that without a run.
"""
