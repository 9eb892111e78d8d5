"""Questions with an answer that can be checked: mathematics, facts, or what the user brings.

`problem` says what a problem is. Each official set has a file of its own over `official`, which
finds the files, counts what they hold and keeps problems to choose settings by; `custom` reads
files of any shape.
"""
