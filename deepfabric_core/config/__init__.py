"""What the user wants.

`schema` says what may be written and every default, `load` reads it, `document` keeps the lines.
"""
