"""TextWorld's tasks without TextWorld: seeds, levels, files, and what is said without it."""

import pytest

from oreo_tasks import load_task
from oreo_tasks.textworld import TextWorld, games
from oreo_tasks.textworld.challenges import CHALLENGES, recipe_of, splits_of


@pytest.mark.parametrize("kind", CHALLENGES)
def test_no_seed_is_in_two_splits_and_every_id_stands_for_one(kind: str):
    task, challenge = load_task(f"textworld-{kind}"), CHALLENGES[kind]
    seeds = [
        recipe_of(challenge, instance.id).seed
        for split in task.splits()
        for instance in task.instances(split)
    ]
    assert len(set(seeds)) == len(seeds) >= 700
    assert tuple(task.splits()) == splits_of(challenge)


@pytest.mark.parametrize("data", ["0", "generated:hard", "151"])
def test_a_level_that_is_not_there_is_refused_with_those_that_are(data: str):
    with pytest.raises(LookupError, match="1 to 150, 201 to 233"):
        load_task("textworld-coin-collector").instances("train", data)


@pytest.mark.parametrize("name", ["", "5/train/1", "5/train/00500", "0/train/00000", "5/all/00000"])
def test_a_game_that_is_not_there_is_refused(name: str):
    with pytest.raises(LookupError, match="'5/train/00012'"):
        recipe_of(CHALLENGES["coin-collector"], name)


def test_without_textworld_the_remedy_is_told(monkeypatch, home):
    def gone(name):
        raise games.importlib.metadata.PackageNotFoundError(name)

    games.version.cache_clear()
    monkeypatch.setattr(games.importlib.metadata, "version", gone)
    with pytest.raises(LookupError, match=r"pip install 'oreo-agent\[stock\]'"):
        load_task("textworld-cooking").prepare(["1/train/00000"])


@pytest.mark.parametrize(
    ("files", "split", "found"),
    [
        (["a.z8", "a.json", "b/c.tw-pddl", "notes.txt"], "train", ["a.z8", "b/c.tw-pddl"]),
        (["train/a.z8", "train/a.json", "test/b.tw-pddl"], "test", ["test/b.tw-pddl"]),
    ],
)
def test_game_files_are_found_below_their_split(tmp_path, files, split, found):
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    instances = TextWorld().instances(split, str(tmp_path))
    assert [each.id for each in instances] == found


def test_what_is_wrong_with_a_folder_of_games_is_told(tmp_path):
    (tmp_path / "a.z8").touch()
    with pytest.raises(ValueError, match=r"a\.z8 has no a\.json beside it"):
        TextWorld().instances("train", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"holds no game .* of the split 'test'"):
        TextWorld().instances("test", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="--data"):
        TextWorld().instances("train")
