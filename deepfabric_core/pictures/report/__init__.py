"""A report on a dataset as one HTML page, which loads nothing, runs no script, and can be printed.

`page` puts it together of `sections`, a module each; `charts` draws, `numbers` and `texts` write what stands there.

The charts are plain SVG, drawn here. Vega-Lite's (altair) would take a script of 800 KB in each page, or vl-convert's
wheel of 30 MB to make pictures whose colours are fixed; pygal's and leather's have fixed colours and sizes too. These
take the colours of the page, light, dark or on paper, stretch to its width while their text keeps its size, and are a
few hundred lines less to load.
"""
