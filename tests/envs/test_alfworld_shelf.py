"""Compiled games are kept, and what is kept is never wrong."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from oreo_envs.alfworld.shelf import Order, Shelf
from oreo_tasks.cache import cache_folder


def kept_files() -> list[Path]:
    return sorted((cache_folder() / "alfworld").glob("games-*.msgpack"))


def without_texts(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    def gone(id: str) -> str:
        raise AssertionError(f"{id} was compiled again")

    monkeypatch.setattr(shelf, "text", gone)
    return shelf


def test_a_game_is_compiled_once_and_comes_back_equal(data: str, monkeypatch):
    first = Shelf("train", data)
    games = {id: first.game(id) for id in first.ids}
    first.flush()
    second = without_texts(Shelf("train", data), monkeypatch)
    assert {id: second.game(id) for id in second.ids} == games
    assert len(kept_files()) == 1


def test_a_torn_file_is_compiled_anew(data: str):
    first = Shelf("train", data)
    game = first.game(first.ids[0])
    first.flush()
    (file,) = kept_files()
    for content in (b"", file.read_bytes()[:-9], b"\xff" * 99, msgspec.msgpack.encode([1, 2])):
        file.write_bytes(content)
        assert Shelf("train", data).game(game.id) == game


def test_writers_beside_each_other_lose_nothing_that_was_there(data: str, monkeypatch):
    one, two = Shelf("train", data), Shelf("train", data)
    one.game(one.ids[0])
    two.game(two.ids[1])
    one.flush()
    two.flush()
    third = without_texts(Shelf("train", data), monkeypatch)
    assert [third.game(id).id for id in third.ids[:2]] == list(third.ids[:2])
    assert [path.name for path in cache_folder().rglob(".*")] == []


def test_changed_games_are_another_file(packed_games, laid_out, tmp_path: Path):
    games = packed_games.sample("train", 3)
    root = laid_out(tmp_path, "train", games)
    for _ in range(2):
        shelf = Shelf("train", str(root))
        shelf.game(games[0].id)
        shelf.flush()
        path = root / "json_2.1.1" / "train" / games[0].id / "game.tw-pddl"
        path.write_text(games[0].text + " ", encoding="utf-8")
    assert len(kept_files()) == 2


def test_a_cache_that_cannot_be_written_is_no_fault(data: str, tmp_path: Path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    shelf = Shelf("train", data)
    assert shelf.game(shelf.ids[0]).id == shelf.ids[0]
    shelf.flush()


def test_memory_holds_no_more_games_than_it_is_told_to(data: str):
    shelf = Shelf("train", data, in_memory=3)
    for id in (*shelf.ids, *shelf.ids):
        assert shelf.world(id).game.id == id
        assert len(shelf._ready) <= 3


def test_worlds_of_one_game_are_independent(data: str):
    shelf = Shelf("train", data)
    one, two = shelf.world(shelf.ids[0]), shelf.world(shelf.ids[0])
    before = two.admissible()
    one.step(one.admissible()[0])
    assert two.admissible() == before == shelf.world(shelf.ids[0]).admissible()


def test_an_order_plays_each_instance_once_a_round(data: str):
    shelf = Shelf("train", data)
    order, rng = Order(shelf), np.random.default_rng(1)
    for _ in range(3):
        assert sorted(order.next(rng) for _ in shelf.ids) == sorted(shelf.ids)


def test_our_own_games_are_kept_too_and_played_without_listing_them(monkeypatch):
    first = Shelf("valid_seen", "generated")
    id = first.ids[0]
    game = first.game(id)
    first.flush()
    second = without_texts(Shelf("valid_seen", "generated"), monkeypatch)
    assert second.game(id) == game
    assert "ids" not in vars(second)


def test_the_cache_folder_is_where_the_user_wants_it(data: str, home: Path):
    shelf = Shelf("train", data)
    shelf.game(shelf.ids[0])
    shelf.flush()
    assert kept_files()[0].is_relative_to(home / ".cache" / "oreo-agent")
