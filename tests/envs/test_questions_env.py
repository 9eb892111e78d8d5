"""Questions as worlds: when a solution ends, and what it is paid."""

from collections.abc import Callable
from pathlib import Path

import gymnasium
import pytest
from gymnasium.error import ResetNeeded
from hypothesis import given, settings
from hypothesis import strategies as st

import oreo_envs
from oreo_envs.questions.env import QuestionEnv
from oreo_envs.questions.worked import Worked
from oreo_tasks import load_task

ROWS = """\
{"q": "What is 3 + 4?", "a": "7", "s": "3 + 4 = 7\\n#### 7", "kind": "sums"}
{"q": "What is 9 - 4?", "a": "5", "s": "", "kind": "sums"}
{"q": "How many are many?", "a": "many", "s": "", "kind": "riddles"}
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("questions") / "sums.jsonl"
    file.write_text(ROWS)
    return f"{file}?question=q&answer=a&verifier=number&solution=s&type=kind"


@pytest.fixture
def world(data: str) -> Callable[..., QuestionEnv]:
    def make(**told: object) -> QuestionEnv:
        return QuestionEnv(task="questions", split="all", data=data, **told)

    return make


def test_without_a_split_the_first_of_the_task_is_played(data):
    _, info = QuestionEnv(task="questions", data=data).reset(seed=0)
    assert info["instance"].startswith("all/")


@pytest.mark.parametrize(
    ("steps", "reward", "ended"),
    [
        (["3 + 4 = 7\n", "#### 7"], 1.0, "right"),
        (["3 + 4 = 8\n", "#### 8\n"], 0.0, "wrong"),
        (["It is 7"], 0.0, "wrong"),
        (["3 + 4 = 7\n", ""], 0.0, "wrong"),
        (["The answer is 7.\n"], 1.0, "right"),
    ],
)
def test_a_solution_ends_with_an_answer_or_where_its_author_stops(
    world, steps: list[str], reward: float, ended: str
):
    env = world()
    question, info = env.reset(options={"instance": "all/00000"})
    assert (question, info["task_type"], info["verdict"]) == ("What is 3 + 4?", "sums", "")
    for i, step in enumerate(steps):
        observation, paid, terminated, truncated, info = env.step(step)
        last = i + 1 == len(steps)
        assert (observation, terminated, truncated) == ("", last, False)
        assert paid == (reward if last else 0.0)
    assert (info["verdict"], info["won"], info["fault"]) == (ended, reward == 1.0, "")
    with pytest.raises(ResetNeeded):
        env.step("more\n")


def test_a_limit_cuts_a_solution_and_nothing_is_graded(world):
    env = world(step_limit=2)
    env.reset(options={"instance": "all/00000"})
    assert env.step("3 + 4 = 7\n")[2:4] == (False, False)
    _, reward, terminated, truncated, info = env.step("so it is 7\n")
    assert (reward, terminated, truncated, info["verdict"]) == (0.0, False, True, "")
    env.reset(options={"instance": "all/00000"})
    env.step("3 + 4 = 7\n")
    assert env.step("#### 7\n")[1:4] == (1.0, True, False)  # the last step may still be the answer


def test_what_nobody_can_grade_is_a_fault_and_pays_nothing(world):
    env = world()
    env.reset(options={"instance": "all/00002"})
    _, reward, terminated, _, info = env.step("#### 7")
    assert (reward, terminated, info["verdict"], info["won"]) == (0.0, True, "undecided", False)
    assert "cannot tell" in info["fault"]


def test_the_expert_writes_the_worked_solution_and_says_where_there_is_none(world):
    env = world()
    expert = Worked()
    observation, info = env.reset(options={"instance": "all/00000"})
    expert.begin(observation)
    assert env.step(expert.act(observation, info))[1] == 1.0
    observation, info = env.reset(options={"instance": "all/00001"})
    expert.begin(observation)
    with pytest.raises(LookupError, match="'all/00001' has no worked solution"):
        expert.act(observation, info)


@settings(max_examples=30)
@given(steps=st.lists(st.text(max_size=30), max_size=6))
def test_whatever_is_written_the_information_has_the_same_keys_and_the_reward_is_0_or_1(
    data: str, steps: list[str]
):
    env = QuestionEnv(task="questions", split="all", data=data, step_limit=4)
    _, first = env.reset(seed=1, options={"instance": "all/00000"})
    for step in steps:
        _, reward, terminated, truncated, info = env.step(step)
        assert reward in (0.0, 1.0)
        assert {k: type(v) for k, v in info.items()} == {k: type(v) for k, v in first.items()}
        if terminated or truncated:
            break


def test_questions_follow_one_another_from_a_place_that_the_seed_decides(world):
    one, two = world(), world()
    order = [env.reset(seed=4)[1]["instance"] for env in (one, two)]
    assert order[0] == order[1]
    rest = {one.reset()[1]["instance"] for _ in range(3)}
    assert rest == {"all/00000", "all/00001", "all/00002"}


@pytest.mark.parametrize("name", oreo_envs.QUESTIONS)
def test_every_registered_world_names_its_task(name: str):
    task = load_task(oreo_envs.QUESTIONS[name])
    assert task.environment == name
    spec = gymnasium.spec(name)
    assert spec.kwargs == {"task": task.name}


def test_a_registered_world_is_made_by_gymnasium(tmp_path: Path):
    env = gymnasium.make("oreo_envs:oreo/WordProblems-v0", split="valid", data="easy")
    question, info = env.reset(options={"instance": "easy/valid/00003"})
    assert (
        question == load_task("wordproblems").problem("easy/valid/00003", "valid", "easy").question
    )
    _, reward, terminated, _, _ = env.step(info["solution"])
    assert (reward, terminated) == (1.0, True)
    with pytest.raises(LookupError):
        env.reset(options={"instance": "easy/train/00003"})


def test_wrong_settings_are_refused(world, data: str):
    with pytest.raises(ValueError, match="step_limit"):
        world(step_limit=0)
    with pytest.raises(LookupError, match="no task"):
        QuestionEnv(task="sums", split="all", data=data)
