"""The browser on a screen, driven by keys: what a key promises is what is listed, at every size."""

import asyncio
import sqlite3
import unicodedata
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from browsed_store import fill_store, made
from textual.pilot import Pilot
from textual.widgets import Input

from oreo_agent.player.browser import browsing
from oreo_agent.player.browser.app import BrowserApp, Opened
from oreo_agent.player.browser.browsing import browse
from oreo_agent.player.browser.dialogs import BrowserHelp, ChoiceDialog, TextDialog
from oreo_agent.player.browser.listing import Listing
from oreo_agent.player.browser.preview import Preview
from oreo_agent.player.browser.query import NOT_WON, Query
from oreo_agent.player.browser.table import EpisodeTable
from oreo_agent.player.browser.telling import goal
from oreo_agent.player.themes import DARK, LIGHT
from oreo_agent.records.episode import PolicyRecord, Segment
from oreo_agent.records.folder import DATABASE
from oreo_agent.records.listing import Filter, Order
from oreo_agent.records.reader import StoreReader
from oreo_agent.records.store import Store

Drive = Callable[[BrowserApp, "Pilot[Opened | None]"], Awaitable[None]]
MANY = 700
NARROW, WIDE = (80, 24), (160, 50)


@pytest.fixture(scope="module")
def reader(tmp_path_factory) -> StoreReader:
    return fill_store(tmp_path_factory.mktemp("browsed"), MANY)


def drive(
    what: Drive, listing: Listing, size: tuple[int, int] = NARROW, **settings: object
) -> BrowserApp:
    """Run the app without a terminal and do ``what`` to it."""
    app = BrowserApp(listing, **settings)

    async def run() -> None:
        async with app.run_test(size=size, notifications=True) as pilot:
            await settle(app, pilot)
            await what(app, pilot)

    asyncio.run(run())
    return app


async def settle(app: BrowserApp, pilot: "Pilot[Opened | None]") -> None:
    await app.workers.wait_for_complete()
    await pilot.pause()


