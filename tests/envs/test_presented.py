"""What a world tells is kept, what it does not tell is filled in, at every reset and step."""

import copy

import gymnasium
import pytest

import oreo_envs
from oreo_envs import TextAdapter
from oreo_envs.finding import Found
from oreo_envs.presented import KEYS, Presented, present
from oreo_envs.registration import Registration
from oreo_envs.task import EnvironmentTask


class Telling(gymnasium.Env):
    """Says what it was reset with; its infos are what it is made with."""

    def __init__(self, first, later):
        self.observation_space = self.action_space = oreo_envs.Prose()
        self.first, self.later = first, later

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return f"{seed} {(options or {}).get('instance')}", dict(self.first)

    def step(self, action):
        return "Done.", 1.0, action == "end", False, dict(self.later)


def presented(first=(), later=None, **told):
    settings = {"id": "a/B-v0", "entry_point": "m:C", "task_type": "kind", **told}
    world = Telling(dict(first), dict(first if later is None else later))
    return Presented(world, Registration(**settings))


ALL = {
    "instance": "mine", "task_type": "own", "admissible_commands": ["go"],
    "won": False, "valid": False,
}  # fmt: skip


@pytest.mark.parametrize(
    "missing", [set(), *({key} for key in KEYS), {"instance", "task_type"}, KEYS]
)
def test_what_is_told_is_kept_and_what_is_missing_is_filled_in(missing):
    told = {key: value for key, value in ALL.items() if key not in missing}
    filled = {
        "instance": "000007", "task_type": "kind", "admissible_commands": (),
        "won": False, "valid": True,
    }  # fmt: skip
    env = presented(told)
    for _ in range(2):
        _, info = env.reset(options={"instance": "000007"})
        assert info == filled | told
        for command in ("go", "end"):
            assert env.step(command)[4] == filled | {"won": True} | told


@pytest.mark.parametrize("key", sorted(KEYS))
def test_what_only_steps_tell_is_kept_there(key):
    later = {key: ALL[key]}
    env = presented({}, later)
    env.reset(seed=3)
    assert env.step("go")[4][key] == ALL[key]
    env = presented({name: value for name, value in ALL.items() if name != key}, ALL)
    env.reset(seed=3)
    assert env.step("go")[4] == ALL


def test_an_empty_name_or_type_says_that_the_world_does_not_know():
    env = presented(ALL | {"instance": "", "task_type": ""})
    _, info = env.reset(options={"instance": "000007"})
    for told in (info, env.step("go")[4]):
        assert (told["instance"], told["task_type"]) == ("000007", "kind")


@pytest.mark.parametrize(
    ("splits", "name", "seen"),
    [
        ({"train": range(10)}, "000007", "7 None"),
        ({"train": [1, 7]}, "000007", "7 None"),
        ({"train": ["007", "red"]}, "007", "None 007"),
        ({"train": range(10), "valid": lambda: ["007"]}, "007", "None 007"),
        ({"train": range(10), "valid": ["red"]}, "000007", "7 None"),
        ({"train": ["red"]}, "red", "None red"),
    ],
)
def test_a_number_is_a_name_where_a_split_holds_it_and_else_a_seed(splits, name, seen):
    assert presented(splits=splits).reset(options={"instance": name})[0] == seen


def test_a_split_whose_data_is_missing_disturbs_no_other():
    def nowhere():
        raise FileNotFoundError("no data")

    env = presented(splits={"train": range(3), "test": nowhere})
    assert env.reset(options={"instance": "000002"})[0] == "2 None"


def test_instances_whose_names_are_numbers_are_played_as_a_task(as_it_was):
    class Named(Telling):
        def __init__(self):
            super().__init__({}, {})

        def reset(self, *, seed=None, options=None):
            return {"007": "a", "12": "b"}[options["instance"]], {}

    told = oreo_envs.register("games/Named-v0", Named, splits={"train": ["12", "007"]})
    task = EnvironmentTask(Found(name=told.id, registration=told))
    env = task.make()
    begun = [env.reset(options={"instance": each.id}) for each in task.instances("train")]
    assert [(said, info["instance"]) for said, info in begun] == [("a", "007"), ("b", "12")]


@pytest.mark.parametrize(
    "told", [ALL, {"admissible_commands": [], "won": False, "valid": True}, {}]
)
def test_a_copy_steps_its_own_world(told):
    env = presented(told)
    env.reset(seed=1)
    other = copy.deepcopy(env)
    other.env.later = {"prize": 1}
    assert "prize" not in env.step("go")[4]
    assert other.step("go")[4]["prize"] == 1


class Line(gymnasium.Env):
    """Places 0 to 3; what its infos say is what it is made with."""

    observation_space = gymnasium.spaces.Discrete(4)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, told):
        self.told = told

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.at = 0
        return 0, dict(self.told)

    def step(self, action):
        self.at = max(0, self.at + (1 if action else -1))
        return self.at, float(self.at == 3), self.at == 3, False, {}


def adapted(told=(), **registered):
    line = TextAdapter(Line(dict(told)), actions=["left", "right"], describe=str)
    return Presented(line, Registration(id="a/B-v0", entry_point="m:C", **registered))


@pytest.mark.parametrize(
    ("told", "registered", "name", "instance", "kind"),
    [
        ({}, {}, "000007", "000007", ""),
        ({}, {"task_type": "short"}, "000007", "000007", "short"),
        ({}, {"task_type": lambda name: f"of {name}"}, "north", "north", "of north"),
        ({"instance": "maze 3", "task_type": "maze"}, {"task_type": "x"}, None, "maze 3", "maze"),
    ],
)
def test_behind_an_adapter_an_instance_keeps_its_name_and_its_type(
    told, registered, name, instance, kind
):
    env = adapted(told, **registered)
    _, info = env.reset(options=None if name is None else {"instance": name})
    for each in (info, env.step("right")[4], env.step("nonsense")[4], env.step("right")[4]):
        assert (each["instance"], each["task_type"]) == (instance, kind)


def test_a_copy_of_an_adapter_steps_its_own_world():
    env = adapted()
    env.reset(seed=1)
    env.step("right")
    other = copy.deepcopy(env)
    assert [other.step("right")[0], other.step("right")[0]] == ["2", "3"]
    assert env.step("left")[0] == "0"
    other.reset(seed=1)
    assert (other.step("right")[0], env.step("right")[0]) == ("1", "1")


@pytest.mark.parametrize("id", ["oreo/FrozenLake-v0", "oreo/Taxi-v0"])
def test_a_world_that_tells_everything_is_stepped_without_us(id):
    env = present(oreo_envs.REGISTRATIONS[id])
    env.reset(seed=1)
    assert env.step is env.env.step


def test_commands_that_are_none_are_filled_in_as_if_they_were_missing():
    env = presented({**ALL, "admissible_commands": None})
    assert env.reset(seed=7)[1] == {**ALL, "admissible_commands": ()}
    assert env.step("go")[4] == {**ALL, "admissible_commands": ()}
