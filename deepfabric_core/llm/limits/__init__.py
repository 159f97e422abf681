"""Rate limits: how many calls go at once and how fast, shared by all runs of the process.

`limited_model` wraps a model, so that each call waits for a permit. It takes that from the `stage_limiter` of its
stage, whose calls wait in a `queue`; the `limiter` of an endpoint and model decides between the queues. `controller`
learns how many calls may be under way and `rate` how many a second, both from refusals; `headers` reads what the
provider says of its quota. `reply_spacing` keeps calls apart whose replies came together.
"""
