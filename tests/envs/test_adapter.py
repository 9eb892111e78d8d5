"""A world of numbers told in words: what is said, what is admitted, what is paid."""

import pickle

import gymnasium
import pytest

from oreo_envs import TextAdapter
from oreo_envs.adapter import UNKNOWN
from oreo_envs.finding import find
from oreo_envs.task import EnvironmentTask
from oreo_envs.toytext import LAKE_MAP, LAKE_PROMPT, STOPS, TAXI_PROMPT, taxi


class Line(gymnasium.Env):
    """Places 0 to 3; pays -1 a step, and 5 for the end at 3."""

    observation_space = gymnasium.spaces.Discrete(4)
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.at, self.steps = 0, 0
        return 0, {}

    def step(self, action):
        self.steps += 1
        self.at = max(0, self.at + (1 if action else -1))
        return self.at, 5.0 if self.at == 3 else -1.0, self.at == 3, False, {}


def told(**changes):
    settings = {"actions": ["left", "right"], "describe": lambda place: f"At {place}."}
    return TextAdapter(Line(), **{**settings, **changes})


def test_observations_are_described_actions_named_and_only_the_end_pays():
    env = told()
    observation, info = env.reset(seed=0)
    assert observation in env.observation_space
    assert (observation, info["admissible_commands"]) == ("At 0.", ("left", "right"))
    rewards = [env.step("right")[1] for _ in range(2)]
    observation, reward, terminated, _, info = env.step("right")
    assert (rewards, observation, reward, terminated) == ([0.0, 0.0], "At 3.", 1.0, True)
    assert (info["won"], info["valid"]) == (True, True)


def test_what_names_no_action_is_not_heard_by_the_world():
    env = told()
    env.reset(seed=0)
    env.step("right")
    observation, reward, terminated, truncated, info = env.step("up")
    assert observation == f"{UNKNOWN} At 1."
    assert (reward, terminated, truncated, info["valid"]) == (0.0, False, False, False)
    assert env.unwrapped.steps == 1
    assert env.step("  Right ")[0] == "At 2."


def test_success_is_what_the_world_pays_for_it():
    env = told(success=lambda reward: reward > 9)
    env.reset(seed=0)
    for _ in range(3):
        _, reward, terminated, _, info = env.step("right")
    assert (reward, terminated, info["won"]) == (0.0, True, False)


def test_a_whole_number_is_described_once():
    asked = []
    env = told(describe=lambda place: asked.append(place) or f"At {place}.")
    for _ in range(3):
        env.reset(seed=0)
        env.step("right")
    assert asked == [0, 1]


@pytest.mark.parametrize("name", ["oreo/FrozenLake-v0", "oreo/Taxi-v0"])
def test_a_world_of_ours_can_be_pickled_in_an_episode_and_knows_seeds_alone(name):
    env = gymnasium.make(f"oreo_envs:{name}")
    observation, info = env.reset(options={"instance": "000007"})
    assert info["instance"] == "000007"
    assert env.reset(seed=7)[0] == observation
    copy = pickle.loads(pickle.dumps(env))
    assert copy.step("south") == env.step("south")
    with pytest.raises(LookupError, match="no instance 'nope'; name a seed"):
        env.reset(options={"instance": "nope"})


@pytest.mark.parametrize("actions", [["left"], ["left", "left"], ["a", "b", "c"]])
def test_every_action_has_a_name_of_its_own(actions):
    with pytest.raises(ValueError, match="2 actions need a name each"):
        told(actions=actions)
    with pytest.raises(ValueError, match="discrete"):
        TextAdapter(told(), actions=["left", "right"], describe=str)


@pytest.mark.parametrize(("name", "least"), [("oreo/FrozenLake-v0", 24), ("oreo/Taxi-v0", 40)])
def test_the_expert_of_an_adapted_world_wins(name, least):
    task = EnvironmentTask(find(name))
    env = task.make()
    expert = __import__("pkgutil").resolve_name(task.registration.expert)()
    won = 0
    for instance in task.instances("valid")[:40]:
        observation, info = env.reset(options={"instance": instance.id})
        for _ in range(task.step_limit):
            command = expert.act(observation, info)
            observation, _, terminated, _, info = env.step(command)
            assert info["valid"]
            if terminated:
                won += info["won"]
                break
    assert won >= least


def test_the_prompts_tell_the_worlds_as_they_are():
    holes = [
        f"row {row}, column {column}"
        for row, line in enumerate(LAKE_MAP)
        for column, field in enumerate(line)
        if field == "H"
    ]
    assert all(hole in LAKE_PROMPT.instructions for hole in holes)
    lake = gymnasium.make("FrozenLake-v1").unwrapped
    assert [b"".join(row).decode() for row in lake.desc] == list(LAKE_MAP)
    for stop, (row, column) in zip(STOPS, taxi().unwrapped.locs, strict=True):
        assert f"{stop} (row {row}, column {column})" in TAXI_PROMPT.instructions.replace("\n", " ")
