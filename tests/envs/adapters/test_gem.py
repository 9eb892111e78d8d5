"""GEM's environments, as GEM plays them, behind our face."""

import logging
import random
from contextlib import closing

import pytest

import oreo_envs
from oreo_agent.cli import run
from oreo_agent.records.reader import StoreReader
from oreo_envs.finding import find
from oreo_envs.task import EnvironmentTask

pytestmark = pytest.mark.slow


@pytest.fixture
def made():
    """Makes an environment by its name, presented as a rollout gets it."""
    pytest.importorskip("gem", reason="gem-llm is not installed; make test SLOW=1 installs it")

    def make(name):
        return EnvironmentTask(find(name)).make()

    return make


HANOI = ["A C", "A B", "C B", "A C", "B A", "B C", "A C"]


def test_success_is_worth_one_and_only_the_end_pays(made):
    with closing(made("gem:game:TowerofHanoi-v0-easy")) as env:
        observation, info = env.reset(options={"instance": "000000"})
        assert "Tower of Hanoi" in observation
        assert "A: [3, 2, 1]" in observation
        assert (info["won"], info["valid"], info["admissible_commands"]) == (False, True, ())
        steps = [env.step(rf"\boxed{{{move}}}") for move in HANOI]
    assert [step[1] for step in steps] == [0.0] * 6 + [1.0]
    assert [step[2] for step in steps] == [False] * 6 + [True]
    assert steps[-1][4]["won"] is True


def test_half_the_way_is_not_won_unless_success_says_so(made):
    for name, worth in (("", 0.0), ("?success=0.3", 1.0)):
        with closing(made(f"gem:game:TowerofHanoi-v0-easy{name}")) as env:
            env.reset(seed=0)
            moves = ["A B", "A C", "B C", "C A", "C B", "A B", "A C", "B A", "A B", "B A"]
            *before, last = [env.step(rf"\boxed{{{move}}}") for move in moves]
        assert not any(step[1] or step[2] for step in before)
        assert last[1:4] == (worth, True, False)


def test_a_reply_without_a_move_is_lost_and_not_valid(made):
    with closing(made("gem:game:GuessTheNumber-v0-easy")) as env:
        env.reset(seed=0)
        _, reward, over, truncated, info = env.step("five")
    assert (reward, over, truncated, info["won"], info["valid"]) == (0.0, True, False, False, False)


def test_the_seed_decides_and_nothing_else_is_disturbed(made):
    with closing(made("gem:game:Sokoban-v0-easy")) as env:
        random.seed(9)
        before, handlers = random.getstate(), list(logging.getLogger().handlers)
        one = env.reset(options={"instance": "000003"})[0]
        assert env.reset(options={"instance": "000004"})[0] != one
        assert env.reset(options={"instance": "000003"})[0] == one
        assert random.getstate() == before
        assert logging.getLogger().handlers == handlers


def test_the_rows_of_a_data_set_are_its_instances(made):
    found = find("gem:rg:leg_counting?size=20")
    assert {name: list(rows) for name, rows in found.registration.splits.items()} == {
        "train": list(range(16)),
        "valid": [16, 17],
        "test": [18, 19],
    }
    assert found.registration.step_limit == 1
    with closing(made("gem:rg:leg_counting?size=20")) as env:
        posed = [env.reset(seed=row)[0] for row in range(20)]
        assert len({*posed}) == 20
        assert env.reset(seed=7)[0] == posed[7]
        answer = env.unwrapped.rows[7]["answer"]
        observation, reward, over, _, info = env.step(rf"So it is \boxed{{{answer}}}.")
        assert (observation, reward, over, info["won"]) == ("", 1.0, True, True)
        env.reset(seed=7)
        assert env.step("I do not know.")[1:3] == (0.0, True)
        observation, info = env.reset(seed=27)
        assert (observation, info["instance"]) == (posed[7], "000007")


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("game:Sokoban", "has no environment.*game:"),
        ("nothing", "print_envs"),
        ("rg:leg_counting?size=none", "cannot make"),
    ],
)
def test_what_cannot_be_played_is_refused_when_it_is_named(made, name, fault):
    with pytest.raises(LookupError, match=fault):
        find(f"gem:{name}")


class Solver(oreo_envs.Player):
    """Moves the three disks."""

    def begin(self, observation):
        self._moves = iter(HANOI)

    def act(self, observation, info):
        return rf"\boxed{{{next(self._moves)}}}"


def test_episodes_of_a_scripted_player_are_collected(made, tmp_path):
    told = find("gem:game:TowerofHanoi-v0-easy").registration
    oreo_envs.register(
        "mine/Hanoi-v0",
        told.entry_point,
        kwargs=told.kwargs,
        prompt=told.prompt,
        step_limit=told.step_limit,
        splits={"train": range(3)},
        expert=Solver,
    )
    told = ["--policy", "expert", "--episodes", "3", "--out", str(tmp_path / "store")]
    assert run(["rollout", "--env", "mine/Hanoi-v0", *told]) == 0
    episodes = list(StoreReader(tmp_path / "store"))
    assert [(episode.end, episode.reward) for episode in episodes] == [("won", 1.0)] * 3
    replies = [segment for segment in episodes[0].segments if segment.kind == "action"]
    assert len(replies) == 7
