"""A run and its topics as plain text, for terminals, log files and notebooks.

`simple_view` writes lines while a run goes on, `run_summary` its summary at the end; `run_facts` and `number_format`
format facts and numbers, `what_binds` says what holds calls back, `rate_history` has the data of sparklines;
`plan_summary` shows a run before it begins, `spending` says what calls cost, `costs_table` lists past runs, `outline`
and `topics_report` show topics.
"""
