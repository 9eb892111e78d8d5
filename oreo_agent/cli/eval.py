"""`oreo-agent eval`."""


def evaluate() -> None:
    """Not yet."""
