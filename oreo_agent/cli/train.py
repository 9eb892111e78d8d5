"""`oreo-agent train`."""


def train() -> None:
    """Not yet."""
