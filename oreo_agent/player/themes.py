"""Two quiet themes, and how V is coloured in them."""

from textual.theme import Theme

DARK = Theme(
    name="oreo-dark",
    primary="#7aa2c8",
    secondary="#8a93a6",
    accent="#e0c28a",
    foreground="#d5d8de",
    background="#15181d",
    surface="#15181d",
    panel="#2a2f38",
    success="#8fbf8f",
    warning="#d9b36c",
    error="#d98a80",
    dark=True,
)
LIGHT = Theme(
    name="oreo-light",
    primary="#2f6690",
    secondary="#6b7280",
    accent="#8a5a00",
    foreground="#23272e",
    background="#fbfaf7",
    surface="#fbfaf7",
    panel="#dfddd6",
    success="#2f7d4f",
    warning="#9a6700",
    error="#b3382c",
    dark=False,
)
GAIN = 0.005
"""Gains of V below this are shown as none, in reward units."""


def level(value: float | None) -> str:
    """The colour of a V."""
    if value is None:
        return "$secondary"
    return "$success" if value >= 2 / 3 else "$warning" if value >= 1 / 3 else "$error"


def direction(gain: float | None) -> str:
    """The colour of a change of V."""
    if gain is None or abs(gain) < GAIN:
        return "$secondary"
    return "$success" if gain > 0 else "$error"


GRADED = {"blunder": "bold $error", "mistake": "$error", "inaccuracy": "$warning", None: ""}
"""The colours of marks, by `oreo_agent.player.review.grade`."""
