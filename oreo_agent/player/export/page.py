"""A game as one self-contained page: nothing is fetched, and it needs no script."""

from collections.abc import Iterator, Sequence
from importlib.resources import files

from oreo_agent.player.export.chart import Field, chart_width, described, drawing, has_chart
from oreo_agent.player.export.paint import CHART, variables
from oreo_agent.player.export.turns import turn_item, words
from oreo_agent.player.harmless import shortened
from oreo_agent.player.review import lost_at
from oreo_agent.player.snapshot import Snapshot
from oreo_agent.player.widgets.figures import percent

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""What the page may load: nothing."""


def page(snapshots: Sequence[Snapshot]) -> str:
    """The page, HTML 5."""
    first = snapshots[0]
    sheet = files("oreo_agent.player.export").joinpath("page.css").read_text("utf-8")
    style = f"{variables()}\n{sheet}{CHART}"
    title = words(shortened(first.goal or first.instance, 200))
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="generator" content="oreo-agent">',
            f"<title>{title}</title>",
            f"<style>\n{style}</style>",
            "</head>",
            "<body>",
            "<main>",
            *_head(snapshots),
            *_figure(snapshots),
            *_beginning(first),
            *_turns(snapshots),
            *_foot(snapshots),
            "</main>",
            "</body>",
            "</html>",
            "",
        ]
    )


def _head(snapshots: Sequence[Snapshot]) -> Iterator[str]:
    first = snapshots[0]
    kind = [first.task, first.task_type, first.split]
    yield "<header>"
    yield f'<p class="kicker">{" · ".join(words(each) for each in kind if each)}</p>'
    yield f"<h1>{words(shortened(first.goal or first.instance, 400))}</h1>"
    yield from _outcome(snapshots)
    yield '<dl class="about">'
    yield from _entry("played by", first.agent)
    judges = [each.judge for each in snapshots if each.judge]
    if judges:
        yield from _entry("valued by", " and ".join(judges))
    yield from _entry("instance", first.instance)
    yield from _entry("length", f"{len(first.moves)} turns, {first.tokens:,} tokens")
    yield "</dl>"
    yield "</header>"


def _outcome(snapshots: Sequence[Snapshot]) -> Iterator[str]:
    first = snapshots[0]
    if first.end is None:
        yield f'<p class="outcome">goes on after {len(first.moves)} turns</p>'
        return
    sign, style = ("✔", "won") if first.end == "won" else ("✘", "not-won")
    yield f'<p class="outcome {style}">{sign} {words(shortened(first.outcome, 400))}</p>'
    for lost, judges in lost_at(snapshots).items():
        by = f" (by {words(' and '.join(judges))})" if len(snapshots) > 1 else ""
        label = words(shortened(first.moves[lost - 1].option.label.strip(), 200))
        yield f'<p class="lost-at"><a href="#turn-{lost}">lost at turn {lost}: {label}</a>{by}</p>'


def _entry(name: str, told: str) -> Iterator[str]:
    yield f"<dt>{name}</dt><dd>{words(told)}</dd>"


def _figure(snapshots: Sequence[Snapshot]) -> Iterator[str]:
    if not has_chart(snapshots):
        return
    field = Field(width=chart_width(snapshots), turns=len(snapshots[0].moves))
    named = "Chance of success" if any(each.calibrated for each in snapshots) else "V"
    yield f"<h2>{named}, turn by turn</h2>"
    long = ' class="long"' if field.turns > 12 else ""
    yield f'<figure{long} tabindex="0" aria-label="{named} over turns">'
    least = f' style="min-width: {field.width}px"' if field.turns > 60 else ""
    yield (
        f'<svg viewBox="0 0 {field.width} {field.height}" role="img"{least} '
        f'aria-label="{words(described(snapshots))}">'
    )
    yield drawing(snapshots, field, linked=True)
    yield "</svg>"
    yield "<figcaption>"
    for number, each in enumerate(snapshots, 1):
        if each.chances:
            went = f"{percent(each.chances[0])} → {percent(each.chances[-1])}"
            name = words(each.judge or each.agent)
            yield f'<span><span class="key judge-{number}"></span>{name}, {went}</span>'
    yield (
        '<span><span class="sign inaccuracy">?!</span> 5 points lost</span>'
        '<span><span class="sign">?</span> 10</span>'
        '<span><span class="sign">??</span> 20 or more</span>'
    )
    yield "</figcaption>"
    yield "</figure>"


def _beginning(first: Snapshot) -> Iterator[str]:
    if first.opening:
        yield f"<h2>{'The question' if first.solution else 'At first'}</h2>"
        yield f'<p class="said">{words(shortened(first.opening))}</p>'


def _turns(snapshots: Sequence[Snapshot]) -> Iterator[str]:
    first = snapshots[0]
    if not first.moves:
        return
    yield f"<h2>{'The solution, step by step' if first.solution else 'Turns'}</h2>"
    yield f'<ol class="turns{" solution" if first.solution else ""}">'
    lost = lost_at(snapshots)
    for moves in zip(*(each.moves for each in snapshots), strict=True):
        yield from turn_item(moves, snapshots, lost=moves[0].turn in lost)
    yield "</ol>"


def _foot(snapshots: Sequence[Snapshot]) -> Iterator[str]:
    told: list[str] = []
    if any(each.calibrated for each in snapshots):
        told.append(
            "The chance of success is what the value expects, calibrated on episodes that it was "
            "not trained on."
        )
    elif has_chart(snapshots):
        told.append("V is the success that the value expects; nothing calibrates it here.")
    if has_chart(snapshots):
        told.append(
            "A reply's gain is V at its end less V before it, before the world answers. Policy is "
            "a reply's probability among those that were considered."
        )
    yield f"<footer><p>{' '.join([*told, 'Written by oreo-agent.'])}</p></footer>"
