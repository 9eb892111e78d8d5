"""`oreo-agent compare`."""


def compare() -> None:
    """Not yet."""
