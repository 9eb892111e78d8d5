"""A turn of a game on a page: what was said, what else was considered, what was answered."""

from collections.abc import Iterator, Sequence
from html import escape

from oreo_agent.player.harmless import harmless, shortened
from oreo_agent.player.review import grade, mark
from oreo_agent.player.snapshot import Move, Option, Snapshot
from oreo_agent.player.themes import GAIN
from oreo_agent.player.widgets.figures import percent, points

_LABEL = 300
"""Characters of a reply that are shown."""


def words(said: str) -> str:
    """Somebody's words as HTML: they mean nothing but themselves."""
    return escape(harmless(said))


def signed(change: float) -> str:
    """A change of a chance in points, with a minus that is as wide as a plus."""
    return points(change).replace("-", "−")


def turn_item(moves: Sequence[Move], snapshots: Sequence[Snapshot], *, lost: bool) -> Iterator[str]:
    """A list item; ``moves`` are the same one, as each of the snapshots' judges sees it."""
    first, solution = moves[0], snapshots[0].solution
    yield f'<li class="turn" id="turn-{first.turn}">'
    yield f"<h3>{_said(first, solution=solution)}{''.join(_notes(moves, lost=lost))}</h3>"
    yield from _worth(moves, snapshots)
    if first.option.thought:
        yield f'<p class="thought">{words(shortened(first.option.thought))}</p>'
    if len(first.options) > 1:
        yield from _table(moves, snapshots)
    if first.observation:
        yield f'<p class="answer">{words(shortened(first.observation))}</p>'
    yield "</li>"


def _said(move: Move, *, solution: bool) -> str:
    label = words(shortened(move.option.label.strip(), 1000 if solution else _LABEL))
    number = f'<span class="number">{move.turn}</span>'
    gain = move.option.gain
    if not solution or gain is None:
        return f'{number}<span class="did">{label}</span>'
    tint = min(abs(gain), 0.5) * 100 + 8 if abs(gain) >= GAIN else 0
    return (
        f'{number}<span class="did tinted {_direction(gain)}" style="--tint: {tint:.0f}%">'
        f"{label}</span>"
    )


def _notes(moves: Sequence[Move], *, lost: bool) -> Iterator[str]:
    """Marks in words, and what else is to be said of a move."""
    first = moves[0]
    worst = max(moves, key=lambda move: move.loss or 0.0)
    found = grade(worst)
    if found:
        yield f'<span class="sign {found}">{mark(worst)} {found}</span>'
    if first.by == "you":
        yield '<span class="note level">played by a person</span>'
    if first.valid is False or not first.option.command:
        yield '<span class="note down">✘ not possible</span>'
    if lost:
        yield '<span class="note down">◂ the turn that lost it</span>'


def _worth(moves: Sequence[Move], snapshots: Sequence[Snapshot]) -> Iterator[str]:
    """What the reply made of the chance, by each judge."""
    told: list[str] = []
    for move, snapshot in zip(moves, snapshots, strict=True):
        before, after = move.chance, move.option.chance
        if before is None or after is None:
            continue
        change = after - before
        style = "level" if not round(100 * change) else _direction(change)
        name = f"{words(snapshot.judge)}: " if len(moves) > 1 else ""
        unit = "" if not round(100 * change) else " points"
        told.append(
            f"<span>{name}{percent(before)} → {percent(after)} "
            f'<b class="{style}">{signed(change)}{unit}</b></span>'
        )
    if told:
        yield f'<p class="worth">{"".join(told)}</p>'


def _table(moves: Sequence[Move], snapshots: Sequence[Snapshot]) -> Iterator[str]:
    """The candidates, with columns for each judge."""
    turn = moves[0].turn
    two = " two" if len(moves) > 1 else ""
    told = f'role="region" aria-label="candidates of turn {turn}"'
    yield f'<div class="table{two}" tabindex="0" {told}>'
    yield f"<table><caption>Candidates of turn {turn}</caption><thead>"
    if len(moves) > 1:
        heads = [f'<th scope="colgroup" colspan="3">{words(each.judge)}</th>' for each in snapshots]
        yield f"<tr><td></td>{''.join(heads)}</tr>"
    yield f"<tr>{_headings(snapshots)}</tr></thead><tbody>"
    played = moves[0].options.index(moves[0].option)
    for number, options in enumerate(zip(*(move.options for move in moves), strict=True)):
        yield from _row(options, chosen=number == played)
    yield "</tbody></table></div>"


def _headings(snapshots: Sequence[Snapshot]) -> str:
    cells = ['<th scope="col">candidate</th>']
    for each in snapshots:
        worth = "chance" if each.calibrated else "V"
        cells += [
            f'<th scope="col" class="number-head">{name}</th>' for name in (worth, "gain", "policy")
        ]
    return "".join(cells)


def _row(options: Sequence[Option], *, chosen: bool) -> Iterator[str]:
    first = options[0]
    style = "chosen" if chosen else "refused" if first.admissible is False else ""
    sign = '<span class="pointer">▸</span>' if chosen else '<span class="pointer"></span>'
    said = words(shortened(first.label.strip(), _LABEL))
    chose = ' <span class="aside">(played)</span>' if chosen else ""
    cells = [f'<th scope="row">{sign}{said}{chose}</th>']
    for option in options:
        cells += [_chance(option), _gain(option.gain), _share(option.share)]
    yield f'<tr class="{style}">{"".join(cells)}</tr>' if style else f"<tr>{''.join(cells)}</tr>"


def _chance(option: Option) -> str:
    chance = option.chance
    if chance is None:
        return '<td class="figure">–</td>'
    told = percent(chance) if option.probability is not None else f"{option.value:.3f}"
    level = "high" if chance >= 2 / 3 else "middle" if chance >= 1 / 3 else "low"
    return f'<td class="figure">{_bar(chance, level)}{told}</td>'


def _gain(gain: float | None) -> str:
    if gain is None:
        return '<td class="figure">–</td>'
    signed = f"{gain:+.3f}".replace("-", "−")
    return f'<td class="figure {_direction(gain)}">{signed}</td>'


def _share(share: float | None) -> str:
    if share is None:
        return '<td class="figure">–</td>'
    return f'<td class="figure">{_bar(share, "policy")}{percent(share)}</td>'


def _bar(part: float, kind: str) -> str:
    return f'<span class="bar {kind}" aria-hidden="true"><i style="--w: {part:.0%}"></i></span>'


def _direction(change: float) -> str:
    return "level" if abs(change) < GAIN else "up" if change > 0 else "down"
