"""Rate limits: how many calls are made at once and per second, shared by all runs of the process.

`limited_model` wraps a model so that each call waits for a permit. It gets the permit from the `stage_limiter` of its
stage, whose calls wait in a `queue`; the `limiter` of an endpoint and model decides which queue is served next.
`controller` learns how many calls may be in flight and `rate` how many may start per second, both from refusals (429);
`quota_headers` reads the quota that a provider states. `reply_spacing` staggers replies that arrive together.
`learned` is what is kept of that: in the `learned_file` for later runs, and among `neighbours`, the other processes of
this machine; `learned_exchange` does both beside a limiter.
"""
