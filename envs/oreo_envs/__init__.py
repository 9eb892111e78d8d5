"""Worlds to act in, registered with Gymnasium, and the way to bring worlds of one's own.

``gymnasium.make("oreo_envs:oreo/ALFWorld-v0", split="train", data=FOLDER)`` plays one game at a
time; ``gymnasium.make_vec(..., vectorization_mode="vector_entry_point")`` plays many in one loop.
`register` makes an environment of yours known; see docs/environments.md.
"""

from oreo_envs.adapter import TextAdapter as TextAdapter
from oreo_envs.finding import find as find
from oreo_envs.players import Player as Player
from oreo_envs.prose import Prose as Prose
from oreo_envs.registration import REGISTRATIONS as REGISTRATIONS
from oreo_envs.registration import Prompt as Prompt
from oreo_envs.registration import Registration as Registration
from oreo_envs.registration import register as register
from oreo_envs.textworld.prompts import PROMPTS as _TEXTWORLD_PROMPTS
from oreo_envs.toytext import LAKE_PROMPT, TAXI_PROMPT

QUESTIONS = {
    "oreo/GSM8K-v0": "gsm8k",
    "oreo/MATH-v0": "math",
    "oreo/MATH500-v0": "math500",
    "oreo/OpenBookQA-v0": "openbookqa",
    "oreo/Questions-v0": "questions",
    "oreo/StrategyQA-v0": "strategyqa",
    "oreo/WordProblems-v0": "wordproblems",
}
"""Worlds whose problems are questions, each with its task."""
FOR_TESTING = ("math500",)
"""Questions whose solutions nobody is shown."""

register(
    "oreo/ALFWorld-v0",
    "oreo_envs.alfworld.env:AlfworldEnv",
    vector_entry_point="oreo_envs.alfworld.vector:AlfworldVectorEnv",
    task="alfworld",
    expert="oreo_envs.alfworld.expert:Expert",
)
for _world, _task in QUESTIONS.items():
    register(
        _world,
        "oreo_envs.questions.env:QuestionEnv",
        kwargs={"task": _task},
        task=_task,
        expert=None if _task in FOR_TESTING else "oreo_envs.questions.worked:Worked",
    )
register(
    "oreo/FrozenLake-v0",
    "oreo_envs.toytext:frozen_lake",
    prompt=LAKE_PROMPT,
    step_limit=100,
    expert="oreo_envs.toytext:LakeExpert",
)
register(
    "oreo/Taxi-v0",
    "oreo_envs.toytext:taxi",
    prompt=TAXI_PROMPT,
    step_limit=60,
    expert="oreo_envs.toytext:TaxiExpert",
)
for _world, (_task, _prompt) in _TEXTWORLD_PROMPTS.items():
    register(
        _world,
        "oreo_envs.textworld.env:TextWorldEnv",
        kwargs={"task": _task},
        task=_task,
        prompt=_prompt,
        expert="oreo_envs.textworld.expert:Walkthrough",
    )
