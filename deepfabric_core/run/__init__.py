"""A run from end to end.

`job` is what is asked for, `pipeline` does it by `stages/`, with what `checkpoint/` kept of earlier runs.
`event_sink` takes every event, `state` sums them up. `watch/` follows a run of another process, `results` reads what
runs have made, `replay` carries out recorded tool calls again. `plan_size` counts what a job asks for, `live_edits`
brings topics that a person changes while samples are made, `pause_events` tells of pauses.
"""
