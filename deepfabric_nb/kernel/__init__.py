"""The link to the IPython kernel.

`engine_thread` runs the engine beside the cells, `interrupts` turns interrupts into stops, `comm_messages` receives
messages of the page while a cell runs, `display_mode` tells whether anybody can see widgets.
"""
