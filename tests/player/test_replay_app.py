"""The replay's screen, driven by keys, at every size."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from made_stores import CALIBRATION, STEEP, as_told, house, judge, replayed
from textual.pilot import Pilot
from textual.widgets import Input

from oreo_agent.player.replay.replay import Replay
from oreo_agent.player.replay_app import ReplayApp
from oreo_agent.player.replay_parts import ReplayHelp
from oreo_agent.player.themes import DARK, LIGHT

Drive = Callable[[ReplayApp, "Pilot[None]"], Awaitable[None]]


def drive(what: Drive, replay: Replay, size: tuple[int, int] = (80, 24)) -> ReplayApp:
    app = ReplayApp(replay)

    async def run() -> None:
        async with app.run_test(size=size, notifications=True) as pilot:
            await pilot.pause()
            await what(app, pilot)

    asyncio.run(run())
    return app


async def press(app: ReplayApp, pilot: "Pilot[None]", *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await app.workers.wait_for_complete()
        await pilot.pause()


def seen(app: ReplayApp) -> str:
    lines = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in line) for line in lines)


@pytest.fixture
def one(tmp_path) -> Replay:
    steep = judge("oreo", calibration=STEEP)
    return replayed(tmp_path, *(house(seed) for seed in range(4)), judges=[steep])


@pytest.fixture
def two(tmp_path) -> Replay:
    judges = [judge("oreo", calibration=STEEP), judge("sft-value", calibration=CALIBRATION)]
    return replayed(tmp_path, *(house(seed) for seed in range(4)), judges=judges)


@pytest.mark.parametrize(
    ("on", "back"), [("space", "backspace"), ("right", "left"), ("enter", "left")]
)
def test_on_and_back_walk_through_the_turns(one, on, back):
    async def what(app, pilot):
        first = seen(app)
        assert "turn 1 of" in first
        await press(app, pilot, on)
        assert "turn 2 of" in seen(app)
        assert one.snapshots()[0].moves[0].option.label in seen(app)
        await press(app, pilot, back)
        assert seen(app) == first

    drive(what, one)


def test_keys_in_haste_all_count(one):
    async def what(app, pilot):
        await pilot.press("space", "space", "space", "left")
        await pilot.pause()
        assert one.turn == 3
        assert "turn 3 of" in seen(app)

    drive(what, one)


def test_home_and_end_go_to_the_ends(one):
    async def what(app, pilot):
        await press(app, pilot, "end")
        assert "the end" in seen(app)
        assert one.snapshots()[0].outcome in seen(app)
        await press(app, pilot, "home")
        assert "turn 1 of" in seen(app)

    drive(what, one)


def test_n_goes_to_a_marked_move_and_says_what_it_cost(one):
    async def what(app, pilot):
        await press(app, pilot, "n")
        turn, name = one.turn, one.episode.id
        assert turn in one.marked
        assert any(word in seen(app) for word in ("inaccuracy", "mistake", "blunder"))
        await press(app, pilot, "n", "N")
        assert (one.turn, one.episode.id) == (turn, name)

    drive(what, one)


def test_brackets_and_g_change_the_episode(one):
    async def what(app, pilot):
        await press(app, pilot, "right_square_bracket")
        assert one.episode.id == one.ids[1]
        assert "valid 2/4" in seen(app)
        await press(app, pilot, "left_square_bracket", "g")
        app.screen.query_one(Input).value = one.ids[2][-8:]
        await press(app, pilot, "enter")
        assert one.episode.id == one.ids[2]
        await press(app, pilot, "g")
        app.screen.query_one(Input).value = "[/nobody]"
        await press(app, pilot, "enter")
        assert any("[/nobody]" in note.message for note in app._notifications)
        assert one.episode.id == one.ids[2]

    drive(what, one)


def test_where_there_is_no_mark_the_screen_says_so(tmp_path):
    async def what(app, pilot):
        await press(app, pilot, "n")
        assert "no move is marked" in seen(app)
        assert "turn 1 of" in seen(app)

    drive(what, replayed(tmp_path, as_told(house())))


def test_what_a_bundle_cannot_read_is_told_on_the_screen(tmp_path):
    short = judge("short")
    short.agent.engine.max_context = 20

    async def what(app, pilot):
        assert "context of 20" in " ".join(seen(app).split())

    drive(what, replayed(tmp_path, house(), judges=[short]))


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
def test_two_judges_are_both_on_the_screen_with_their_candidates(two, size):
    async def what(app, pilot):
        await press(app, pilot, "space")
        text = seen(app)
        first, second = two.snapshots()
        for snapshot in (first, second):
            assert snapshot.judge in text
            for option in snapshot.options[:3]:
                assert f"{option.gain:+.3f}" in text
        names = [
            next(i for i, line in enumerate(text.split("\n")) if judge_name in line)
            for judge_name in (first.judge, second.judge)
        ]
        assert (names[0] == names[1]) == (size[0] >= 120), "beside when wide, else below"
        assert "turn 2 of" in text

    drive(what, two, size)


@pytest.mark.parametrize("size", [(80, 24), (160, 50), (20, 24), (20, 6), (8, 3), (1, 1)])
def test_every_size_and_every_change_of_size_is_drawn(two, size):
    async def what(app, pilot):
        await press(app, pilot, "space", "end")
        for other in [(20, 5), (200, 60), size]:
            await pilot.resize_terminal(*other)
            await press(app, pilot, "left", "n")
        await press(app, pilot, "question_mark", "escape", "g", "escape", "t")
        if size >= (20, 20):
            assert "turn" in seen(app)

    drive(what, two, size)


def test_help_opens_and_closes_and_the_theme_turns(one):
    async def what(app, pilot):
        await press(app, pilot, "question_mark")
        assert isinstance(app.screen, ReplayHelp)
        await press(app, pilot, "end", "q")
        assert not isinstance(app.screen, ReplayHelp)
        assert one.turn == 1, "keys go to what is open"
        assert app.theme == DARK.name
        await press(app, pilot, "t")
        assert app.theme == LIGHT.name

    drive(what, one)


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
def test_quitting_is_no_fault(one, key):
    async def what(app, pilot):
        await pilot.press(key)

    assert drive(what, one).return_code == 0
