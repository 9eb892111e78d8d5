"""What holds for the environments of all other libraries, whether or not they are installed."""

import random
import sys

import gymnasium
import numpy as np
import pytest

from oreo_envs import adapters
from oreo_envs.adapters import adapted, library, refuse_unknown, splits_of_rows
from oreo_envs.adapters.chance import OwnChance
from oreo_envs.finding import find


class Told(gymnasium.Env[str, str]):
    """Never made."""


@pytest.fixture
def told(monkeypatch):
    """A library that takes every name, and what it was asked for."""
    asked: list[tuple[str, dict[str, object]]] = []

    def described(source, settings):
        asked.append((source, settings))
        return {"entry_point": Told, "step_limit": 7}

    monkeypatch.setattr(sys.modules[__name__], "described", described, raising=False)
    monkeypatch.setattr(adapters, "SCHEMES", {"toy": f"{__name__}:described"})
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])
    return asked


def test_a_name_and_its_settings_reach_the_library_once(told):
    name = "toy:games:Maze-v2?size=3&kind=round&deep=true"
    found = find(name)
    assert (found.name, found.registration.step_limit) == (name, 7)
    assert found.registration.id == "toy/games.Maze-v2.size.3.kind.round.deep.true-v0"
    assert found.registration.source == "toy"
    assert find(name).registration is found.registration
    assert told == [("games:Maze-v2", {"size": 3, "kind": "round", "deep": True})]


def test_ids_tell_different_names_apart(told):
    names = ["toy:Maze-v0", "toy:Maze", "toy:Maze-v0?size=3", "toy:http://localhost:8000"]
    ids = [adapted(name).id for name in names]
    assert ids[0] == "toy/Maze-v0"
    assert ids[3] == "toy/http.localhost.8000-v0"
    assert len({*ids[1:]}) == 3
    briefly = [adapted(f"toy:Maze-v0?say=Be brief{mark}").id for mark in ("", "!", "?")]
    assert len({*briefly}) == 3


def test_a_setting_of_the_wrong_kind_is_told_and_no_traceback(told, monkeypatch):
    def described(source, *, size: int):
        return {"entry_point": Told, "step_limit": 7 + size}

    monkeypatch.setattr(sys.modules[__name__], "described", lambda s, told: described(s, **told))
    for query in ("size=big", "sise=3"):
        with pytest.raises(LookupError, match=rf"toy:Maze\?{query} cannot be made: .*mend its"):
            adapted(f"toy:Maze?{query}")


def test_other_names_are_left_to_the_other_ways(told):
    assert adapted("games:Maze-v0") is None
    assert adapted("toy") is None
    assert not told


def test_a_library_that_is_not_installed_is_named_with_its_extra():
    with pytest.raises(LookupError, match=r"'no_such_module'.*pip install 'oreo-agent\[toy\]'"):
        library("no_such_module", "toy")


def test_a_setting_that_there_is_not_is_refused():
    refuse_unknown("toy:Maze", {"size": 3}, ["size", "kind"])
    with pytest.raises(LookupError, match="no setting 'sise'; did you mean 'size'"):
        refuse_unknown("toy:Maze", {"sise": 3}, ["size", "kind"])


@pytest.mark.parametrize("count", [1, 9, 10, 11, 57, 1000])
def test_splits_of_rows_hold_each_row_once(count):
    splits = splits_of_rows(count)
    assert sorted(row for rows in splits.values() for row in rows) == list(range(count))
    assert all(splits.values())
    assert next(iter(splits)) == "train"


def test_a_games_chance_is_its_own():
    def drawn():
        return random.random(), float(np.random.random())

    random.seed(5)
    np.random.seed(5)
    alone = [drawn(), drawn()]
    random.seed(5)
    np.random.seed(5)
    one, other = OwnChance(), OwnChance()
    outside = [drawn()]
    with one.drawing(3):
        first = drawn()
    with other.drawing(3):
        assert drawn() == first
    with one.drawing():
        second = drawn()
    with other.drawing():
        assert drawn() == second != first
    assert [*outside, drawn()] == alone


@pytest.mark.parametrize("given", ["abc", "true", "[1]", "null", "NaN", ""])
def test_a_success_that_is_no_number_is_refused_by_name(told, given):
    with pytest.raises(LookupError, match=r"toy:Game\?success=.*: success is .*a number such as"):
        adapters.adapted(f"toy:Game?success={given}")
    assert told == []
