"""Stored episodes seen again, turn by turn, with values as recorded or by any bundle."""
