"""A store's episodes as a list to look through: filtered, ordered, searched, one of them opened.

``query`` says what is asked for, ``listing`` knows it bit by bit, ``telling`` puts an episode into
lines; the rest is a screen.
"""
