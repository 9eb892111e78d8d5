"""An environment is found by id, module, file or plug-in; a broken plug-in breaks no other."""

import pytest
from own_environments import GAME

import oreo_envs
from oreo_envs import finding
from oreo_envs.finding import find, is_environment, plug_ins
from oreo_envs.registration import REGISTRATIONS, Prompt, Registration, register
from oreo_envs.task import EnvironmentTask

pytestmark = pytest.mark.usefixtures("as_it_was")


def test_a_plug_in_is_imported_when_its_id_is_asked_for_and_the_id_alone_finds_it(installed):
    installed("gardens", f"{GAME}\noreo_envs.register('gardens/Game-v0', Game, step_limit=3)\n")
    found = find("gardens/Game-v0")
    assert (found.name, found.registration.source) == ("gardens/Game-v0", "gardens")
    assert find("gardens:gardens/Game-v0").name == "gardens/Game-v0"
    assert find("gardens:Game").name == "gardens/Game-v0"


@pytest.mark.parametrize("fault", ["import no_such_package", "raise SystemExit(3)", "1/0", "("])
def test_a_broken_plug_in_is_named_and_breaks_no_other(installed, fault):
    installed("broken_one", fault)
    installed("sound_one", f"{GAME}\noreo_envs.register('sound_one/Game-v0', Game)\n")
    assert find("sound_one/Game-v0").registration.source == "sound_one"
    broken, sound = plug_ins()
    assert (broken.name, bool(broken.fault), sound.fault) == ("broken_one", True, "")
    with pytest.raises(LookupError, match="of the plug-in 'broken_one', which cannot be imported"):
        find("broken_one/Game-v0")
    with pytest.raises(LookupError, match="plug-in 'broken_one' cannot be imported"):
        find("sound_one/Gam-v1")


def test_listing_what_is_registered_imports_no_plug_in(installed):
    installed("gardens", "raise AssertionError('imported')")
    assert "oreo/FrozenLake-v0" in REGISTRATIONS
    assert find("oreo/FrozenLake-v0").registration.expert


@pytest.mark.parametrize(
    ("wrong", "near"),
    [("oreo/FrozenLke-v0", "oreo/FrozenLake-v0"), ("oreo/Taxi-v1", "oreo/Taxi-v0")],
)
def test_a_wrong_id_is_answered_with_the_nearest(wrong, near):
    with pytest.raises(LookupError, match=f"did you mean '{near}'"):
        find(wrong)


def test_a_class_in_a_file_needs_no_packaging_and_is_found_again_by_the_same_words(
    tmp_path, monkeypatch
):
    (tmp_path / "game.py").write_text(GAME)
    monkeypatch.chdir(tmp_path)
    found = find("game.py:Game")
    assert (found.name, found.registration.id) == ("game.py:Game", "game/Game-v0")
    assert find("game.py:Game") == found
    assert find("game.py:game/Game-v0").registration == found.registration
    with pytest.raises(LookupError, match="did you mean 'Game'"):
        find("game.py:Gmae")
    with pytest.raises(LookupError, match=r"there is no file gme\.py"):
        find("gme.py:Game")


def test_what_a_file_registers_of_its_class_is_what_the_class_means(tmp_path):
    file = tmp_path / "game.py"
    file.write_text(f"{GAME}\noreo_envs.register('mine/Game-v3', Game, step_limit=7)\n")
    assert find(f"{file}:Game").registration.step_limit == 7
    assert find(f"{file}:mine/Game-v3").registration.id == "mine/Game-v3"


def test_a_file_that_cannot_be_imported_says_why(tmp_path):
    (tmp_path / "game.py").write_text("import no_such_package")
    with pytest.raises(LookupError, match=r"cannot be imported.*no_such_package"):
        find(f"{tmp_path / 'game.py'}:Game")


def test_a_text_environment_that_only_gymnasium_knows_works_as_it_is(tmp_path, monkeypatch):
    (tmp_path / "game.py").write_text(
        f"{GAME}\ngymnasium.register('theirs/Game-v1', Game, max_episode_steps=9)\n"
    )
    found = find(f"{tmp_path / 'game.py'}:theirs/Game-v1")
    task = EnvironmentTask(found)
    assert task.step_limit == 9
    env = task.make()
    observation, info = env.reset(options={"instance": "000017"})
    assert observation == "Seed 17."
    assert info == {
        "instance": "000017", "task_type": "", "admissible_commands": ["win"],
        "won": False, "valid": True,
    }  # fmt: skip
    _, reward, terminated, _, info = env.step("win")
    assert (reward, terminated, info["won"]) == (1.0, True, True)


@pytest.mark.parametrize("id", ["Game", "a/b/Game-v0", "games/Game", "games/Game-v", ""])
def test_an_id_has_a_version_and_at_most_one_namespace(id):
    with pytest.raises(ValueError, match="version"):
        register(id, "module:Class")


@pytest.mark.parametrize(
    "wrong",
    [
        {"step_limit": 0},
        {"splits": {}},
        {"prompt": {"action_format": "go"}},
        {"prompt": {"parsing": "("}},
        {"prompt": {"parsing": "x"}},
        {"prompt": {"max_reply_tokens": 0}},
    ],
)
def test_a_wrong_registration_is_refused_and_nothing_is_registered(wrong):
    with pytest.raises(ValueError, match=r"."):
        register("games/Wrong-v0", "module:Class", **wrong)
    assert "games/Wrong-v0" not in REGISTRATIONS


def test_an_id_that_is_taken_is_refused_and_the_same_may_be_told_again():
    register("games/One-v0", "module:Class")
    assert register("games/One-v0", "module:Class", step_limit=3).step_limit == 3
    with pytest.raises(ValueError, match="registered already, for module:Class"):
        register("games/One-v0", "other:Class")


def test_instances_are_seeds_or_names_or_what_gives_them():
    told = Registration(
        id="a/B-v0", entry_point="m:C", prompt=Prompt(),
        splits={"train": range(3), "named": ["b", "a"], "asked": lambda: ["z"]},
        task_type=lambda name: f"type {name}",
    )  # fmt: skip
    task = EnvironmentTask(finding.Found(name="a/B-v0", registration=told))
    assert [i.id for i in task.instances("train")] == ["000000", "000001", "000002"]
    assert [i.task_type for i in task.instances("named")] == ["type a", "type b"]
    assert [i.id for i in task.instances("asked")] == ["z"]
    with pytest.raises(LookupError, match="it has train, named, asked"):
        task.instances("valid")
    with pytest.raises(ValueError, match="leave --data out"):
        task.instances("train", "folder")


def test_only_names_with_a_colon_or_a_version_are_environments():
    assert [name for name in ("alfworld", "reasoning-gym", "a/B-v0", "f.py:C", "B-v12")
            if is_environment(name)] == ["a/B-v0", "f.py:C", "B-v12"]  # fmt: skip
    assert oreo_envs.register is register
