"""Reckon what a run will take: calls, tokens and money, each as a likely figure with a range.

`ranges` has the statistics, `token_count` and `reply_lengths` what is known without a sample, and `reckoning` puts
together the kinds of calls and what samples showed.
"""