async def press(app: BrowserApp, pilot: "Pilot[Opened | None]", *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await settle(app, pilot)


async def write(app: BrowserApp, pilot: "Pilot[Opened | None]", key: str, text: str) -> None:
    await press(app, pilot, key)
    assert isinstance(app.screen, TextDialog)
    app.screen.query_one(Input).value = text
    await press(app, pilot, "enter")


def seen(app: BrowserApp) -> str:
    """Everything on the screen as text."""
    lines = app.screen._compositor.render_strips()
    assert all(line.cell_length <= app.size.width for line in lines)
    return "\n".join("".join(segment.text for segment in line) for line in lines)


def current(app: BrowserApp) -> str | None:
    return app.query_one(EpisodeTable).current


def everything(reader: StoreReader, **query: object) -> Listing:
    return Listing(reader, Query(**query))


@pytest.mark.parametrize("size", [NARROW, WIDE])
def test_the_first_screen_has_counts_the_interval_rows_and_keys(reader, size):
    async def what(app, pilot):
        text, rate = seen(app), app.listing.rate()
        assert "700 episodes" in text
        assert f"won {rate.share:.1%} [{100 * rate.low:.1f}, {100 * rate.high:.1f}]" in text
        for told in ("✔ won ", "✘ lost ", "step limit ", "token limit ", "! fault "):
            assert told in text
        assert f"1 of 700 · {app.listing.ids[0]}" in text
        assert "enter open" in text
        assert "▸" in text

    drive(what, everything(reader), size)


def test_the_cursor_goes_everywhere_and_is_always_in_sight(reader):
    async def what(app, pilot):
        ids, table = app.listing.ids, app.query_one(EpisodeTable)
        for keys, place in (
            (("down", "j", "up"), 1),
            (("end",), 699),
            (("down",), 699),
            (("pageup",), 699 - table._rows),
            (("G", "k"), 698),
            (("g", "up"), 0),
            (("pagedown", "pagedown"), 2 * table._rows),
        ):
            await press(app, pilot, *keys)
            assert table.cursor == place
            text = seen(app)
            assert f"{place + 1} of 700 · {ids[place]}" in text
            (line,) = (line for line in text.split("\n") if "▸" in line)
            assert app.listing.row(place).instance.split("-")[-1] in line

    drive(what, everything(reader))


@pytest.mark.parametrize(
    ("keys", "where"),
    [
        (("f", "2"), Filter(ends=("won",))),
        (("f", "7"), Filter(ends=NOT_WON)),
        (("f", "2", "f", "1"), Filter()),
        (("t", "2"), Filter(task_type="look")),
        (("t", "down", "enter"), Filter(task_type="look")),
        (("p", "2"), Filter(policy="expert")),
        (("d", "3"), Filter(split="valid")),
        (("f", "escape"), Filter()),
        (("f", "3", "t", "3", "d", "2"), Filter(ends=("lost",), task_type="pick", split="train")),
        (("f", "9"), Filter()),
    ],
)
def test_a_chosen_value_lists_what_has_it(reader, keys, where):
    async def what(app, pilot):
        await press(app, pilot, *keys)
        assert app.listing.query.where == where
        assert app.listing.ids == reader.listed(where)
        if isinstance(app.screen, ChoiceDialog):
            await press(app, pilot, "escape")
        assert f"of {len(app.listing.ids)} ·" in seen(app)

    drive(what, everything(reader))


def test_a_dialog_counts_what_each_value_would_show(reader):
    async def what(app, pilot):
        await press(app, pilot, "t", "2", "f")
        text = seen(app)
        for end in ("won", "fault"):
            number = reader.count(Filter(task_type="look", ends=(end,)))
            assert f"{end}  {number}" in text

    drive(what, everything(reader))


def test_a_part_of_an_instance_and_the_least_reward_filter_and_esc_clears(reader):
    async def what(app, pilot):
        await write(app, pilot, "i", "APPLE")
        await write(app, pilot, "w", ".5")
        where = Filter(instance_part="APPLE", least_reward=0.5)
        assert app.listing.ids == reader.listed(where)
        assert "instance APPLE · reward ≥ 0.5" in seen(app)
        await write(app, pilot, "w", "much")
        assert "no number" in seen(app)
        await write(app, pilot, "w", "")
        assert app.listing.query.where == replace(where, least_reward=None)
        await press(app, pilot, "escape")
        assert app.listing.ids == reader.listed()

    drive(what, everything(reader))


def test_sorting_begins_at_the_top_and_filtering_keeps_the_episode(reader):
    async def what(app, pilot):
        await press(app, pilot, "end", "s", "2")
        assert app.listing.ids == reader.listed(order=Order(by="steps", descending=True))
        assert app.cursor == 0
        assert "steps▾" in seen(app)
        await press(app, pilot, *["down"] * 5)
        name = current(app)
        end = reader.get(name).end
        await press(app, pilot, "f", str(2 + ("won", "lost", "step_limit").index(end)))
        assert current(app) == name

    drive(what, everything(reader))


def test_a_search_finds_what_is_in_the_episodes_and_shows_where(reader):
    async def what(app, pilot):
        await write(app, pilot, "/", "Some APPLE")
        wanted = [e.id for e in reader if "some apple" in e.segments[0].text]
        assert app.listing.ids == wanted
        assert f"{len(wanted)} found" in seen(app)
        assert "Your task is to: find some apple." in seen(app)
        await write(app, pilot, "/", "nothing like it")
        assert "no episode is like that" in seen(app)
        await press(app, pilot, "enter", "down", "G")
        assert current(app) is None
        await press(app, pilot, "escape")
        assert len(app.listing.ids) == MANY

    drive(what, everything(reader), WIDE)


def test_esc_stops_a_search_keeps_what_it_found_and_then_clears(reader, monkeypatch):
    looked = []

    async def what(app, pilot):
        fill = Listing.fill

        def slow(self):
            for step in fill(self):
                looked.append(self.looked)
                if self.looked == 256:
                    app.call_from_thread(app.action_clear)
                yield step

        monkeypatch.setattr(Listing, "fill", slow)
        await write(app, pilot, "/", "apple")
        assert (max(looked), app.listing.filled) == (256, False)
        wanted = [e.id for e in reader if "apple" in e.segments[0].text]
        assert app.listing.ids == [name for name in wanted if name in reader.listed()[:256]]
        assert "stopped at 37%" in seen(app)
        monkeypatch.setattr(Listing, "fill", fill)
        await press(app, pilot, "escape")
        assert app.listing.ids == reader.listed()

    drive(what, everything(reader))


def test_the_episode_under_the_cursor_is_beside_the_list_where_there_is_room(reader):
    async def what(app, pilot):
        await press(app, pilot, "down", "down")
        episode = reader.get(current(app))
        assert goal(episode) in seen(app)
        await press(app, pilot, "space")
        assert not app.query_one(Preview).display
        await pilot.resize_terminal(*NARROW)
        await press(app, pilot, "down")
        assert not app.query_one(Preview).display
        await press(app, pilot, "space")
        assert goal(reader.get(current(app))) in seen(app)

    drive(what, everything(reader), WIDE)


def test_enter_ends_with_the_episode_and_its_list(reader):
    async def what(app, pilot):
        await press(app, pilot, "f", "2", "down", "enter")

    won = reader.listed(Filter(ends=("won",)))
    assert drive(what, everything(reader)).return_value == Opened(id=won[1], ids=tuple(won))


def test_nothing_that_is_stored_acts_on_the_terminal_or_on_the_screen(tmp_path):
    bad = "[/b]\x1b[2J\x9b31m\u202e[bold]"
    shown = Segment(kind="observation", ids=(), text=f"Your task is to: find {bad}.")
    with Store.create(tmp_path, prompt="bare", tokenizer="t1") as store:
        for number in range(3):
            store.append(
                made(
                    number,
                    id=f"{number}{bad}",
                    split=f"split {number}{bad}",
                    task_type=bad,
                    instance=f"{number}{bad}",
                    segments=(shown, Segment(kind="action", ids=(), text=bad, command=bad)),
                    policy=PolicyRecord(kind="import", strategy=f"{number}{bad}"),
                )
            )
    damaged = StoreReader(tmp_path).listed()[1]
    with sqlite3.connect(tmp_path / DATABASE) as connection:
        connection.execute("UPDATE episodes SET record = x'00' WHERE id = ?", (damaged,))
    connection.close()

    async def what(app, pilot):
        for key in ("d", "escape", "t", "2", "down", "enter", "up"):
            await press(app, pilot, key)
            text = seen(app)
            assert "[/b]" in text
            assert not any(
                unicodedata.category(letter) in ("Cc", "Cf") for letter in text if letter != "\n"
            )

    drive(what, everything(StoreReader(tmp_path)), WIDE)


def test_whoever_comes_back_from_an_episode_stands_where_they_left(reader, monkeypatch):
    visits: list[tuple[int, Query]] = []
    keys = iter((("f", "2", "down", "down", "enter"), ("q",)))

    def run(self: BrowserApp) -> Opened | None:
        async def what(app, pilot):
            visits.append((app.cursor, app.listing.query))
            await press(app, pilot, *next(keys))

        async def go() -> None:
            async with self.run_test(size=NARROW) as pilot:
                await settle(self, pilot)
                await what(self, pilot)

        asyncio.run(go())
        return self.return_value

    monkeypatch.setattr(browsing.BrowserApp, "run", run)
    opened: list[Opened] = []
    assert browse(everything(reader), opened.append) == 0
    won = reader.listed(Filter(ends=("won",)))
    assert [one.id for one in opened] == [won[2]]
    assert visits == [(0, Query()), (2, Query(where=Filter(ends=("won",))))]


def test_a_damaged_episode_is_marked_and_does_not_stop_the_rest(tmp_path):
    reader = fill_store(tmp_path, 30)
    names = reader.listed()
    with sqlite3.connect(tmp_path / DATABASE) as connection:
        connection.execute("UPDATE episodes SET record = x'00' WHERE id = ?", (names[2],))
        connection.execute("UPDATE episodes SET steps = 'many' WHERE id = ?", (names[4],))
    connection.close()

    async def what(app, pilot):
        assert seen(app).count("! damaged") == 1, "a row that cannot be read"
        await press(app, pilot, "down", "down")
        assert seen(app).count("! damaged") == 3, "and a record, in its row and at a glance"
        assert "1 damaged" in seen(app)
        await press(app, pilot, "enter")
        assert app.return_value is None
        await write(app, pilot, "/", "apple")
        assert app.listing.damaged == {names[2]}
        assert app.listing.ids == [
            n for n in names if n != names[2] and "apple" in goal(reader.get(n))
        ]

    drive(what, everything(reader), WIDE)


def test_a_store_that_is_lost_while_it_is_browsed_is_told(tmp_path):
    reader = fill_store(tmp_path, 30)

    async def what(app, pilot):
        (tmp_path / DATABASE).write_bytes(b"torn" * 2000)
        await press(app, pilot, "f", "2")
        assert "cannot be read" in seen(app)
        await press(app, pilot, "down", "enter", "R", "q")

    assert drive(what, everything(reader)).return_code == 0


def test_reading_anew_shows_what_was_added(tmp_path, reader):
    fill_store(tmp_path, 3)

    async def what(app, pilot):
        kept = current(app)
        fill_store_more(tmp_path, reader.get(reader.listed()[0]))
        await press(app, pilot, "R")
        assert len(app.listing.ids) == 4
        assert current(app) == kept

    drive(what, everything(StoreReader(tmp_path)))


def fill_store_more(folder: Path, episode) -> None:
    import msgspec

    with Store.create(folder, prompt="bare", tokenizer="t1") as store:
        store.append(msgspec.structs.replace(episode, id="a-new-one"))


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
def test_quitting_is_no_fault_also_during_a_search(reader, key):
    async def what(app, pilot):
        await press(app, pilot, "slash")
        app.screen.query_one(Input).value = "apple"
        await pilot.press("enter")
        await pilot.press(key)

    assert drive(what, everything(reader)).return_code == 0


def test_help_opens_and_closes_and_the_theme_turns(reader):
    async def what(app, pilot):
        await press(app, pilot, "question_mark")
        assert isinstance(app.screen, BrowserHelp)
        assert "Wilson" in seen(app)
        await press(app, pilot, "q", "T")
        assert app.theme == LIGHT.name
        await press(app, pilot, "T")
        assert app.theme == DARK.name

    drive(what, everything(reader))


@pytest.mark.parametrize(
    "size", [(80, 24), (160, 50), (300, 80), (40, 12), (20, 20), (8, 3), (1, 1)]
)
def test_every_size_and_every_change_of_size_is_drawn(reader, size):
    async def what(app, pilot):
        await press(app, pilot, "space", "end")
        for other in [(20, 5), (200, 60), size]:
            await pilot.resize_terminal(*other)
            await press(app, pilot, "down", "up")
        for key in ("question_mark", "f", "slash", "s"):
            await press(app, pilot, key, "escape")
        text = seen(app)
        if size[0] >= 20 and size[1] >= 12:
            assert "▸ ✔" in text or "▸ ✘" in text or "▸ !" in text
            assert "won" in text

    drive(what, everything(reader), size)


def test_without_colour_outcomes_and_cursor_are_told_by_marks(reader, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")

    async def what(app, pilot):
        text = seen(app)
        for mark in ("▸ ", "✔ won", "✘ lost", "✘ step limit", "! fault"):
            assert mark in text

    drive(what, everything(reader), (80, 60))


def test_an_empty_store_has_a_screen(tmp_path):
    async def what(app, pilot):
        await press(app, pilot, "down", "end", "enter", "space", "f", "1", "s", "2")
        assert "0 episodes" in seen(app)

    drive(what, everything(fill_store(tmp_path, 0)))
