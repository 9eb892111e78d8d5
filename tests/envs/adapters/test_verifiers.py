"""Tasksets and environments of verifiers, with somebody else's replies."""

from contextlib import closing
from pathlib import Path

import pytest

from oreo_envs.finding import find
from oreo_envs.task import EnvironmentTask

pytestmark = pytest.mark.slow


@pytest.fixture
def made(monkeypatch):
    """Makes an environment by its name, presented as a rollout gets it."""
    pytest.importorskip(
        "verifiers.v1", reason="verifiers is not installed; make test SLOW=1 installs it"
    )
    monkeypatch.syspath_prepend(str(Path(__file__).with_name("tasksets")))

    def make(name):
        return EnvironmentTask(find(name)).make()

    return make


def test_a_row_is_asked_once_and_its_rewards_are_summed(made):
    registration = find("verifiers:sums-rows").registration
    assert registration.step_limit == 1
    assert registration.prompt.instructions == "You add."
    assert {name: len(rows) for name, rows in registration.splits.items()} == {
        "train": 16,
        "valid": 2,
        "test": 2,
    }
    with closing(made("verifiers:sums-rows")) as env:
        observation, info = env.reset(options={"instance": "000004"})
        assert (observation, info["instance"]) == ("What is 4 + 8?", "000004")
        observation, reward, over, truncated, info = env.step("It is 12")
        assert (observation, reward, over, truncated) == ("", 1.0, True, False)
        assert info["won"] is True
        env.reset(options={"instance": "000004"})
        assert env.step("It is 13")[1:3] == (0.0, True)
        env.reset(options={"instance": "000004"})
        assert env.step(f"{'I think ' * 9} 12")[1:3] == (0.0, True)


def test_settings_reach_the_taskset_and_success_is_ours(made):
    with closing(made("verifiers:sums-rows?rows=5&success=0.85")) as env:
        assert list(find("verifiers:sums-rows?rows=5&success=0.85").registration.splits) == [
            "train"
        ]
        env.reset(seed=4)
        assert env.step(f"{'I think ' * 9} 12")[1:3] == (1.0, True)
        assert env.reset(seed=9)[1]["instance"] == "000004"


def test_an_environment_leads_the_conversation(made):
    with closing(made("verifiers:higher-lower")) as env:
        assert find("verifiers:higher-lower").registration.step_limit == 6
        observation, _ = env.reset(seed=0)
        assert observation == "Find my digit."
        seen = []
        for guess in range(10):
            observation, reward, over, _, info = env.step(str(guess))
            seen.append((observation, reward, info["won"]))
            if over:
                break
        assert seen[-1] == ("", 1.0, True)
        assert {*seen[:-1]} <= {("It is higher.", 0.0, False)}


def test_a_stop_of_the_tasks_ends_the_episode(made):
    with closing(made("verifiers:higher-lower")) as env:
        env.reset(seed=0)
        steps = [env.step("x") for _ in range(6)]
    assert [step[1:3] for step in steps] == [(0.0, False)] * 5 + [(0.0, True)]


def test_an_episode_that_was_left_disturbs_none_after_it(made):
    with closing(made("verifiers:higher-lower")) as env:
        env.reset(seed=0)
        env.step("x")
        env.reset(seed=1)
        assert [env.step("x")[2] for _ in range(6)] == [False] * 5 + [True]
        with pytest.raises(RuntimeError, match="reset first"):
            env.step("x")


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("refused?what=container", "needs a container"),
        ("refused?what=reward", "works in a runtime"),
        ("refused?what=setup", "works in a runtime"),
        ("refused?what=rewriting", "rewrites messages"),
        ('refused?what=setup&task={"judges":[{"id":"reference"}]}', "asks a judge model"),
        ("two-agents", r"has several agents \(asks, answers\)"),
        ("refused", "cannot load.*what"),
        ("sums-rows?rows=0", "has no rows"),
        ("sums-rows?row=3", "cannot load.*row"),
        ("no-such-rows", "not found"),
    ],
)
def test_what_cannot_be_played_is_refused_when_it_is_named(made, name, fault):
    with pytest.raises(LookupError, match=fault):
        find(f"verifiers:{name}")
