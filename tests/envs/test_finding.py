"""An environment is found by id, module, file or plug-in; a broken plug-in breaks no other."""

import sys

import gymnasium
import pytest
from own_environments import GAME

import oreo_envs
from oreo_envs import finding
from oreo_envs.checking import RULES, bench_of
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


def test_an_id_that_is_known_is_found_without_importing_a_plug_in(installed):
    installed("gardens", GAME)
    assert find("oreo/FrozenLake-v0").registration.expert
    assert "gardens" not in sys.modules
    plug_ins()
    assert "gardens" in sys.modules


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


def test_a_plug_in_that_registers_with_gymnasium_alone_is_found_and_listed(installed):
    text = "gymnasium.register('meadows/Game-v2', 'meadows:Game', max_episode_steps=9)"
    installed("meadows", f"{GAME}\n{text}\ngymnasium.register('odd:name', 'meadows:Game')\n")
    found = find("meadows/Game-v2")
    assert (found.name, found.registration.source) == ("meadows/Game-v2", "meadows")
    assert found.registration.step_limit == 9
    assert "meadows/Game-v2" in REGISTRATIONS
    assert EnvironmentTask(found).make().reset(seed=3)[0] == "Seed 3."
    assert [plug_in.fault for plug_in in plug_ins()] == [""]


def test_what_a_plug_in_registers_for_another_package_is_not_its_own(installed):
    installed("meadows", "import gymnasium\ngymnasium.register('lent/Game-v0', 'other:Game')\n")
    plug_ins()
    assert "lent/Game-v0" not in REGISTRATIONS


def test_an_id_that_only_a_batch_has_is_refused():
    gymnasium.register("games/Batch-v0", vector_entry_point="m:C")
    with pytest.raises(LookupError, match="vector environment alone"):
        find("games/Batch-v0")


def test_asking_for_an_id_imports_the_plug_in_of_its_namespace_and_no_other(installed):
    for name in ("acres", "gardens", "woods"):
        installed(name, f"{GAME}\noreo_envs.register('{name}/Game-v0', Game)\n")
    find("gardens/Game-v0")
    assert {"acres", "gardens", "woods"} & {*sys.modules} == {"gardens"}


def test_an_id_of_another_namespace_than_its_plug_in_is_found_too(installed):
    installed("acres", f"{GAME}\noreo_envs.register('fields/Game-v0', Game)\n")
    installed("woods", "raise AssertionError('imported for nothing')")
    assert find("fields/Game-v0").registration.source == "acres"
    assert "woods" not in finding._read


def test_a_class_in_a_module_of_a_package_gets_an_id(tmp_path, monkeypatch):
    (tmp_path / "my_pkg").mkdir()
    (tmp_path / "my_pkg" / "__init__.py").touch()
    (tmp_path / "my_pkg" / "mod.py").write_text(GAME)
    (tmp_path / "odd name.v2.py").write_text(f"{GAME}\nclass Outer:\n    Inner = Game\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = find("my_pkg.mod:Game")
    assert (found.name, found.registration.id) == ("my_pkg.mod:Game", "my_pkg-mod/Game-v0")
    assert find("my_pkg.mod:Game") == found
    odd = find(f"{tmp_path / 'odd name.v2.py'}:Outer.Inner")
    assert odd.registration.id == "odd-name-v2/Outer.Inner-v0"
    assert EnvironmentTask(odd).make().reset(seed=1)[0] == "Seed 1."


def test_a_file_may_be_called_like_an_installed_module(tmp_path):
    import json

    file = tmp_path / "json.py"
    file.write_text(f"{GAME}\noreo_envs.register('mine/Game-v0', 'json:Game', step_limit=7)\n")
    found = find(f"{file}:Game")
    assert (found.registration.id, found.registration.step_limit) == ("mine/Game-v0", 7)
    assert EnvironmentTask(found).make().reset(seed=2)[0] == "Seed 2."
    assert sys.modules["json"] is json
    assert json.loads("[1]") == [1]


def test_two_files_of_one_name_are_two_environments(tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "game.py").write_text(GAME.replace("Seed", folder))
    one, two = (find(f"{tmp_path / folder / 'game.py'}:Game") for folder in ("one", "two"))
    begun = [EnvironmentTask(each).make().reset(seed=1)[0] for each in (one, two)]
    assert begun == ["one 1.", "two 1."]
    assert find(one.name) == one
    assert find(two.name) == two


def test_what_a_file_defines_is_pickled_between_processes(tmp_path):
    """Infos of a class in the file come home from a spawned process, dataclasses included."""
    file = tmp_path / "game.py"
    file.write_text(
        "from __future__ import annotations\nimport dataclasses\n"
        "@dataclasses.dataclass\nclass Note:\n    text: str\n"
        + GAME.replace('"admissible', '"note": Note("x"), "admissible')
    )
    bench = bench_of(f"{file}:Game")
    assert RULES["workers"][0](bench) == ""


def test_a_file_that_was_mended_is_read_again(tmp_path):
    file = tmp_path / "game.py"
    file.write_text("oops")
    with pytest.raises(LookupError, match="NameError"):
        find(f"{file}:Game")
    file.write_text(GAME)
    assert find(f"{file}:Game").registration.id == "game/Game-v0"


@pytest.mark.parametrize("id", ["FrozenLake-v1", "theirs/Game-v0"])
def test_an_id_that_only_gymnasium_knows_is_not_taken_from_it(id):
    if id not in gymnasium.registry:
        gymnasium.register(id, "theirs:Game")
    before = gymnasium.spec(id)
    with pytest.raises(ValueError, match=f"{id} is registered already, for .*; take another id"):
        register(id, "mine:Game")
    assert gymnasium.spec(id) is before
    assert id not in REGISTRATIONS
    assert register(id, before.entry_point, step_limit=3).step_limit == 3


def test_a_function_that_is_only_named_is_no_type_of_instances():
    with pytest.raises(ValueError, match="give the function itself"):
        Registration(id="pets/Lost-v0", entry_point="pets:Lost", task_type="pets.lost:kind")
    assert Registration(id="pets/Lost-v0", entry_point="pets:Lost", task_type="home").task_type
