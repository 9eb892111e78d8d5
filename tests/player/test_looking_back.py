"""Back, back to a turn, what if; and what is told of moves that cost much."""

from dataclasses import replace

import msgspec
import pytest
from scripted_errand import ERRAND
from scripted_house import House, player, works
from test_app import drive, press, seen, shown
from textual.widgets import Input, Static

from oreo_agent.model.calibration import Calibration
from oreo_agent.player.dialogs import TurnDialog
from oreo_agent.player.plain import summary
from oreo_agent.player.session import Session
from oreo_agent.player.telling import move_lines, outcome_line
from oreo_agent.player.what_if import Tried
from oreo_agent.player.what_if_dialog import WhatIfDialog, tried_lines
from oreo_agent.player.widgets.eval_bar import EvalBar
from oreo_agent.player.widgets.figures import fitted, percent, points
from oreo_agent.player.widgets.value_line import ValueLine
from oreo_agent.rollouts.worlds import SeparateWorlds

STEEP = Calibration(
    values=(0.3, 0.5), chances=(0.1, 0.9), ece_raw=0.1, ece=0.1, brier_raw=0.1, brier=0.1,
    auc=(None,) * 4, auc_by_turn=(), episodes=200, won=100, instances=100, source="made up",
)  # fmt: skip


CLIFF = msgspec.structs.replace(STEEP, values=(0.51, 0.52))


def calibrated(calibration=STEEP, limit=8) -> Session:
    """A game whose agent knows what its V is worth."""
    who = player()
    who = replace(who, agent=replace(who.agent, calibration=calibration))
    return Session(
        player=who,
        world=SeparateWorlds(House, 1),
        works=works("1-plain"),
        environment="test/House-v0",
        step_limit=limit,
        agent="scripted",
        open_world=lambda size: SeparateWorlds(House, size),
    )


def test_back_takes_the_last_turn_back_as_often_as_there_are_turns():
    async def what(app, pilot):
        first = shown(app).options
        await press(app, pilot, "space", "space", "b")
        assert len(shown(app).moves) == 1
        await press(app, pilot, "left", "b", "b")
        assert shown(app).moves == ()
        assert shown(app).options == first

    drive(what)


def test_a_turn_to_go_back_to_is_asked_for_and_must_be_one():
    async def what(app, pilot):
        await press(app, pilot, "B")
        assert not isinstance(app.screen, TurnDialog), "nothing was played"
        await press(app, pilot, "space", "space", "space", "B")
        for typed in ("7", "x", ""):
            app.screen.query_one(Input).value = typed
            await press(app, pilot, "enter")
            assert "from 1 to 3" in str(app.screen.query_one(Static).render())
        app.screen.query_one(Input).value = "2"
        await press(app, pilot, "enter")
        assert len(shown(app).moves) == 1

    drive(what)


def test_what_if_shows_the_forecast_beside_what_followed_and_plays_nothing():
    async def what(app, pilot):
        app._games = 2
        await press(app, pilot, "space")
        before = shown(app)
        await press(app, pilot, "w")
        assert isinstance(app.screen, WhatIfDialog)
        text = seen(app)
        assert "what if, at turn 2" in text
        assert "games played · any key goes back" in text
        assert "0/2" in text
        await press(app, pilot, "escape")
        assert not isinstance(app.screen, WhatIfDialog)
        assert shown(app) == before

    drive(what, calibrated())


def test_what_if_tells_what_went_wrong():
    async def what(app, pilot):
        app._games = 0
        await press(app, pilot, "w")
        assert "both are 1 or more" in seen(app)

    drive(what, calibrated())


@pytest.mark.parametrize("width", [8, 20, 40, 72, 102, 200])
def test_the_table_of_what_if_fits_every_width(width):
    each = calibrated()
    option = each.snapshot().options[0]
    tried = [Tried(option=option, games=9, won=4, played=9), Tried(option=option, games=9)]
    for valued in (True, False):
        told = (
            tried
            if valued
            else [replace(t, option=replace(option, value=None, probability=None)) for t in tried]
        )
        lines = tried_lines(told, width, calibrated=True)
        assert len(lines) == 3
        assert max(len(line.plain) for line in lines) <= max(width, 54)
    assert "thinking" in tried_lines([], width, calibrated=True)[0].plain


def test_the_bar_shows_the_chance_where_v_is_calibrated_and_v_where_not():
    async def chance(app, pilot):
        assert f"success  {'━'}"[:9] in seen(app)
        assert f"{percent(shown(app).chance)}" in seen(app)
        assert shown(app).calibrated

    async def value(app, pilot):
        assert not shown(app).calibrated
        assert f"{shown(app).values[-1]:.2f}" in str(app.query_one(EvalBar).render())

    drive(chance, calibrated())
    drive(value)


def lost_game() -> Session:
    """A game that ends unwon: its last move takes the chance from 90 to 10 in a hundred."""
    each = calibrated(CLIFF, limit=5)
    for command in (*ERRAND[:3], "open box 1", "open box 1"):
        each.act(command)
    return each


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
def test_moves_that_cost_much_are_marked_without_colour(size):
    async def what(app, pilot):
        text = seen(app)
        assert "open box 1 ??" in text
        assert "the turn that lost it" in text
        assert "✘ not won: the limit of 5 turns is reached" in text
        assert "lost at turn 5: open box 1  -80 points" in text
        line = str(app.query_one(ValueLine).render())
        assert "??" in line
        assert "10%" in line

    drive(what, lost_game(), size)


def test_lines_tell_marks_and_the_losing_turn_in_words():
    shot = lost_game().snapshot()
    told = list(move_lines(shot.moves[-1], shot))
    assert told[0] == "turn 5 of 5, success 90%, V 0.530"
    assert "blunder: it cost 80 points of the chance of success" in told
    assert "turn 5 lost it: open box 1" in outcome_line(shot)
    told = summary(shot)
    assert (told["losing_turn"], told["calibrated"]) == (5, True)
    assert [move["grade"] for move in told["moves"]] == [None] * 4 + ["blunder"]


def test_figures_are_written_as_people_read_them():
    shares = (None, 0.0, 0.001, 0.34, 0.999, 1.0)
    assert [percent(x) for x in shares] == ["–", "0%", "<1%", "34%", ">99%", "100%"]
    assert [points(x) for x in (0.0, 0.004, -0.12, 0.3)] == ["±0", "±0", "-12", "+30"]
    assert [fitted("abcdef", n) for n in (0, 1, 3, 6, 8)] == ["", "…", "ab…", "abcdef", "abcdef  "]
