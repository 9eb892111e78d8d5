"""What code that somebody else wrote may raise, and how it is told."""

BREAKS = (Exception, SystemExit)
"""What a person's world, expert or file may raise without ending us.

Some leave by SystemExit (Fast Downward does). Ctrl-C is nobody's fault, and goes through.
"""


class Refusal(ValueError):
    """Our own word on an environment of somebody else's: the message says all that is to do."""


def is_meant(error: BaseException, *, own: bool) -> bool:
    """Whether it says on purpose that something is not there or is wrong, and is no accident.

    Args:
        error: that was raised.
        own: by a person's environment, in which most ValueErrors are accidents.
    """
    if isinstance(error, KeyError | IndexError):
        return False
    if isinstance(error, LookupError | FileNotFoundError | Refusal):
        return True
    return isinstance(error, ValueError) and not own


def in_one_line(error: BaseException) -> str:
    """Kind and message; what cannot be stored or shown in it is written as its code."""
    told = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
    return told.encode(errors="backslashreplace").decode()
