"""Official games are found where they are, counted right, and missed with a remedy."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from oreo_tasks import TASKS, load_task
from oreo_tasks.alfworld import Alfworld, generated_tier
from oreo_tasks.alfworld.games import (
    OFFICIAL_COUNTS,
    SPLITS,
    TASK_TYPES,
    count_remark,
    find_games,
)
from oreo_tasks.cache import cache_folder

PLATE = "pick_and_place_simple-Plate-None-Shelf-7/trial_T1"
LAMP = "look_at_obj_in_light-Mug-None-DeskLamp-301/trial_T2"


def write(folder: Path, id: str, **fields: object) -> Path:
    path = folder / id / "game.tw-pddl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"pddl_problem": "(x)", "solvable": True, **fields}))
    return path


@pytest.fixture
def official(tmp_path: Path) -> Path:
    folder = tmp_path / "json_2.1.1" / "train"
    write(folder, PLATE)
    write(folder, LAMP)
    return tmp_path


@pytest.mark.parametrize("place", ["json_2.1.1/train", "json_2.1.2/train", "train"])
def test_games_are_found_in_every_official_place(tmp_path: Path, place: str):
    path = write(tmp_path / place, PLATE)
    assert find_games(str(tmp_path), "train") == {PLATE: path}


def test_the_newer_release_comes_first(tmp_path: Path):
    for release in ("json_2.1.1", "json_2.1.2"):
        write(tmp_path / release / "train", PLATE)
    assert "json_2.1.2" in str(find_games(str(tmp_path), "train")[PLATE])


def test_instances_are_sorted_and_know_their_type(official: Path):
    instances = Alfworld().instances("train", str(official))
    assert [(i.id, i.task, i.split, i.task_type) for i in instances] == [
        (LAMP, "alfworld", "train", "look_at_obj_in_light"),
        (PLATE, "alfworld", "train", "pick_and_place_simple"),
    ]


def test_what_the_stock_environment_skips_is_skipped(official: Path):
    train = official / "json_2.1.1" / "train"
    write(train, "pick_and_place_with_movable_recep-Pen-Mug-Desk-301/trial_T3")
    write(train, "pick_and_place_simple-AppleSliced-None-Fridge-1/trial_T4")
    write(train, "pick_and_place_simple-Pan-None-Fridge-1/trial_T5", solvable=False)
    unflagged = train / "pick_and_place_simple-Pan-None-Fridge-1/trial_T6"
    unflagged.mkdir()
    (unflagged / "game.tw-pddl").write_text("{}")
    (train / "pick_and_place_simple-Pan-None-Fridge-1/trial_T7").mkdir()
    (train / "notes.txt").write_text("not a task")
    assert list(find_games(str(official), "train")) == [LAMP, PLATE]
    assert len(find_games(str(official), "train", unsolvable=True)) == 4


def test_an_unsolvable_game_is_still_read_when_asked_for_by_name(official: Path):
    id = "pick_and_place_simple-Pan-None-Fridge-1/trial_T5"
    write(official / "json_2.1.1" / "train", id, solvable=False)
    assert json.loads(Alfworld().game_text(id, "train", str(official)))["solvable"] is False


def test_the_second_look_reads_no_game(official: Path, monkeypatch: pytest.MonkeyPatch):
    first = find_games(str(official), "train")

    def read_again(self: Path) -> bytes:
        raise AssertionError(f"{self} was read again")

    index = {path: path.read_bytes() for path in cache_folder().rglob("*.json")}
    monkeypatch.setattr(Path, "read_bytes", lambda self: index.get(self) or read_again(self))
    assert find_games(str(official), "train") == first
    assert index


def test_a_changed_game_is_looked_at_again(official: Path):
    find_games(str(official), "train")
    write(official / "json_2.1.1" / "train", PLATE, solvable=False, note="changed")
    assert list(find_games(str(official), "train")) == [LAMP]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"x": {"train": 1}}', b"\xff"])
def test_a_torn_index_is_made_anew(official: Path, content: bytes):
    first = find_games(str(official), "train")
    (index,) = cache_folder().rglob("index-*.json")
    index.write_bytes(content)
    assert find_games(str(official), "train") == first


def test_the_fingerprint_follows_the_games_and_nothing_else(official: Path, tmp_path: Path):
    task = Alfworld()
    one = task.fingerprint("train", str(official))
    copied = tmp_path / "elsewhere" / "train"
    write(copied, PLATE)
    write(copied, LAMP)
    assert task.fingerprint("train", str(copied.parent)) == one
    write(copied, "pick_and_place_simple-Pan-None-Fridge-1/trial_T5", solvable=False)
    assert task.fingerprint("train", str(copied.parent)) == one
    write(copied, LAMP, note="changed")
    assert task.fingerprint("train", str(copied.parent)) != one


def test_alfworld_data_names_the_folder_when_nobody_else_does(
    official: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ALFWORLD_DATA", str(official))
    assert [i.id for i in Alfworld().instances("train")] == [LAMP, PLATE]


def test_without_official_data_our_own_games_are_played():
    (first, *_) = Alfworld().instances("valid_seen")
    assert first == Alfworld().instances("valid_seen", "generated")[0]
    assert "pddl_problem" in json.loads(Alfworld().game_text(first.id, "valid_seen"))


@pytest.mark.parametrize(
    ("split", "makes", "error", "says"),
    [
        ("tain", "train", LookupError, "did you mean 'train'"),
        ("valid_seen", "train", FileNotFoundError, "valid_seen.*looked for.*ALFWORLD_DATA"),
        ("train", "json_2.1.1/train", FileNotFoundError, r"holds no game\.tw-pddl.*generated"),
    ],
)
def test_what_is_not_there_is_missed_with_a_remedy(tmp_path: Path, split, makes, error, says):
    (tmp_path / makes).mkdir(parents=True)
    with pytest.raises(error, match=says):
        Alfworld().instances(split, str(tmp_path))


def test_a_split_without_a_solvable_game_says_so(tmp_path: Path):
    write(tmp_path / "train", PLATE, solvable=False)
    with pytest.raises(FileNotFoundError, match="1 games, none of them marked as solvable"):
        Alfworld().instances("train", str(tmp_path))


def test_a_broken_game_is_named(official: Path):
    path = write(official / "json_2.1.1" / "train", PLATE)
    path.write_text('{"solvable": tr')
    with pytest.raises(ValueError, match=rf"{path}.*restore it.*or delete it"):
        Alfworld().instances("train", str(official))


@pytest.mark.parametrize(
    "id", ["", "x", "../json_2.1.1", "../../x", f"{PLATE}/game.tw-pddl", PLATE[:-1]]
)
def test_an_id_that_is_no_game_is_refused(official: Path, id: str):
    with pytest.raises(LookupError, match="no game"):
        Alfworld().game_text(id, "train", str(official))


def test_an_unknown_tier_is_refused_with_those_there_are():
    with pytest.raises(LookupError, match="known: "):
        generated_tier("generated:nonesuch")
    assert generated_tier("some/folder") is None


def test_a_wrong_count_is_remarked_on():
    assert count_remark("train", 3553) is None
    assert count_remark("valid_train", 7) is None
    assert "3,321 playable games; the official release has 3,553" in str(
        count_remark("train", 3321)
    )


def test_every_task_in_the_table_loads_and_a_mistyped_one_is_answered_with_the_nearest():
    assert [load_task(name).name for name in TASKS] == list(TASKS)
    with pytest.raises(LookupError, match="did you mean 'alfworld'"):
        load_task("alfwrold")


def test_the_splits_begin_with_training():
    assert tuple(Alfworld().splits()) == SPLITS
    assert SPLITS[0] == "train"


@pytest.mark.slow
def test_all_official_games_are_found(shared_data: Path, tmp_path: Path):
    unpack = [sys.executable, str(shared_data / "unpack_alfworld.py"), str(tmp_path), "--no-traj"]
    subprocess.run(unpack, check=True, capture_output=True)
    for split in ("train", "valid_seen"):
        instances = Alfworld().instances(split, str(tmp_path))
        assert len(instances) == OFFICIAL_COUNTS[split]
        assert {i.task_type for i in instances} == set(TASK_TYPES)
