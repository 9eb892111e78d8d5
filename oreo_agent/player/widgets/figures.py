"""How numbers and names are written on the screen."""


def percent(share: float | None) -> str:
    """A share that is not nothing is not shown as nothing, nor one that is not all as all."""
    if share is None:
        return "–"
    if 0 < share < 0.005:
        return "<1%"
    return ">99%" if 0.995 <= share < 1 else f"{share:.0%}"


def points(change: float) -> str:
    """A change of a chance in points, signed."""
    return f"{100 * change:+.0f}" if round(100 * change) else "±0"


def fitted(text: str, width: int) -> str:
    """Exactly ``width`` cells."""
    return text.ljust(width) if len(text) <= width else f"{text[: max(width - 1, 0)]}…"[:width]
