"""Run a job from end to end: topics, samples, dataset, checkpoint.

`job` is what is asked for; `pipeline` runs it in `stages/`, starting from what `checkpoint/` kept of earlier runs.
`event_sink` receives every event, `state` computes a run's state from them. `watch/` follows a run of another process,
`results` reads what runs have made, `tool_replay` repeats recorded tool calls. `plan_size` counts what a job asks for,
`live_edits` applies topic edits during a run, `pause_events` emits events for pauses.
"""
