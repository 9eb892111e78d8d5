"""Names and what stands behind them; a user's own too."""

import sys
from pathlib import Path

import pytest

from oreo_agent.errors import SettingError
from oreo_agent.registry import Registry

TABLE = {"path": "pathlib:Path", "counter": "collections:Counter"}
OWN: Registry[type] = Registry("thing", TABLE, own=True)
CLASS = "class Mine:\n    number = {}\n    class Inner: ...\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


def test_names_are_listed_and_loaded():
    assert OWN.names() == ["counter", "path"]
    assert OWN.load("path") is Path
    assert OWN.checksum("path") == ""


@pytest.mark.parametrize("own", [False, True])
def test_a_mistyped_name_is_answered_with_the_nearest_and_the_other_way_if_there_is_one(own: bool):
    registry: Registry[type] = Registry("thing", TABLE, own=own)
    with pytest.raises(SettingError, match="no thing is called 'pth'; did you mean") as told:
        registry.check("pth")
    assert ("file.py:Class of your own" in str(told.value)) == own


def test_a_table_that_takes_no_names_of_ones_own_imports_none():
    with pytest.raises(SettingError, match="no thing is called 'pathlib:Path'"):
        Registry[type]("thing", TABLE).load("pathlib:Path")


def test_a_users_own_stands_in_a_file_or_in_a_module_of_the_current_folder(here: Path):
    (here / "registry_mine.py").write_text(CLASS.format(1))
    by_file, by_module = OWN.load("registry_mine.py:Mine"), OWN.load("registry_mine:Mine")
    assert by_file.number == by_module.number == 1
    assert OWN.load(f"{here}/registry_mine.py:Mine") is by_file  # made once
    assert OWN.load("registry_mine.py:Mine.Inner") is by_file.Inner
    OWN.check("nowhere:Mine")  # which imports nothing


def test_files_of_one_name_are_not_taken_for_each_other_nor_for_modules_of_that_name(here: Path):
    for number in (1, 2):
        (here / str(number)).mkdir()
        (here / str(number) / "json.py").write_text(CLASS.format(number))
    kinds = [OWN.load(f"{number}/json.py:Mine") for number in (1, 2)]
    assert [kind.number for kind in kinds] == [1, 2]
    assert len({kind.__module__ for kind in kinds}) == 2
    for kind in kinds:  # dataclasses look annotations up there
        assert sys.modules[kind.__module__].Mine is kind
    assert sys.modules["json"].dumps


def test_the_checksum_of_a_users_own_is_that_of_its_file(here: Path):
    for name, number in (("a", 1), ("b", 1), ("c", 2)):
        (here / f"{name}.py").write_text(CLASS.format(number))
    first, same, other = (OWN.checksum(f"{name}.py:Mine") for name in "abc")
    assert first == same != other
    assert len(first) == 8


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("gone.py:Mine", None, "there is no file gone.py"),
        ("nowhere_at_all:Mine", None, "No module named 'nowhere_at_all'"),
        ("own.py:Yours", CLASS, "no attribute 'Yours'"),
        ("own.py:Mine", "1 / 0", "division by zero"),
        ("own.py:Mine", "import sys; sys.exit('no screen')", "no screen"),
        ("own.py:Mine", "def", "invalid syntax"),
        ("own.py:", CLASS, "has no attribute"),
    ],
)
def test_what_cannot_be_imported_is_named_with_the_reason(
    here: Path, name: str, text: str | None, message: str
):
    if text is not None:
        (here / "own.py").write_text(text)
    for _ in range(2):  # what broke once is not taken for made
        with pytest.raises(SettingError, match="cannot be imported") as told:
            OWN.load(name)
        assert message in str(told.value)
        assert f"the thing {name!r}" in str(told.value)
