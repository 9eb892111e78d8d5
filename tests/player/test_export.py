"""Exports: the same game gives the same file, and nothing that a world says acts in it."""

import json
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_games import game, solution
from rich.cells import cell_len

from oreo_agent.errors import SettingError
from oreo_agent.player.export import EXPORTS, check_target, export
from oreo_agent.player.harmless import disarmed, harmless
from oreo_agent.player.snapshot import Snapshot

GOLDEN = Path(__file__).parents[1] / "golden" / "exports"
GAMES = {
    "two-judges": (game(), game(shift=-0.05, judge="sft-value")),
    "solution": (solution(),),
}
VOID = {"meta", "br", "line", "circle", "polyline", "rect"}


class Page(HTMLParser):
    """Tags that match, and what they name."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.references: list[str] = []
        self.ids: list[str] = []
        self.said = ""

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            assert not name.startswith("on"), f"{tag} has {name}"
            if name in ("href", "src", "xlink:href", "action", "data", "poster"):
                self.references.append(value or "")
            if name == "id":
                self.ids.append(value or "")

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.said += data


def parsed(html: str) -> Page:
    page = Page()
    page.feed(html)
    page.close()
    assert page.open == []
    return page


def made(kind: str, *snapshots: Snapshot) -> str:
    return EXPORTS.load(kind)(snapshots)


@pytest.mark.parametrize("name", GAMES)
@pytest.mark.parametrize("kind", EXPORTS.names())
def test_exports_are_what_they_were(name, kind, tmp_path):
    path = tmp_path / f"{name}.{kind}"
    export(GAMES[name], path)
    told = re.sub(r"<style>.*?</style>", "<style></style>", path.read_text(), flags=re.DOTALL)
    golden = GOLDEN / path.name
    assert told == golden.read_text(), f"if the new one is right, copy it to {golden}"


@pytest.mark.parametrize("name", GAMES)
def test_a_page_is_well_formed_and_asks_nobody_for_anything(name):
    html = made("html", *GAMES[name])
    page = parsed(html)
    assert all(each.startswith("#") for each in page.references)
    assert {each[1:] for each in page.references} <= set(page.ids)
    assert not re.search(r"url\(|@import|https?://|//[a-z]", html)
    assert "script" not in page.tags
    assert len(set(page.ids)) == len(page.ids)


@pytest.mark.parametrize("name", GAMES)
def test_a_page_reads_without_colour_and_names_all_that_it_draws(name):
    page = parsed(made("html", *GAMES[name]))
    said = " ".join(page.said.split())
    for snapshot in GAMES[name]:
        for move in snapshot.moves:
            assert move.option.label.strip() in said
            assert move.observation in said
    assert "?? blunder" in said
    assert "the turn that lost it" in said
    assert "✘" in said


HOSTILE = "<script>alert(1)</script>\"' onload='x' \x1b[31mred\x1b]0;title\x07 & ]]> \u202eevil\x00"


@pytest.mark.parametrize("kind", EXPORTS.names())
def test_what_a_world_says_means_nothing_but_itself(kind):
    plain = game()
    moves = tuple(
        replace(
            move,
            observation=HOSTILE,
            option=replace(move.option, command=HOSTILE, text=HOSTILE),
            options=(replace(move.option, command=HOSTILE, text=HOSTILE), *move.options),
        )
        for move in plain.moves
    )
    bad = replace(
        plain,
        moves=moves,
        goal=HOSTILE,
        opening=HOSTILE,
        agent=HOSTILE,
        judge=HOSTILE,
        instance=HOSTILE,
        task_type=HOSTILE,
        end="fault",
        trouble=HOSTILE,
    )
    told = made(kind, bad, bad)
    if kind == "html":
        assert "script" not in parsed(told).tags
    if kind == "svg":
        tags = {element.tag.partition("}")[2] for element in ElementTree.fromstring(told).iter()}
        assert "script" not in tags
    if kind == "cast":
        heard = [json.loads(line) for line in told.splitlines()]
        said = "".join(event[2] for event in heard[1:])
        assert not re.sub(r"\x1b\[[0-9;]*m|[\r\n]", "", said).count("\x1b")
        assert "\x1b[31m" not in said
    else:
        assert not set(told) & {"\x1b", "\x07", "\x00", "\u202e"}


@pytest.mark.parametrize(("kind", "most"), [("html", 60_000), ("svg", 30_000), ("cast", 60_000)])
def test_an_endless_answer_does_not_make_an_endless_file(kind, most):
    long = game()
    moves = (replace(long.moves[0], observation="word " * 200_000), *long.moves[1:])
    assert len(made(kind, replace(long, moves=moves, opening="x" * 1_000_000))) < most


@given(st.text())
def test_what_acts_on_a_screen_takes_no_cell_and_can_be_left_out(said):
    assert all(cell_len(letter) == 0 for letter in said if not disarmed(letter))
    assert all(
        letter in "\n\t" or letter.isprintable() or ord(letter) > 0x9F for letter in disarmed(said)
    )
    assert disarmed(harmless(said)) == harmless(said)


@given(st.text())
def test_harmless_text_is_safe_for_a_terminal_and_for_xml(said):
    told = harmless(said)
    assert all(char in "\n\t" or char.isprintable() or ord(char) > 0x9F for char in told)
    ElementTree.fromstring(f"<a>{told.replace('&', '').replace('<', '')}</a>".encode())
    assert harmless(told) == told


@pytest.mark.parametrize(
    "snapshot",
    [
        game(values=(), chances=(), moves=(), tokens=0),
        game(end=None),
        game(end="fault", trouble="the floor gave way", calibrated=False),
        replace(
            game(judge=""),
            chances=(),
            values=(),
            moves=tuple(
                replace(move, value=None, probability=None, option=blank, options=(blank,))
                for move in game().moves
                for blank in [replace(move.option, value=None, probability=None, gain=None)]
            ),
        ),
    ],
    ids=["nothing played", "goes on", "broke", "no value"],
)
@pytest.mark.parametrize("kind", EXPORTS.names())
def test_every_kind_of_game_can_be_exported(snapshot, kind):
    told = made(kind, snapshot)
    if kind == "html":
        parsed(told)
    if kind == "svg":
        ElementTree.fromstring(told)


def test_a_recording_is_asciinemas_and_goes_on_at_its_pace():
    lines = made("cast", game()).splitlines()
    head, events = json.loads(lines[0]), [json.loads(line) for line in lines[1:]]
    assert (head["version"], head["width"], head["height"]) == (2, 80, 24)
    times = [at for at, _, _ in events]
    assert times == sorted(times)
    assert {kind for _, kind, _ in events} == {"o"}
    for _, _, told in events:
        for line in re.sub(r"\x1b\[[0-9;]*m", "", told).split("\r\n"):
            assert len(line) <= 80


def test_an_older_file_is_replaced_whole_and_nothing_is_left_beside_it(tmp_path):
    path = tmp_path / "game.txt"
    path.write_text("old")
    export((game(),), path)
    assert path.read_text().startswith("alfworld valid_seen")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("game.pdf", "none of .cast, .html, .svg, .txt"),
        ("game", "none of"),
        ("game.htm", "did you mean 'html'"),
        ("no/such/game.html", "there is no folder"),
        ("folder.svg", "it cannot be written"),
    ],
)
def test_a_file_that_cannot_be_written_is_told_before_anything_is_made(tmp_path, name, told):
    (tmp_path / "folder.svg").mkdir()
    with pytest.raises(SettingError, match=told):
        check_target(tmp_path / name)
