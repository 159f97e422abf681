"""Report on a dataset's file, with the work shared by processes.

`make_report` says what there is to read, and puts the report together. `chunks` cuts the file up, `measure_chunk` adds
up a piece of it, `workers` has processes do that, `worker` is what each of them does. `measures` has the ways in which
texts are measured, and `token_counter` finds a tokenizer without a network.
"""
