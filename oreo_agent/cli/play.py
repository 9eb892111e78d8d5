"""`oreo-agent play`."""


def play() -> None:
    """Watch."""
