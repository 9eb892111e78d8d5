"""The screen, driven by keys: what a key promises is what the session does, at every size."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from scripted_errand import ERRAND
from scripted_house import session
from textual.pilot import Pilot
from textual.widgets import Input, Static

from oreo_agent.player.app import PlayerApp
from oreo_agent.player.dialogs import ActionDialog, HelpDialog
from oreo_agent.player.session import Session
from oreo_agent.player.themes import DARK, LIGHT
from oreo_agent.player.widgets.candidates import Candidates
from oreo_agent.player.widgets.value_line import ValueLine

Drive = Callable[[PlayerApp, "Pilot[None]"], Awaitable[None]]


def drive(what: Drive, each: Session | None = None, size: tuple[int, int] = (80, 24)) -> PlayerApp:
    """Run the app without a terminal and do ``what`` to it."""
    app = PlayerApp(each or session(), pace=0.01)

    async def run() -> None:
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await what(app, pilot)

    asyncio.run(run())
    return app


async def press(app: PlayerApp, pilot: "Pilot[None]", *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await app.workers.wait_for_complete()
        await pilot.pause()


def seen(app: PlayerApp) -> str:
    """Everything on the screen as text."""
    width, height = app.size
    lines = app.screen._compositor.render_strips()
    assert (width, height) == (app.size.width, len(lines))
    return "\n".join("".join(segment.text for segment in line) for line in lines)


def shown(app: PlayerApp) -> Any:
    return app._snapshot


@pytest.mark.parametrize("key", ["space", "enter"])
def test_a_step_plays_the_agents_choice_and_shows_what_came_of_it(key):
    async def what(app, pilot):
        choice = shown(app).options[shown(app).chosen]
        assert "▸" in seen(app)
        await press(app, pilot, key)
        (move,) = shown(app).moves
        assert (move.option, move.by) == (choice, "agent")
        assert move.observation in seen(app)
        assert "turn 2 of 8" in seen(app)

    drive(what)


def test_a_digit_takes_that_candidate_and_a_digit_without_one_does_nothing():
    async def what(app, pilot):
        number = 1 + (shown(app).chosen == 0)
        wanted = shown(app).options[number - 1]
        await press(app, pilot, "9")
        assert shown(app).moves == ()
        await press(app, pilot, str(number))
        assert (shown(app).moves[0].option, shown(app).moves[0].by) == (wanted, "you")

    drive(what)


def test_run_plays_to_the_end_and_pause_holds_it():
    async def what(app, pilot):
        await press(app, pilot, "r")
        for _ in range(400):
            if shown(app).end:
                break
            await pilot.pause(0.01)
        assert shown(app).end is not None
        assert shown(app).outcome in seen(app)
        await press(app, pilot, "space", "r", "1", "a")
        assert len(shown(app).moves) == shown(app).turn, "after the end nothing is played"

    drive(what)


def test_keys_that_come_while_the_agent_thinks_play_nothing():
    each, thought = session(), threading.Event()
    step = each.step

    def slow() -> None:
        thought.wait(60)
        step()

    async def what(app, pilot):
        app._session.step = slow
        await pilot.press("space", "space", "1", "R", "n", "a")
        assert "thinking" in seen(app)
        thought.set()
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert (shown(app).game, len(shown(app).moves)) == (1, 1)

    drive(what, each)


def test_pause_holds_a_game_that_runs():
    async def what(app, pilot):
        app._pace = 3600
        await press(app, pilot, "r")
        assert "running" in seen(app)
        await press(app, pilot, "r")
        assert "your move" in seen(app)
        assert len(shown(app).moves) == 1

    drive(what)


def test_a_typed_action_shows_its_value_before_it_is_played():
    async def what(app, pilot):
        await press(app, pilot, "a")
        assert isinstance(app.screen, ActionDialog)
        command = next(c for c in ERRAND if c not in [o.command for o in shown(app).options])
        app.screen.query_one(Input).value = command
        await press(app, pilot, "enter")
        value = app._session.appraise(command).value
        assert f"V {value:.3f}" in str(app.screen.query_one(Static).render())
        assert shown(app).moves == ()
        await press(app, pilot, "enter")
        assert [(move.option.command, move.by) for move in shown(app).moves] == [(command, "you")]

    drive(what)


def test_what_cannot_be_said_is_told_and_escape_plays_nothing():
    async def what(app, pilot):
        await press(app, pilot, "a")
        app.screen.query_one(Input).value = "dance"
        await press(app, pilot, "enter", "enter")
        assert "dance" in str(app.screen.query_one(Static).render())
        await press(app, pilot, "escape")
        assert not isinstance(app.screen, ActionDialog)
        assert shown(app).moves == ()

    drive(what)


def test_a_typed_line_that_is_changed_is_appraised_anew():
    async def what(app, pilot):
        await press(app, pilot, "a")
        app.screen.query_one(Input).value = ERRAND[0]
        await press(app, pilot, "enter")
        app.screen.query_one(Input).value = "go to shelf 1"
        await pilot.pause()
        await press(app, pilot, "enter")
        assert shown(app).moves == ()
        await press(app, pilot, "enter")
        assert shown(app).moves[0].option.command == "go to shelf 1"

    drive(what)


def test_restart_and_next_show_the_first_screen_of_their_game():
    async def what(app, pilot):
        first = seen(app).split(" tokens ")[0]
        await press(app, pilot, "space", "space", "R")
        assert seen(app).split(" tokens ")[0] == first
        await press(app, pilot, "n")
        assert "valid 2/2" in seen(app)
        await press(app, pilot, "g")
        app.screen.query_one(Input).value = "1-pl"
        await press(app, pilot, "enter")
        assert seen(app).split(" tokens ")[0] == first

    drive(what)


def test_a_game_that_cannot_be_begun_leaves_a_screen_that_can_be_used():
    async def what(app, pilot):
        await press(app, pilot, "g")
        app.screen.query_one(Input).value = "gone"
        await press(app, pilot, "enter")
        assert "cannot be played" in seen(app)
        await press(app, pilot, "n")
        assert shown(app).end is None

    drive(what, session("1-plain", "2-gone"))


def test_help_opens_and_closes_and_the_theme_turns():
    async def what(app, pilot):
        await press(app, pilot, "question_mark")
        assert isinstance(app.screen, HelpDialog)
        await press(app, pilot, "q")
        assert not isinstance(app.screen, HelpDialog)
        assert app.theme == DARK.name
        await press(app, pilot, "t")
        assert app.theme == LIGHT.name

    drive(what)


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
def test_quitting_is_no_fault_also_with_a_dialog_open(key):
    async def what(app, pilot):
        if key == "ctrl+c":
            await press(app, pilot, "a")
        await pilot.press(key)

    assert drive(what).return_code == 0


@pytest.mark.parametrize(
    "size", [(80, 24), (140, 40), (300, 80), (40, 12), (20, 6), (8, 3), (1, 1)]
)
def test_every_size_and_every_change_of_size_is_drawn(size):
    async def what(app, pilot):
        await press(app, pilot, "space", "space")
        for other in [(20, 5), (200, 60), size]:
            await pilot.resize_terminal(*other)
            await press(app, pilot, "space")
        await press(app, pilot, "question_mark", "escape", "a", "escape")
        if size >= (40, 12):
            assert "turn" in seen(app)

    drive(what, size=size)


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
def test_goal_candidates_values_and_turn_are_on_the_screen(size):
    async def what(app, pilot):
        await press(app, pilot, "space")
        text = seen(app)
        assert "put a cup in box" in text
        for option in shown(app).options:
            assert option.label in text
            assert f"{option.value:.3f}" in text
            assert f"{option.gain:+.3f}" in text
        assert "turn 2 of 8" in text
        assert f"→ {shown(app).values[-1]:.2f}" in text

    drive(what, size=size)


def test_the_rows_of_the_table_are_as_wide_as_the_table():
    async def what(app, pilot):
        for width in (30, 50, 80, 119, 140):
            await pilot.resize_terminal(width, 24)
            await pilot.pause()
            table = app.query_one(Candidates)
            rows = table.render().plain.split("\n")
            assert {len(row) for row in rows} == {table.content_size.width}

    drive(what)


def test_v_so_far_is_a_line_when_narrow_and_a_chart_when_wide():
    async def what(app, pilot):
        await press(app, pilot, "space")
        assert app.query_one(ValueLine).size.height == 1
        await pilot.resize_terminal(140, 40)
        await pilot.pause()
        assert app.query_one(ValueLine).size.height > 5

    drive(what)
