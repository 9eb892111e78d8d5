"""What code that somebody else wrote may raise, and how it is told."""

BREAKS = (Exception, SystemExit)
"""What a person's world, expert or file may raise without ending us.

Some leave by SystemExit (Fast Downward does). Ctrl-C is nobody's fault, and goes through.
"""


def in_one_line(error: BaseException) -> str:
    """Kind and message."""
    return " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
