"""Judges: what a model is asked about a sample, what its reply says, and what follows from the votes of several.

`sample_text` is what a judge reads, fenced off as data; `rubric` what it looks at; `scoring` asks for scores and
`comparison` which of two samples is better. `verdict` is what one judge says, `judgement` what all of them say, and
`agreement` how far they agree with people.
"""
