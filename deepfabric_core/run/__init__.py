"""Where decisions meet the world: `pipeline` is the list of stages, `window` keeps calls in flight, `drive` connects a
recipe with a model, `state` sums up events, `breaker` gives up when going on can't help."""
