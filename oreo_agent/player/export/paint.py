"""The player's colours as style sheet variables, light and dark."""

from textual.theme import Theme

from oreo_agent.player.themes import DARK, LIGHT

_NAMES = (
    "primary",
    "secondary",
    "accent",
    "foreground",
    "background",
    "panel",
    "success",
    "warning",
    "error",
)


def variables() -> str:
    """Both themes; the reader's own preference decides, paper is light."""
    return (
        f":root {{ color-scheme: light dark; {_listed(LIGHT)} }}\n"
        f"@media screen and (prefers-color-scheme: dark) {{ :root {{ {_listed(DARK)} }} }}"
    )


def _listed(theme: Theme) -> str:
    return " ".join(f"--{name}: {getattr(theme, name)};" for name in _NAMES)


CHART = """
.grid { stroke: var(--panel); stroke-width: 1; }
.axis { fill: var(--secondary); font: 12px sans-serif; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.line.judge-1, .mark-dot.judge-1 { stroke: var(--primary); }
.line.judge-2, .mark-dot.judge-2 { stroke: var(--accent); }
.line.judge-2 { stroke-dasharray: 6 4; }
.dot.judge-1 { fill: var(--primary); }
.dot.judge-2 { fill: var(--accent); }
.mark-dot { fill: var(--background); stroke-width: 2; }
.mark { font: bold 13px sans-serif; fill: var(--error); }
.mark.inaccuracy { fill: var(--warning); }
.lost { fill: var(--error); opacity: .1; }
.lost-name { fill: var(--error); font: 12px sans-serif; }
"""
"""How the parts of a chart are painted."""
