"""The episode under the cursor at a glance, beside the list or below it."""

from itertools import islice

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from oreo_agent.player.browser.query import OUTCOMES
from oreo_agent.player.browser.telling import facts, goal, outcome, places
from oreo_agent.player.harmless import harmless, one_line
from oreo_agent.player.replay.turns import Turn, turns
from oreo_agent.player.themes import level
from oreo_agent.records.episode import Episode

_PLACES = 5
"""Lines with the text that is searched for, at most."""
_FACTS = ("type", "instance", "policy", "split", "branch")


class Preview(VerticalScroll, can_focus=False):
    """Goal, outcome, replies; of a damaged one what is wrong with it."""

    DEFAULT_CSS = """
    Preview { padding: 0 1; scrollbar-size-vertical: 1; }
    """

    def compose(self) -> "list[Static]":
        """One text."""
        return [Static()]

    showing: object = None
    """What was drawn last."""

    def show(self, what: object, content: Content) -> None:
        """Draw what `glance` or `trouble` made; ``what`` tells it from everything else."""
        self.showing = what
        self.query_one(Static).update(content)
        self.scroll_home(animate=False)


def trouble(message: str) -> Content:
    """In the place of an episode that cannot be read."""
    return Content.assemble(("! damaged\n", "bold $error"), harmless(message))


def glance(episode: Episode, *, text: str = "") -> Content:
    """An episode in some lines, those among them that have the text that is searched for."""
    known = facts(episode)
    colour = {"won": "$success", "fault": "$accent"}.get(episode.end, "$error")
    parts: list[Content] = [
        Content.styled(goal(episode), "bold"),
        Content.styled(outcome(episode), colour),
    ]
    parts += [
        Content.assemble((f"{name:<9} ", "$secondary"), known[name])
        for name in _FACTS
        if name in known
    ]
    parts.append(Content(""))
    if found := list(islice(places(episode, text), _PLACES)) if text else []:
        parts += [
            Content.assemble((f"{where:<9} ", "$secondary"), (line, "$accent"))
            for where, line in found
        ]
        parts.append(Content(""))
    parts += [_turn(number, turn) for number, turn in enumerate(turns(episode, None), 1)]
    parts.append(Content.styled(f"    {OUTCOMES[episode.end]}", colour))
    return Content("\n").join(parts)


def _turn(number: int, turn: Turn) -> Content:
    said = turn.said
    label = one_line(said.command or said.text) or "(nothing)"
    parts = [(f"{number:>3} ", "$secondary"), (label, "")]
    if turn.valid is False:
        parts.append((" ✘ not admissible", "$error"))
    if said.value is not None:
        parts.append((f"  V {said.value:.2f}", level(said.value)))
    return Content.assemble(*parts)
