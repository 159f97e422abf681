"""The estimate of a job: `estimate` puts together what the config asks for and what was measured.

`call_kinds` builds the requests that a run would make, `pricing` prices them, `measured` reads what an unfinished run
took, `run_time` reckons seconds, and `levers` says what would cost less.
"""
